package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/ledger/audit"
)

// exportFlags are the flags of weft ledger export.
type exportFlags struct {
	from, to uint64
	file     string
	tx, raw  bool
	given    bool // to
}

func ledgerExport(o *options) *cobra.Command {
	l, f := &ledgerOptions{options: o}, &exportFlags{}
	c := &cobra.Command{
		Use:   "export [DIR | --peer NAME] [--channel ID]",
		Short: "Print the blocks of a ledger as JSON, one a line",
		Long: `Prints blocks as JSON, one a line, with headers, signers, validation codes,
arguments, answers, events, read-write sets and configurations decoded. With --tx
a line is a transaction, with its block's number and hash. With --fabric a block
is printed as Fabric's configtxlator prints it.

Values that are UTF-8 text are strings; others are objects {"base64": "…"}.
Nothing is checked: see weft ledger verify. Nothing is changed.`,
		Example: `  weft ledger export --peer peer0.org1 --channel channel1 --from 10 --to 20
  weft ledger export --peer peer0.org1 --channel channel1 --tx | jq 'select(.code != "VALID") | .transactionID'
  weft ledger export --file channel1.jsonl /var/lib/weft/data/peer/channels/channel1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.given = cmd.Flags().Changed("to"); !f.given {
				f.to = math.MaxUint64
			}
			if f.from > f.to {
				return usagef("--from %d is after --to %d", f.from, f.to)
			}
			dir, err := l.locate(args)
			if err != nil {
				return err
			}
			return l.export(cmd, dir, f)
		},
	}
	l.flags(c)
	c.Flags().Uint64Var(&f.from, "from", 0, "number of the first block")
	c.Flags().Uint64Var(&f.to, "to", 0, "number of the last block (default: the newest)")
	c.Flags().StringVar(&f.file, "file", "", "write to this file, which must not exist (default: standard output)")
	c.Flags().BoolVar(&f.tx, "tx", false, "a transaction a line")
	c.Flags().BoolVar(&f.raw, "fabric", false, "blocks as configtxlator prints them")
	c.MarkFlagsMutuallyExclusive("tx", "fabric")
	return c
}

func (l *ledgerOptions) export(cmd *cobra.Command, dir string, f *exportFlags) error {
	r, err := audit.Open(dir)
	if err != nil {
		return l.inUse(err)
	}
	defer func() { _ = r.Close() }() // only read
	if f.from >= r.Height() || f.given && f.to >= r.Height() {
		return fmt.Errorf("the ledger in %s has the blocks 0 to %d", dir, r.Height()-1)
	}
	form := audit.FormBlocks
	if f.tx {
		form = audit.FormTransactions
	} else if f.raw {
		form = audit.FormFabric
	}
	show := newBar(l.stderr)
	if f.file == "" && isTerminal(l.stdout) {
		show = newBar(io.Discard) // the lines would run through it
	}
	defer show.end()
	write := func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		err := audit.Export(cmd.Context(), r, buffered, form, f.from, f.to, func(done, of uint64) { show.tell("blocks exported", done, of) })
		return errors.Join(err, buffered.Flush())
	}
	if f.file == "" {
		return write(l.stdout)
	}
	return exportTo(f.file, write)
}

// exportTo writes a file that appears when it is whole.
func exportTo(path string, write func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("export: %s exists already: name another file", path)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	err = write(temp)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		// Link, and not rename: a file that came meanwhile is not replaced.
		err = os.Link(temp.Name(), path)
	}
	if err = errors.Join(err, os.Remove(temp.Name())); err != nil {
		return fmt.Errorf("export to %s: %w", path, err)
	}
	return nil
}
