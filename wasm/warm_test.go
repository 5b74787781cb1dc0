package wasm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
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
