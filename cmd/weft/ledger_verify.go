package main

import (
	"fmt"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/ledger/audit"
)

func ledgerVerify(o *options) *cobra.Command {
	l := &ledgerOptions{options: o}
	var temp string
	c := &cobra.Command{
		Use:   "verify [DIR | --peer NAME] [--channel ID]",
		Short: "Check every block of a ledger and everything derived from it",
		Long: `Reads every block of a ledger and checks, in this order,

  block files           every record by its checksum
  hash chain            every block has its number and the hash of the one before
  data hashes           headers say what the data is, which reads one way only
  orderers' signatures  under the configuration in force at the block
  validation codes      all transactions are validated again, on a state of their own
  commit hashes         what the blocks say against what validation gives
  state                 every key of this ledger's state against the one made anew
  indexes               the same for transaction ids, block hashes, history

The genesis block is taken as it is: compare its hash, which is printed, with
what the channel's members agreed on. An orderer's ledger has no codes and no
state, so the checks of those are left out.

The first fault ends the work. It is named with block, transaction or path and
offset, and the command ends with 1. Nothing is changed. State that is made anew
goes to a temporary directory, which takes about as much room as the folder
index of the ledger.`,
		Example: `  weft ledger verify --peer peer0.org1.example.com --channel channel1
  weft ledger verify -o json /var/lib/weft/data/peer/channels/channel1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := l.locate(args)
			if err != nil {
				return err
			}
			show := newBar(o.stderr)
			defer show.end()
			v, err := audit.Verify(cmd.Context(), dir, audit.VerifyOptions{Workers: runtime.GOMAXPROCS(0), Temp: temp, Progress: show.tell})
			show.end()
			if err != nil {
				return l.inUse(err)
			}
			return l.verified(v)
		},
	}
	l.flags(c)
	c.Flags().StringVar(&temp, "temp", "", "where to make the temporary directory (default: the system's)")
	return c
}

func (l *ledgerOptions) verified(v *audit.Verification) error {
	if l.json() {
		if err := l.printJSON(v); err != nil {
			return err
		}
	} else if err := l.printVerification(v); err != nil {
		return err
	}
	if fault := v.Fault(); fault != nil {
		return fmt.Errorf("the ledger in %s is not what it should be: %w", v.Dir, fault)
	}
	return nil
}

func (l *ledgerOptions) printVerification(v *audit.Verification) error {
	l.title(v.Channel, v.Kind, v.Dir)
	tw := tabwriter.NewWriter(l.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "CHECK\tCHECKED\tRESULT")
	for _, r := range v.Results {
		result := "ok"
		switch {
		case r.Fault != nil:
			result = "FAULT " + r.Fault.Error()
		case !r.Complete:
			result = "not completed"
		}
		_, _ = fmt.Fprintf(tw, "%s\t%d %s\t%s\n", r.Check, r.Checked, r.Unit, result)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	l.printf("\nheight        %d\n", v.Height)
	l.printf("transactions  %d\n", v.Transactions)
	for _, h := range []struct {
		name string
		hash audit.Hash
	}{{"genesis hash  ", v.Genesis}, {"newest hash   ", v.Hash}, {"commit hash   ", v.CommitHash}} {
		if len(h.hash) > 0 {
			l.printf("%s%x\n", h.name, []byte(h.hash))
		}
	}
	for _, note := range v.Notes {
		l.printf("note: %s\n", note)
	}
	return nil
}

// title says which ledger it is.
func (l *ledgerOptions) title(channel string, kind audit.Kind, dir string) {
	if channel == "" {
		channel = "an unknown channel"
	}
	of := "a peer's"
	if kind == audit.Orderer {
		of = "an orderer's"
	}
	l.printf("The ledger of %s, %s, in %s\n\n", channel, of, l.short(dir))
}
