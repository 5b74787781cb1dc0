package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/warmup"
)

func warmed(t *testing.T, calls ...string) (*wasm.Module, error) {
	t.Helper()
	code, err := warmup.Append(codeOf(t, "native"), vectors(calls...))
	if err != nil {
		t.Fatal(err)
	}
	return runtimeWith(t, small).Load(context.Background(), "native:1", code)
}

func TestWhatWarmUpCallsLeaveIsThereInEveryCallAndTheirWritesAreNot(t *testing.T) {
	m, err := warmed(t, "count", "put a 1", "count", "fly")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := string(must(t, m, newState(), "count").Payload); got != "3" {
			t.Fatalf("after two warm-up calls the counter is %s", got)
		}
	}
	if got := must(t, m, newState(), "get", "a").Payload; len(got) > 0 {
		t.Errorf("a warm-up call's write is seen: %s", got)
	}
}

func TestACallIsCheaperOnceItWasWarmedUp(t *testing.T) {
	cold := must(t, load(t, "native", small), newState(), "transfer", "a", "b").FuelUsed
	m, err := warmed(t, "transfer a b")
	if err != nil {
		t.Fatal(err)
	}
	if warm := must(t, m, newState(), "transfer", "a", "b").FuelUsed; warm >= cold {
		t.Errorf("%d units warm, %d cold", warm, cold)
	}
}

func TestAWarmUpCallThatTrapsFailsTheInstall(t *testing.T) {
	_, err := warmed(t, "count", "panic")
	var trap *wasm.Trap
	if !errors.As(err, &trap) || !strings.Contains(err.Error(), `warm-up call 2: chaincode broke off in function "panic"`) {
		t.Errorf("got %v", err)
	}
}

func TestWarmUpCallsFindMetadataAndHistoryOfWhatTheyWrote(t *testing.T) {
	s := wasm.NewScratch()
	for _, err := range []error{
		s.Put("k", []byte("1")), s.PutMetadata("", "k", "p", []byte("first")), s.PutMetadata("", "k", "q", []byte("second")),
		s.Put("k", []byte("2")), s.Delete("j"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"p": "", "q": "second"} {
		if got, err := s.GetMetadata("", "k", name); err != nil || string(got) != want {
			t.Errorf("metadata %s: %q, %v", name, got, err)
		}
	}
	if err := s.Delete("k"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.GetMetadata("", "k", "q"); got != nil || err != nil {
		t.Errorf("metadata of a deleted key: %q, %v", got, err)
	}
	var past []string
	it, err := s.History("k")
	for m, ok, next := it.Next(); ok; m, ok, next = it.Next() {
		past, err = append(past, fmt.Sprint(string(m.Value), m.Delete)), errors.Join(err, next)
	}
	if fmt.Sprint(past) != "[true 2false 1false]" || err != nil {
		t.Errorf("history %v, %v", past, err)
	}
	var guest *wasm.GuestError
	if err := s.PutMetadata("private", "k", "p", nil); !errors.As(err, &guest) || guest.Code != abi.Unsupported {
		t.Errorf("metadata of private data: %v", err)
	}
	var exhausted *wasm.Exhausted
	for n := 0; !errors.As(err, &exhausted); n++ {
		if err = s.Delete(fmt.Sprint(n)); n > 1<<20 {
			t.Fatal("what warm-up calls leave has no bound")
		}
	}
}
