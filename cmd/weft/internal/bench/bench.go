// Package bench measures a network on this machine: how long it takes to start,
// what it needs while idle, and how it answers under load.
//
// Load is a closed loop: each worker has one operation under way and begins the
// next when that has ended. The latency of an update is counted from before its
// proposal is built until CommitStatus has answered, over the updates that began
// in the measured time and ended VALID; throughput counts those that ended VALID
// in it. The time before, under the same load, is not counted.
//
// Client and network share the machine, so figures compare only with figures
// that were measured on the same one at the same time. Nothing is asserted.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/node/ops"
)

// Op is an operation under load.
type Op string

// The operations.
const (
	Put      Op = "put"      // write 100 bytes under a key that nothing else uses
	Get      Op = "get"      // read one of Keys keys; a query
	Transfer Op = "transfer" // read two of Keys keys and write both
)

// Ops are all operations, in the order in which they are measured.
func Ops() []Op { return []Op{Put, Get, Transfer} }

// Config says what to measure.
type Config struct {
	// Chaincode is a .wasm file or a folder with the counter of Weft's
	// examples: put, get, transfer.
	Chaincode string
	Ops       []Op
	Workers   []int
	Keys      int
	Warmup    time.Duration
	Duration  time.Duration
	// Report is told what is being done. Optional.
	Report func(string)
}

// Report is everything that was measured.
type Report struct {
	Version  string  `json:"version"`
	Go       string  `json:"go"`
	Cores    int     `json:"cores"`
	Orderers int     `json:"orderers"`
	Peers    int     `json:"peers"`
	Policy   string  `json:"policy"`
	Start    *Start  `json:"start,omitempty"` // of a network made to be measured
	Memory   Memory  `json:"memory"`
	Loads    []*Load `json:"loads"`
	Disk     *Disk   `json:"disk,omitempty"`
}

// Own makes a network in a new folder, measures it, stops it and removes it.
func Own(ctx context.Context, dir string, t devnet.Topology, cfg Config) (r *Report, err error) {
	b, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer b.wasm.remove()
	began := time.Now()
	n, _, err := devnet.Prepare(dir, &t, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Stop(context.WithoutCancel(ctx)), n.Wipe()) }()
	b.report.Start = &Start{Identities: seconds(time.Since(began))}
	b.tell("start the network")
	if err := b.start(ctx, n, began); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.access.Close()) }()
	return b.measure(ctx)
}

// Running measures a network that runs, and leaves it running.
func Running(ctx context.Context, n *devnet.Network, cfg Config) (r *Report, err error) {
	b, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer b.wasm.remove()
	b.use(n)
	defer func() { err = errors.Join(err, b.access.Close()) }()
	if b.report.Memory.Idle, err = memoryOf(n); err != nil {
		return nil, err
	}
	if err := b.deploy(ctx); err != nil {
		return nil, err
	}
	return b.measure(ctx)
}

// run is one measurement of one network.
type run struct {
	cfg    Config
	wasm   *compiled
	net    *devnet.Network
	access *access.Access
	report *Report
	keys   *keys
}

func prepare(ctx context.Context, cfg Config) (*run, error) {
	b := &run{cfg: cfg, keys: newKeys(cfg.Keys), report: &Report{
		Version: ops.Version(), Go: runtime.Version(), Cores: runtime.NumCPU(), Policy: policy}}
	b.tell("compile the chaincode")
	var err error
	b.wasm, err = compile(ctx, cfg.Chaincode)
	return b, err
}

func (b *run) use(n *devnet.Network) {
	b.net, b.access = n, access.New(n)
	b.report.Orderers, b.report.Peers = len(n.Orderers()), len(n.Peers())
}

func (b *run) tell(format string, args ...any) {
	if b.cfg.Report != nil {
		b.cfg.Report(fmt.Sprintf(format, args...))
	}
}

// measure puts a deployed chaincode under load.
func (b *run) measure(ctx context.Context) (*Report, error) {
	var err error
	if b.report.Memory.Deployed, err = memoryOf(b.net); err != nil {
		return nil, err
	}
	c, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	disk := startDisk(b.net)
	for _, op := range b.cfg.Ops {
		if op != Put && disk != nil {
			b.report.Disk, disk = disk.grown(b.report.Loads), nil
		}
		if op != Put && !b.keys.stored {
			b.tell("store %d keys", b.cfg.Keys)
			if err := b.fill(ctx, c); err != nil {
				return nil, err
			}
		}
		for _, workers := range b.cfg.Workers {
			b.tell("%s, %d at a time", op, workers)
			l, err := b.load(ctx, c, op, workers)
			if err != nil {
				return nil, err
			}
			b.report.Loads = append(b.report.Loads, l)
		}
	}
	if disk != nil {
		b.report.Disk = disk.grown(b.report.Loads)
	}
	b.report.Memory.Loaded, err = memoryOf(b.net)
	return b.report, err
}
