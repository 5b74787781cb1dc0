package bench

import (
	"errors"
	"slices"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// Load is what was measured of one operation at one number of workers.
type Load struct {
	Op      Op      `json:"op"`
	Workers int     `json:"workers"`
	Seconds float64 `json:"seconds"`
	// Valid operations ended in the measured time; Invalid were committed
	// without effect, by code; Failed got an error, by step and code.
	Valid     int            `json:"valid"`
	PerSecond float64        `json:"validPerSecond"`
	Invalid   map[string]int `json:"invalid,omitempty"`
	Failed    map[string]int `json:"failed,omitempty"`
	// FailedBecause is one error of each kind.
	FailedBecause map[string]string `json:"failedBecause,omitempty"`
	Latency       Quantiles         `json:"latencyMs"`
	// The calls of an update.
	Endorse *Quantiles `json:"endorseMs,omitempty"`
	Submit  *Quantiles `json:"submitMs,omitempty"`
	Commit  *Quantiles `json:"commitStatusMs,omitempty"`
	// Blocks that the updates were in.
	Blocks   int     `json:"blocks,omitempty"`
	PerBlock float64 `json:"transactionsPerBlock,omitempty"`
	// CPU time in milliseconds for each valid operation, by role.
	CPU map[string]float64 `json:"cpuMsPerOperation,omitempty"`
	// Committed counts all that was committed, the warm-up's too.
	Committed int `json:"committed,omitempty"`
}

// Quantiles of durations, in milliseconds.
type Quantiles struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func quantiles(d []time.Duration) Quantiles {
	if len(d) == 0 {
		return Quantiles{}
	}
	slices.Sort(d)
	// at answers the smallest duration that at least p percent do not pass.
	at := func(p int) float64 { return milliseconds(d[max(0, (p*len(d)+99)/100-1)]) }
	return Quantiles{N: len(d), P50: at(50), P95: at(95), P99: at(99), Max: at(100)}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sum counts the outcomes of all workers.
func (w window) sum(op Op, workers int, outcomes [][]outcome) *Load {
	l := &Load{Op: op, Workers: workers, Seconds: seconds(w.to.Sub(w.from)),
		Invalid: map[string]int{}, Failed: map[string]int{}, FailedBecause: map[string]string{}}
	var total, endorse, submit, commit []time.Duration
	blocks := map[uint64]bool{}
	for _, list := range outcomes {
		for i := range list {
			o := &list[i]
			if w.has(o.ended) {
				l.count(o)
				if o.err == nil && !o.query {
					blocks[o.result.Block] = true
				}
			}
			if o.err == nil && !o.query {
				l.Committed++
			}
			if w.has(o.began) && o.good() {
				t := o.result.Times
				total = append(total, t.Total)
				endorse, submit, commit = append(endorse, t.Endorse), append(submit, t.Submit), append(commit, t.Commit)
			}
		}
	}
	l.PerSecond = round(float64(l.Valid) / w.to.Sub(w.from).Seconds())
	l.Latency = quantiles(total)
	if op != Get {
		e, s, c := quantiles(endorse), quantiles(submit), quantiles(commit)
		l.Endorse, l.Submit, l.Commit = &e, &s, &c
	}
	if l.Blocks = len(blocks); l.Blocks > 0 {
		l.PerBlock = round(float64(l.Valid+l.invalid()) / float64(l.Blocks))
	}
	l.CPU = w.after.since(w.before, l.Valid)
	return l
}

func (w window) has(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }

func (l *Load) count(o *outcome) {
	switch {
	case o.good():
		l.Valid++
	case o.err == nil:
		l.Invalid[o.result.Code.String()]++
	default:
		kind := "other"
		if f := new(client.Failure); errors.As(o.err, &f) {
			kind = f.Step + " " + f.Code.String()
		}
		l.Failed[kind]++
		l.FailedBecause[kind] = o.err.Error()
	}
}

func (l *Load) invalid() (n int) {
	for _, count := range l.Invalid {
		n += count
	}
	return n
}

// round keeps two digits.
func round(x float64) float64 { return float64(int64(x*100+0.5)) / 100 }
