package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/bench"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// benchOffset keeps a network that is made to be measured out of the way of one
// on the usual ports.
const benchOffset = 10000

type benchFlags struct {
	topology devnet.Topology
	ops      []string
	cfg      bench.Config
}

func benchCommand(o *options) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a network: start, memory, latency, throughput",
		Long: `Measures how long a network takes from "weft up" to its first committed
transaction, the memory that it needs, latency, throughput and processor time
under load, and disk space. It makes a network of its own in a temporary folder,
which is gone afterwards; with --dir it measures the network there and leaves it
running, with one more version of the chaincode "bench" on channel1.

Load comes in a closed loop from Org1's user at Org1's peer: "put" writes 100
bytes under a new key, "get" reads one of --keys keys (a query), "transfer" reads
and writes two of them. An update's latency is from before its proposal is built
until CommitStatus has answered. "In short" are the median latencies of a lone
put and get, and what the largest number of workers gets done in a second.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			running := cmd.Flags().Changed("dir")
			if running && (cmd.Flags().Changed("peers") || cmd.Flags().Changed("port-offset")) {
				return usagef("--peers and --port-offset are for a network to be made; --dir names one that runs")
			}
			return o.bench(cmd.Context(), f, running)
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.topology.Peers, "peers", 1, "peers of every organisation, of a network to be made")
	fl.IntVar(&f.topology.PortOffset, "port-offset", benchOffset, "added to every port of a network to be made")
	fl.DurationVar(&f.cfg.Duration, "duration", 10*time.Second, "measured time of each load")
	fl.DurationVar(&f.cfg.Warmup, "warmup", 2*time.Second, "time under load before it")
	fl.IntSliceVar(&f.cfg.Workers, "workers", []int{1, 32, 256}, "numbers of operations under way at a time")
	fl.StringSliceVar(&f.ops, "op", []string{"put", "get", "transfer"}, "operations: put, get, transfer")
	fl.IntVar(&f.cfg.Keys, "keys", 1000, "keys that get and transfer choose from")
	fl.StringVar(&f.cfg.Chaincode, "chaincode", "", "counter example to deploy, a folder or .wasm (default: counter.wasm beside weft, chaincode-examples/counter)")
	return cmd
}

// Limits of what is asked for.
const (
	maxBenchWorkers = 10000 // each is a goroutine with a call under way
	maxBenchKeys    = 1 << 20
)

func (f *benchFlags) check() error {
	if f.topology.Peers < 1 {
		return usagef("--peers %d: it is at least 1", f.topology.Peers)
	}
	if f.cfg.Duration <= 0 || f.cfg.Warmup < 0 {
		return usagef("--duration %s --warmup %s: the measured time is more than nothing, the warm-up not less", f.cfg.Duration, f.cfg.Warmup)
	}
	if f.cfg.Keys < 2 || f.cfg.Keys > maxBenchKeys {
		return usagef("--keys %d: it is 2 to %d", f.cfg.Keys, maxBenchKeys)
	}
	if len(f.cfg.Workers) == 0 || slices.Min(f.cfg.Workers) < 1 || slices.Max(f.cfg.Workers) > maxBenchWorkers {
		return usagef("--workers: each number is 1 to %d", maxBenchWorkers)
	}
	for _, name := range f.ops {
		if !slices.Contains(bench.Ops(), bench.Op(name)) {
			return usagef("--op %q: it is put, get or transfer", name)
		}
	}
	for _, op := range bench.Ops() { // in the order in which they are measured
		if slices.Contains(f.ops, string(op)) {
			f.cfg.Ops = append(f.cfg.Ops, op)
		}
	}
	return nil
}

func (o *options) bench(ctx context.Context, f benchFlags, running bool) error {
	var err error
	if f.cfg.Chaincode, err = benchChaincode(f.cfg.Chaincode); err != nil {
		return err
	}
	began := time.Now()
	f.cfg.Report = func(what string) {
		_, _ = fmt.Fprintf(o.stderr, "%6.1f s  %s\n", time.Since(began).Seconds(), what)
	}
	r, err := o.measure(ctx, f, running)
	if err != nil {
		return err
	}
	if o.json() {
		return o.printJSON(struct {
			bench.Headlines
			*bench.Report
		}{r.Headlines(), r})
	}
	_, _ = fmt.Fprintln(o.stderr)
	return r.Print(o.stdout)
}

func (o *options) measure(ctx context.Context, f benchFlags, running bool) (*bench.Report, error) {
	if running {
		n, err := o.network()
		if err != nil {
			return nil, err
		}
		return bench.Running(ctx, n, f.cfg)
	}
	if err := devnet.CheckWeftd(""); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "weft-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	return bench.Own(ctx, filepath.Join(temp, "net"), f.topology, f.cfg)
}

// benchChaincode finds the chaincode to deploy.
func benchChaincode(path string) (string, error) {
	places := []string{path}
	if path == "" {
		places = []string{filepath.Join("chaincode-examples", "counter")}
		if self, err := os.Executable(); err == nil {
			places = append([]string{filepath.Join(filepath.Dir(self), "counter.wasm")}, places...)
		}
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("there is no chaincode to deploy at %s: make it with \"make examples\", or name it with --chaincode", strings.Join(places, " or "))
}
