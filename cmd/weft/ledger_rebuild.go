package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/validate"
)

// ledgerState is a ledger for machines, after it was changed.
type ledgerState struct {
	Dir          string     `json:"dir"`
	Channel      string     `json:"channel"`
	Height       uint64     `json:"height"`
	Hash         audit.Hash `json:"hash"`
	CommitHash   audit.Hash `json:"commitHash,omitempty"`
	Milliseconds int64      `json:"milliseconds"`
}

func ledgerRebuild(o *options) *cobra.Command {
	l := &ledgerOptions{options: o}
	c := &cobra.Command{
		Use:   "rebuild [DIR | --peer NAME] [--channel ID]",
		Short: "Make state, history and indexes of a ledger again from its blocks",
		Long: `Removes everything that is derived from the blocks of a ledger (the folder index)
and makes it again, as recovery after a crash does: the validation codes that
stand in the blocks are taken as they are, and every block's commit hash is
compared. The blocks are not changed. If it is interrupted, the next start of the
node or the same command completes it.

Why transactions were found invalid (weft tx explain) is known only since the
block was validated here, and is forgotten for the blocks that are there.`,
		Example: `  weft ledger rebuild --peer peer0.org1 --channel channel1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := l.locate(args)
			if err != nil {
				return err
			}
			return l.rebuild(cmd.Context(), dir)
		},
	}
	l.flags(c)
	return c
}

func (l *ledgerOptions) rebuild(ctx context.Context, dir string) error {
	began := time.Now()
	kind, err := audit.KindOf(dir)
	if err != nil {
		return l.inUse(err)
	}
	show := newBar(l.stderr)
	defer show.end()
	// What is there is worth more than what cannot be made again.
	if _, err := chain.ReadLog(dir, chain.Options{}, func(_ uint64, _ []byte, done, of uint64) error {
		show.tell("bytes of block files", done, of)
		return ctx.Err()
	}); ctx.Err() != nil {
		return errors.New("interrupted; nothing was changed")
	} else if err != nil {
		return fmt.Errorf("nothing was changed, since the blocks cannot all be read: %w", err)
	}
	if err := chain.DropIndex(dir, chain.Options{}); err != nil {
		return l.inUse(err)
	}
	c, err := chain.Open(dir, replaying(ctx, kind, show))
	show.end()
	if err != nil {
		return unfinished(ctx, fmt.Errorf("the index is removed and could not be made again: %w", err))
	}
	return l.printState("Rebuilt", c, dir, began)
}

// unfinished tells of a replay that the user ended.
func unfinished(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted: the node's next start, or the same command, makes the rest")
	}
	return err
}

// replaying are the options that open a ledger and make again what is missing,
// until ctx ends.
func replaying(ctx context.Context, kind audit.Kind, show *bar) chain.Options {
	o := chain.Options{Progress: func(height, of uint64) { show.tell("blocks replayed", height, of) }}
	if kind == audit.Peer {
		o.Replay = func(b *ledger.Block, before state.Reader) (state.Batch, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return validate.Updates(b, before)
		}
	}
	o.NoSync = kind == audit.Orderer
	return o
}

// printState tells of a ledger that was changed, and closes it.
func (l *ledgerOptions) printState(verb string, c *chain.Chain, dir string, began time.Time) error {
	s := ledgerState{Dir: dir, Height: c.Height(), Hash: c.LastHash(), CommitHash: c.CommitHash()}
	var err error
	if s.Channel, err = audit.ChannelOf(c); err == nil {
		err = stands(c)
	}
	if closed := c.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	took := time.Since(began)
	s.Milliseconds = took.Milliseconds()
	if l.json() {
		return l.printJSON(s)
	}
	l.printf("%s the ledger of %s in %.1f s: height %d\n", verb, s.Channel, took.Seconds(), s.Height)
	if len(s.CommitHash) > 0 {
		l.printf("commit hash  %x, as block %d has it\n", []byte(s.CommitHash), s.Height-1)
	}
	return nil
}

// stands compares the commit hash that a replay gave with the newest block's.
func stands(c *chain.Chain) error {
	stored, err := audit.CommitHash(c, c.Height()-1)
	if err == nil && !bytes.Equal(stored, c.CommitHash()) {
		err = fmt.Errorf("the newest block has commit hash %x, but replay gave %x", stored, c.CommitHash())
	}
	return err
}
