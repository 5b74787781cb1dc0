package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/ledger/audit"
)

// ledgerOptions say whose ledger of which channel is meant.
type ledgerOptions struct {
	*options
	node, channel string
}

func ledgerCommand(o *options) *cobra.Command {
	c := &cobra.Command{
		Use:   "ledger",
		Short: "Verify, print, count, rebuild or roll back the ledger of a stopped node",
		Long: `Works on the ledger of one channel in a node's data directory, while the node is
stopped; a ledger that is in use is refused.

  weft ledger verify     check every block and everything derived from it
  weft ledger stats      what is in it, and how much room it takes
  weft ledger export     its blocks or transactions as JSON, one a line
  weft ledger rebuild    make state, history and indexes again from the blocks
  weft ledger rollback   go back to a height; the peer fetches the rest again

verify, stats and export change nothing, not one byte.

The ledger is named in one of two ways. A node of the network in --dir:

  weft ledger verify --peer peer0.org1.example.com --channel channel1

or a directory, which may be a node's data directory (with --channel, where it
has several channels) or the directory of a channel in it (the one with the
folders blocks and index):

  weft ledger verify /var/lib/weft/data --channel channel1
  weft ledger verify /var/lib/weft/data/peer/channels/channel1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(ledgerVerify(o), ledgerStats(o), ledgerExport(o), ledgerRebuild(o), ledgerRollback(o))
	return c
}

func (l *ledgerOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&l.node, "peer", "", "node of the network whose ledger it is, such as peer0.org1")
	c.Flags().StringVarP(&l.channel, "channel", "C", "", "the channel (needed where the node has several)")
	c.Args = cobra.MaximumNArgs(1)
}

// locate finds the directory of the ledger that arguments and flags mean.
func (l *ledgerOptions) locate(args []string) (string, error) {
	var root string
	switch {
	case len(args) == 1 && l.node != "":
		return "", usagef("name a directory or a node with --peer, not both")
	case len(args) == 1:
		root = args[0]
	case l.node == "":
		return "", usagef("name a ledger: a directory, or a node with --peer and its channel with --channel")
	default:
		n, err := l.network()
		if err != nil {
			return "", err
		}
		node, err := n.Node(l.node)
		if err != nil {
			return "", err
		}
		root = node.DataDir()
	}
	found, err := ledgersIn(root)
	if err != nil {
		return "", err
	}
	return l.choose(root, found)
}

// A ledger and the channel that its directory is named after.
type foundLedger struct{ channel, dir string }

// ledgersIn finds the ledgers at or below a directory: it may be a ledger, a
// channel's directory or a node's data directory, or a part of one.
func ledgersIn(root string) ([]foundLedger, error) {
	if _, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("find a ledger: %w", err)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find a ledger: %w", err)
	}
	var found []foundLedger
	for _, pattern := range []string{
		"blocks", "chain/blocks", // of a channel
		"channels/*/blocks", "*/chain/blocks", // of a role
		"peer/channels/*/blocks", "orderer/*/chain/blocks", // of a node
	} {
		dirs, err := filepath.Glob(filepath.Join(quoteGlob(abs), pattern))
		if err != nil {
			return nil, fmt.Errorf("find a ledger in %s: %w", root, err)
		}
		for _, dir := range dirs {
			dir = filepath.Dir(dir)
			channel := filepath.Base(strings.TrimSuffix(dir, string(filepath.Separator)+"chain"))
			if !strings.HasPrefix(channel, ".") { // a join that a crash interrupted
				found = append(found, foundLedger{channel, dir})
			}
		}
	}
	return found, nil
}

// quoteGlob makes a path that stands for itself in a pattern.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func (l *ledgerOptions) choose(root string, found []foundLedger) (string, error) {
	var names []string
	var match []foundLedger
	for _, f := range found {
		names = append(names, f.channel)
		if l.channel == "" || l.channel == f.channel || len(found) == 1 && filepath.Clean(root) == f.dir {
			match = append(match, f)
		}
	}
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("there is no ledger in %s: name a node's data directory, or a directory in it that has a folder blocks", root)
	case len(match) == 0:
		return "", fmt.Errorf("there is no ledger of channel %s in %s; there is one of %s", l.channel, root, strings.Join(names, ", "))
	case len(match) > 1 && l.channel == "":
		return "", usagef("%s has ledgers of %s: name one with --channel", root, strings.Join(names, ", "))
	case len(match) > 1: // a node that is peer and orderer
		return "", usagef("%s has several ledgers of channel %s: name one by its directory, %s or %s", root, l.channel, match[0].dir, match[1].dir)
	}
	return match[0].dir, nil
}

// inUse makes an error about a lock say what to do about it.
func (l *ledgerOptions) inUse(err error) error {
	if !errors.Is(err, audit.ErrInUse) {
		return err
	}
	if l.node == "" {
		return fmt.Errorf("%w: stop the node first", err)
	}
	return fmt.Errorf("%w: %s is running; stop the network with \"%s\" first", err, l.node, l.example("down"))
}
