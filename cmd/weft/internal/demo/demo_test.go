package demo

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// An attempt that fails by accident must not pass for a refusal.
func TestOnlyRefusalsCount(t *testing.T) {
	for _, c := range []struct {
		err     error
		refused bool
	}{
		{&client.StatusError{Status: common.Status_FORBIDDEN}, true},
		{status.Error(codes.PermissionDenied, "access denied: no member"), true},
		{&client.RefusedError{Status: 500, Message: "access denied"}, true},
		{&client.StatusError{Status: common.Status_SERVICE_UNAVAILABLE}, false},
		{status.Error(codes.Unavailable, "connection refused"), false},
		{errServed, false},
		{nil, false},
	} {
		answer, err := refusedWith(c.err, forbidden, denied)
		if (err == nil) != c.refused || (answer != "") != c.refused {
			t.Errorf("%v: %q, %v", c.err, answer, err)
		}
	}
}

func TestMeasureSortsAndStopsAtErrors(t *testing.T) {
	calls := 0
	l, err := measure("call", 10, func() error { calls++; return nil })
	if err != nil || calls != 10 || l.P50 > l.P95 || l.P95 > l.Max {
		t.Fatal(l, err)
	}
	broken := errors.New("broken")
	if _, err := measure("call", 10, func() error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
}

func TestWithoutColourThereAreNoMarks(t *testing.T) {
	var out bytes.Buffer
	p := &printer{w: &out}
	p.heading(1, "The network")
	p.ok("it runs")
	p.table([][]string{{"A", "B"}, {"long value", "x"}})
	if strings.Contains(out.String(), "\x1b") {
		t.Fatalf("%q", out.String())
	}
	if !strings.Contains(out.String(), "A           B\n") || !strings.Contains(out.String(), "long value  x\n") {
		t.Fatalf("%q", out.String())
	}
}
