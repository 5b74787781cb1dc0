package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := printer{w}
	p.line("Weft %s, %s, %d cores, client and network on one machine", r.Version, r.Go, r.Cores)
	p.line("%d orderers, %d peers, endorsed by %s", r.Orderers, r.Peers, r.Policy)
	if r.Start != nil {
		p.start(r.Start)
	}
	p.memory(r.Memory)
	p.headlines(r.Headlines())
	p.loads(r.Loads)
	if d := r.Disk; d != nil {
		p.line("\nDISK, bytes per transaction over %d of them\tpeer %.0f\torderer %.0f", d.Transactions, d.Peer, d.Orderer)
	}
	return w.Flush()
}

// printer collects lines; the error of the last write is Flush's.
type printer struct{ w *tabwriter.Writer }

func (p printer) line(format string, args ...any) { _, _ = fmt.Fprintf(p.w, format+"\n", args...) }

func (p printer) start(s *Start) {
	p.line("\nFROM UP TO THE FIRST COMMITTED TRANSACTION\t%.2f s", s.Total)
	p.line("  identities and configuration\t%.2f s", s.Identities)
	p.line("  nodes up, channel joined, leader elected\t%.2f s", s.Nodes)
	p.line("  chaincode deployed\t%.2f s", s.Deploy)
	for _, step := range s.Steps {
		p.line("    %s %s\t%.2f s", step.Step, step.Where, step.Took)
	}
	p.line("  first transaction\t%.2f s", s.First)
}

func (p printer) memory(m Memory) {
	if m.Idle == nil {
		return
	}
	p.line("\nRESIDENT MEMORY, MB\tIDLE\tDEPLOYED\tAFTER LOAD")
	for _, role := range roles(m.Idle) {
		p.line("  %s\t%.0f\t%.0f\t%.0f", role, m.Idle[role], m.Deployed[role], m.Loaded[role])
	}
}

func (p printer) headlines(h Headlines) {
	if h == (Headlines{}) {
		return
	}
	p.line("\nIN SHORT")
	for _, l := range []struct {
		what string
		n    float64
		unit string
	}{
		{"lone update, median", h.LoneUpdate, "%.1f ms"},
		{"lone query, median", h.LoneQuery, "%.2f ms"},
		{fmt.Sprintf("valid updates, %d callers", h.UpdateWorkers), h.Updates, "%.0f a second"},
		{fmt.Sprintf("queries, %d callers", h.QueryWorkers), h.Queries, "%.0f a second"},
	} {
		if l.n > 0 {
			p.line("  %s\t"+l.unit, l.what, l.n)
		}
	}
}

func (p printer) loads(loads []*Load) {
	p.line("\nLOAD\tWORKERS\tVALID/S\tLATENCY, MS\tENDORSE\tSUBMIT\tCOMMIT STATUS\tTX/BLOCK\tCPU MS EACH\tNOT VALID")
	for _, l := range loads {
		p.line("  %s\t%d\t%.1f\t%s\t%s\t%s\t%s\t%s\t%s\t%s", l.Op, l.Workers, l.PerSecond, triple(&l.Latency),
			triple(l.Endorse), triple(l.Submit), triple(l.Commit), perBlock(l), cpu(l, roleAll), bad(l))
	}
	p.line("  (latencies and calls: p50 / p95 / p99)")
	p.split(loads)
	for _, l := range loads {
		for _, kind := range slices.Sorted(maps.Keys(l.FailedBecause)) {
			p.line("\n%s with %d workers, %s: %s", l.Op, l.Workers, kind, l.FailedBecause[kind])
		}
	}
}

// split shows who used the processors.
func (p printer) split(loads []*Load) {
	var names []string
	for _, l := range loads {
		if len(l.CPU) > 0 {
			names = roles(l.CPU)
		}
	}
	if names == nil {
		return
	}
	p.line("\nCPU MS FOR EACH VALID\tWORKERS\t%s", strings.ToUpper(strings.Join(names, "\t")))
	for _, l := range loads {
		var cells []string
		for _, n := range names {
			cells = append(cells, cpu(l, n))
		}
		p.line("  %s\t%d\t%s", l.Op, l.Workers, strings.Join(cells, "\t"))
	}
}

func triple(q *Quantiles) string {
	if q == nil || q.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f / %.1f / %.1f", q.P50, q.P95, q.P99)
}

func perBlock(l *Load) string {
	if l.Blocks == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", l.PerBlock)
}

func cpu(l *Load, role string) string {
	if l.CPU == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", l.CPU[role])
}

// bad says what did not end as it was meant to.
func bad(l *Load) string {
	var parts []string
	for _, counts := range []map[string]int{l.Invalid, l.Failed} {
		for _, kind := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	if parts == nil {
		return "0"
	}
	return strings.Join(parts, ", ")
}

// roles sorts, the sum last.
func roles(by map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		if (a == roleAll) != (b == roleAll) {
			if a == roleAll {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
}
