package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/ledger/audit"
)

func ledgerStats(o *options) *cobra.Command {
	l := &ledgerOptions{options: o}
	c := &cobra.Command{
		Use:   "stats [DIR | --peer NAME] [--channel ID]",
		Short: "Count what is in a ledger and how much room it takes",
		Long: `Prints height and hashes, transactions by validation code, bytes on disk by part,
keys by namespace, the largest blocks, and the configurations that the channel has
had. Times are what transactions claim. Nothing is changed.`,
		Example: `  weft ledger stats --peer peer0.org1 --channel channel1
  weft ledger stats -o json --peer peer0.org1 --channel channel1 | jq .height`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := l.locate(args)
			if err != nil {
				return err
			}
			r, err := audit.Open(dir)
			if err != nil {
				return l.inUse(err)
			}
			defer func() { _ = r.Close() }() // only read
			show := newBar(o.stderr)
			defer show.end()
			s, err := r.Stats(cmd.Context(), show.tell)
			show.end()
			if err != nil {
				return err
			}
			if o.json() {
				return o.printJSON(s)
			}
			return l.printStats(s)
		},
	}
	l.flags(c)
	return c
}

func (l *ledgerOptions) printStats(s *audit.Stats) error {
	l.title(s.Channel, s.Kind, s.Dir)
	tw := tabwriter.NewWriter(l.stdout, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		var texts []string
		for _, c := range cells {
			texts = append(texts, fmt.Sprint(c))
		}
		_, _ = fmt.Fprintln(tw, strings.Join(texts, "\t"))
	}
	row("height", s.Height)
	row("newest hash", fmt.Sprintf("%x", []byte(s.Hash)))
	if len(s.CommitHash) > 0 {
		row("commit hash", fmt.Sprintf("%x", []byte(s.CommitHash)))
	}
	row("transactions", s.Transactions)
	if s.First != nil {
		row("claimed times", moment(s.First)+" to "+moment(s.Last))
	}
	row()
	if len(s.Codes) > 0 {
		row("CODE", "TRANSACTIONS")
		for _, c := range s.Codes {
			row(fmt.Sprintf("%d %s", c.Number, c.Code), c.Count)
		}
		row()
	}
	row("ON DISK", "BYTES", "FILES")
	for _, d := range s.Disk {
		row(d.Part, d.Bytes, d.Files)
	}
	row()
	if len(s.Index) > 0 {
		row("INDEX", "ENTRIES", "BYTES OF KEYS AND VALUES")
		for _, p := range s.Index {
			row(p.Part, p.Entries, p.Bytes)
		}
		row()
	}
	if len(s.Namespaces) > 0 {
		row("STATE OF NAMESPACE", "KEYS", "BYTES")
		for _, n := range s.Namespaces {
			row(n.Name(), n.Keys, n.Bytes)
		}
		row()
	}
	row("LARGEST BLOCKS", "BYTES", "TRANSACTIONS")
	for _, b := range s.Largest {
		row(b.Number, b.Bytes, b.Transactions)
	}
	row()
	row("CONFIGURATION", "BLOCK", "CLAIMED TIME", "BY", "MEMBERS")
	for _, c := range s.Configs {
		by := "-"
		if c.Creator != nil {
			by = c.Creator.String()
		}
		members := strings.Join(c.Members, ", ")
		if c.Problem != "" {
			members = c.Problem
		}
		row(c.Sequence, c.Block, moment(c.Timestamp), by, members)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, note := range s.Notes {
		l.printf("note: %s\n", note)
	}
	return nil
}

func moment(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}
