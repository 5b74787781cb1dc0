package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/chain"
)

// rollbackFlags are the flags of weft ledger rollback.
type rollbackFlags struct {
	height      uint64
	yes, dryRun bool
}

func ledgerRollback(o *options) *cobra.Command {
	l, f := &ledgerOptions{options: o}, &rollbackFlags{}
	c := &cobra.Command{
		Use:   "rollback [DIR | --peer NAME] [--channel ID] --to HEIGHT",
		Short: "Take a peer's ledger back to a height",
		Long: `Removes the newest blocks of a peer's ledger, so that HEIGHT of them are left, and
makes state, history and indexes again from those. It first shows what goes, and
asks; --yes answers, --dry-run only shows.

Nothing is lost to the channel: when the peer is started again it fetches the
blocks from the orderers or other peers, and validates them again. If it is
interrupted before it says that blocks are being removed, nothing has changed;
after that the next start of the peer, or the same command, completes it.

An orderer's ledger is not rolled back: its Raft log counts on it.`,
		Example: `  weft ledger rollback --peer peer0.org1 --channel channel1 --to 120 --dry-run
  weft ledger rollback --peer peer0.org1 --channel channel1 --to 120`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := l.locate(args)
			if err != nil {
				return err
			}
			return l.rollBack(cmd.Context(), dir, f, cmd.InOrStdin())
		},
	}
	l.flags(c)
	c.Flags().Uint64Var(&f.height, "to", 0, "how many blocks to keep (needed)")
	c.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would go, and change nothing")
	must(c.MarkFlagRequired("to"))
	return c
}

// rollbackPlan is what would go, for machines.
type rollbackPlan struct {
	Dir     string        `json:"dir"`
	Channel string        `json:"channel"`
	Height  uint64        `json:"height"` // now
	To      uint64        `json:"to"`
	Lost    *audit.Totals `json:"lost"`
	// Unreadable says why the blocks from some on could not be counted.
	Unreadable string `json:"unreadable,omitempty"`
}

func (l *ledgerOptions) rollBack(ctx context.Context, dir string, f *rollbackFlags, answers io.Reader) error {
	began := time.Now()
	show := newBar(l.stderr)
	defer show.end()
	p, err := l.planRollback(ctx, dir, f.height, show)
	show.end()
	if err != nil {
		return err
	}
	if err := l.printPlan(p, f); err != nil || f.dryRun {
		return err
	}
	if !f.yes {
		if err := l.ask(answers); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(l.stderr, "removing blocks %d to %d …\n", p.To, p.Height-1)
	o := replaying(ctx, audit.Peer, show)
	if err := chain.Rollback(dir, f.height, o); err != nil {
		return unfinished(ctx, l.inUse(err))
	}
	c, err := chain.Open(dir, o)
	show.end()
	if err != nil {
		return err
	}
	return l.printState("Rolled back", c, dir, began)
}

// planRollback finds out what would go, and refuses what cannot be done.
func (l *ledgerOptions) planRollback(ctx context.Context, dir string, height uint64, show *bar) (*rollbackPlan, error) {
	r, err := audit.Open(dir)
	if errors.Is(err, chain.ErrRollback) {
		_, _ = fmt.Fprintln(l.stderr, "completing a rollback that was interrupted …")
		if r, err = l.settle(ctx, dir, show); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, l.inUse(err)
	}
	defer func() { _ = r.Close() }() // only read
	switch {
	case r.Kind == audit.Orderer:
		return nil, fmt.Errorf("%s is an orderer's ledger: its Raft log counts on the blocks, so they are not taken back", dir)
	case height == 0:
		return nil, usagef("--to 0: a ledger keeps at least its genesis block, so it is 1 to %d", r.Height()-1)
	case height >= r.Height():
		return nil, fmt.Errorf("the ledger of %s has height %d, so --to is 1 to %d", r.Channel, r.Height(), r.Height()-1)
	}
	lost, err := audit.Count(ctx, r, height, func(done, of uint64) { show.tell("blocks read", done, of) })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p := &rollbackPlan{Dir: dir, Channel: r.Channel, Height: r.Height(), To: height, Lost: lost}
	if err != nil { // a damaged block may be what is to go
		p.Unreadable = err.Error()
	}
	return p, nil
}

// settle completes a rollback, as the start of the node would.
func (l *ledgerOptions) settle(ctx context.Context, dir string, show *bar) (*audit.Reader, error) {
	c, err := chain.Open(dir, replaying(ctx, audit.Peer, show))
	if err != nil {
		return nil, l.inUse(err)
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	return audit.Open(dir)
}

func (l *ledgerOptions) printPlan(p *rollbackPlan, f *rollbackFlags) error {
	if l.json() {
		if f.dryRun {
			return l.printJSON(p)
		}
		return nil // the result is to come
	}
	l.printf("Ledger of %s in %s: from height %d to %d.\n", p.Channel, l.short(p.Dir), p.Height, p.To)
	l.printf("These go from this peer: %d blocks (%d to %d)", p.Height-p.To, p.To, p.Height-1)
	if p.Unreadable != "" {
		l.printf(", of which only the first %d can be read (%s),", p.Lost.Blocks, p.Unreadable)
	}
	l.printf(" with %d transactions, %d bytes", p.Lost.Transactions, p.Lost.Bytes)
	if p.Lost.First != nil {
		l.printf(",\nmade from %s to %s", moment(p.Lost.First), moment(p.Lost.Last))
	}
	l.printf(".\n")
	for _, c := range p.Lost.Codes {
		l.printf("  %6d  %d %s\n", c.Count, c.Number, c.Code)
	}
	for _, c := range p.Lost.Configs {
		l.printf("  configuration %d of block %d\n", c.Sequence, c.Block)
	}
	return nil
}

// ask goes on after yes.
func (l *ledgerOptions) ask(answers io.Reader) error {
	_, _ = fmt.Fprint(l.stderr, "Remove them? Type yes: ")
	line, err := bufio.NewReader(answers).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != "yes" {
		return errors.New("nothing was changed; --yes answers the question")
	}
	return nil
}
