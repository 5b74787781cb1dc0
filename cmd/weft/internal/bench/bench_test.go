package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

var start = time.Unix(1000, 0)

// at is a moment of the measurement: the measured time is 10 s to 20 s.
func at(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

func measured() window { return window{from: at(10), to: at(20)} }

func update(began, ended float64, code peer.TxValidationCode, block uint64) outcome {
	r := &client.Result{Code: code, Block: block}
	r.Times.Total = at(ended).Sub(at(began))
	return outcome{began: at(began), ended: at(ended), result: r}
}

func TestThroughputCountsWhatEndedInTheMeasuredTime(t *testing.T) {
	l := measured().sum(Put, 2, [][]outcome{
		{update(8, 9.9, peer.TxValidationCode_VALID, 1), update(9.9, 10.1, peer.TxValidationCode_VALID, 2)},
		{update(15, 16, peer.TxValidationCode_VALID, 2), update(19, 20.5, peer.TxValidationCode_VALID, 3)},
	})
	if l.Valid != 2 || l.PerSecond != 0.2 || l.Blocks != 1 || l.PerBlock != 2 || l.Committed != 4 {
		t.Errorf("valid %d, %v a second, %v in each of %d blocks, committed %d", l.Valid, l.PerSecond, l.PerBlock, l.Blocks, l.Committed)
	}
}

func TestLatencyCountsWhatBeganInTheMeasuredTimeAndEndedValid(t *testing.T) {
	l := measured().sum(Put, 1, [][]outcome{{
		update(9.9, 10.1, peer.TxValidationCode_VALID, 1),
		update(15, 16, peer.TxValidationCode_VALID, 2),
		update(16, 19, peer.TxValidationCode_MVCC_READ_CONFLICT, 2),
		update(19, 21, peer.TxValidationCode_VALID, 3),
	}})
	if l.Latency.N != 2 || l.Latency.P50 != 1000 || l.Latency.Max != 2000 {
		t.Errorf("latency %+v, want one of 1 s and one of 2 s", l.Latency)
	}
	if l.Invalid["MVCC_READ_CONFLICT"] != 1 {
		t.Errorf("invalid %v, want one conflict", l.Invalid)
	}
}

func TestFailuresAreCountedByStepAndCode(t *testing.T) {
	failed := outcome{began: at(11), ended: at(12), err: &client.Failure{Step: client.StepEndorse, Code: codes.Aborted, Message: "no"}}
	l := measured().sum(Put, 1, [][]outcome{{failed, {began: at(12), ended: at(13), err: errors.New("lost")}}})
	if l.Valid != 0 || l.Failed["endorse Aborted"] != 1 || l.Failed["other"] != 1 || l.Latency.N != 0 {
		t.Errorf("valid %d, failed %v, latency %+v", l.Valid, l.Failed, l.Latency)
	}
}

func TestQueriesHaveNoBlocks(t *testing.T) {
	o := update(11, 11.5, 0, 0)
	o.query = true
	l := measured().sum(Get, 1, [][]outcome{{o}})
	if l.Valid != 1 || l.Blocks != 0 || l.Endorse != nil || l.Latency.P50 != 500 {
		t.Errorf("%+v", l)
	}
}

func TestQuantilesAreDurationsThatWereMeasured(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100-i) * time.Millisecond
	}
	for _, c := range []struct {
		durations []time.Duration
		want      Quantiles
	}{
		{nil, Quantiles{}},
		{[]time.Duration{time.Second}, Quantiles{1, 1000, 1000, 1000, 1000}},
		{hundred, Quantiles{100, 50, 95, 99, 100}},
	} {
		if got := quantiles(c.durations); got != c.want {
			t.Errorf("%d durations: %+v, want %+v", len(c.durations), got, c.want)
		}
	}
}

func TestProcessorTimeIsReadBehindAnyName(t *testing.T) {
	stat := "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0"
	if got := processorTime(stat); got != 3 {
		t.Errorf("%v s, want 2.5 s of user and 0.5 s of system time", got)
	}
	if got := processorTime("42 (weftd) S 1"); got != 0 {
		t.Errorf("a line that is cut off: %v s", got)
	}
	if got := resident([]byte("VmPeak:\t9 kB\nVmRSS:\t 2048 kB\nThreads: 3\n")); got != 2 {
		t.Errorf("%v MB resident, want 2", got)
	}
}

func TestTransfersAreBetweenTwoKeys(t *testing.T) {
	k := newKeys(2)
	for range 100 {
		if a, b := k.pair(); a == b {
			t.Fatalf("%s transfers to itself", a)
		}
	}
	if len(value(7)) != valueBytes {
		t.Errorf("put writes %d bytes", len(value(7)))
	}
}

func TestTheReportShowsWhatWasMeasuredAndNothingElse(t *testing.T) {
	r := &Report{Version: "v1", Go: "go1", Cores: 2, Loads: []*Load{
		measured().sum(Put, 1, [][]outcome{{update(11, 12, peer.TxValidationCode_VALID, 1)}}),
	}}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"FIRST", "MEMORY", "queries", "CPU MS FOR", "DISK", "%!"} {
		if strings.Contains(out.String(), absent) {
			t.Errorf("the report holds %q:\n%s", absent, out.String())
		}
	}
	if !strings.Contains(out.String(), "1000.0 / 1000.0 / 1000.0") {
		t.Errorf("the report lacks the latency:\n%s", out.String())
	}
}

func TestTheHeadlinesAreFiguresOfTheLoads(t *testing.T) {
	load := func(op Op, workers int, perSecond, p50 float64) *Load {
		return &Load{Op: op, Workers: workers, PerSecond: perSecond, Latency: Quantiles{N: 1, P50: p50}}
	}
	r := &Report{Loads: []*Load{
		load(Put, 1, 100, 7.5), load(Put, 32, 900, 30), load(Put, 256, 800, 300),
		load(Get, 1, 1000, 0.9), load(Get, 256, 7000, 30), load(Get, 32, 8000, 4),
		load(Transfer, 1, 1, 1),
	}}
	want := Headlines{LoneUpdate: 7.5, LoneQuery: 0.9, Updates: 800, UpdateWorkers: 256, Queries: 7000, QueryWorkers: 256}
	if got := r.Headlines(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "valid updates, 256 callers") {
		t.Errorf("%v:\n%s", err, &out)
	}
	if h := (&Report{}).Headlines(); h != (Headlines{}) {
		t.Errorf("of nothing: %+v", h)
	}
}
