// Package demo shows a Weft network at work, and checks what it shows: a
// network, its chaincode, the nine steps of a transaction, refused
// transactions, the borders of channels, and faults under load.
//
// Each section of a Scenario is a method that returns what it found, or an
// error that names the claim that did not hold; tests call the same methods.
// The methods build on each other and are called in the order of Run.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// Config of a Scenario.
type Config struct {
	// Dir is the network's folder. It must be missing or empty.
	Dir        string
	PortOffset int
	// Weftd is the node daemon; see devnet.Network.UseWeftd.
	Weftd string
	// Asset and Counter are the example chaincodes: folders of Go source, or
	// .wasm files.
	Asset, Counter string
	// Out is told what happens, as text.
	Out io.Writer
	// Color marks headings and answers, for terminals.
	Color bool
	// Detached nodes live on when this process ends.
	Detached bool
}

// Scenario is a demonstration on one network. Use it from one goroutine.
type Scenario struct {
	// Net is the network, set by Up.
	Net *devnet.Network

	cfg     Config
	out     *printer
	access  *access.Access
	began   time.Time
	started bool
	ids     int // of assets made so far
}

// The channels.
const (
	channel1 = devnet.FirstChannel
	channel2 = "channel2"
)

// bothPolicy asks for a peer of Org1 and one of Org2.
const bothPolicy = "AND('Org1MSP.peer','Org2MSP.peer')"

// New makes a scenario. Nothing is started.
func New(cfg Config) *Scenario {
	return &Scenario{cfg: cfg, out: &printer{w: cfg.Out, color: cfg.Color}}
}

// Report is what the sections found.
type Report struct {
	Network   *Network   `json:"network"`
	Deployed  *Deployed  `json:"chaincode"`
	Steps     *Steps     `json:"nineSteps"`
	Conflicts *Conflicts `json:"conflicts"`
	Borders   *Borders   `json:"borders"`
	Faults    *Faults    `json:"faults"`
	Totals    *Totals    `json:"summary"`
}

// Run shows everything, in order. The first claim that does not hold ends it.
// The network stays: see Close.
func (s *Scenario) Run(ctx context.Context) (*Report, error) {
	r := &Report{}
	for i, section := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"The network", func(ctx context.Context) error {
			if err := s.Up(ctx); err != nil {
				return err
			}
			return into(&r.Network, s.Describe)(ctx)
		}},
		{"Chaincode: two WebAssembly modules on channel1", into(&r.Deployed, s.Deploy)},
		{"Nine steps: an update and a query", into(&r.Steps, s.NineSteps)},
		{"Transactions that are not valid", into(&r.Conflicts, s.Conflicts)},
		{"Borders: who is no member gets nothing", into(&r.Borders, s.Borders)},
		{"Faults: a leader and a peer are killed under load", into(&r.Faults, s.Faults)},
		{"Summary", into(&r.Totals, s.Summary)},
	} {
		s.out.heading(i+1, section.title)
		start := time.Now()
		if err := section.run(ctx); err != nil {
			if ctx.Err() != nil {
				return r, errors.New("interrupted")
			}
			return r, fmt.Errorf("section %d, %s: %w", i+1, section.title, err)
		}
		s.out.done(time.Since(start))
	}
	return r, nil
}

// into keeps what a section returns.
func into[T any](place *T, section func(context.Context) (T, error)) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		*place, err = section(ctx)
		return err
	}
}

// Close ends the connections and stops the network, unless keep.
func (s *Scenario) Close(ctx context.Context, keep bool) error {
	var errs []error
	if s.access != nil {
		errs = append(errs, s.access.Close())
	}
	if s.started && !keep {
		errs = append(errs, s.Net.Stop(ctx))
	}
	return errors.Join(errs...)
}

// claim is an error unless it holds.
func claim(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("this does not hold: "+format, args...)
}

// node finds a node that every network has.
func (s *Scenario) node(name string) (*devnet.Node, error) { return s.Net.Node(name) }

// session connects User1 of a peer's organisation to it.
func (s *Scenario) session(ctx context.Context, peer, channel string) (*client.Session, error) {
	p, err := s.node(peer)
	if err != nil {
		return nil, err
	}
	return s.access.Session(ctx, p, p.Org, access.User1, channel)
}

// pollInterval of what can only be asked, not waited for; settleTimeout is how
// long it may take, on a busy machine.
const (
	pollInterval  = 20 * time.Millisecond
	settleTimeout = 2 * time.Minute
)

// until asks again and again until the answer is yes. The error of the last
// question is in the error, if time runs out.
func until(ctx context.Context, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		done, err := ask()
		if done {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited in vain until %s", what), err)
		}
	}
}
