package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/cctest"
	"github.com/weft-network/weft/cmd/weft/internal/deploy"
)

// chaincodeTestOptions are the flags of weft chaincode test.
type chaincodeTestOptions struct {
	*options
	files   []string
	update  bool
	verbose bool
}

func chaincodeTestCommand(o *chaincodeOptions) *cobra.Command {
	t := &chaincodeTestOptions{options: o.options}
	c := &cobra.Command{
		Use:   "test PATH",
		Short: "Run chaincode against a ledger in memory and compare what it does",
		Long: `Make the calls of a test file, one after the other, on a ledger in memory, and
compare what each answers, reads and writes with what is expected. PATH is a
folder of chaincode, or a .wasm file; the test files are those beside it named
weft-test*.yaml (or .json), unless --file names others.

A test file is a list of steps:

  creators:
    ada: {msp: Org1MSP, attributes: {role: clerk}}
  steps:
    - call: Create
      args: [a1, Ada, 100]
      creator: ada
      expect: {json: {id: a1, owner: Ada, value: 100}}
    - call: Read
      args: [a2]
      expect: {fails: there is no asset a2}

What each step read and wrote is compared with weft-test.golden, which --update
writes: review it like source. docs/chaincode.md describes all keys.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args[0]) },
	}
	c.Flags().StringSliceVarP(&t.files, "file", "f", nil, "test files (default: weft-test*.yaml beside the chaincode)")
	c.Flags().BoolVar(&t.update, "update", false, "write the golden files anew")
	c.Flags().BoolVarP(&t.verbose, "verbose", "v", false, "show what the chaincode logs")
	return c
}

func (t *chaincodeTestOptions) run(ctx context.Context, path string) error {
	suites, err := t.suites(path)
	if err != nil {
		return err
	}
	cache, err := cctest.CacheDir()
	if err != nil {
		return err
	}
	bench, err := cctest.Open(ctx, path, cache, func(deploy.Step) {}, t.log())
	if err != nil {
		return err
	}
	defer bench.Close()
	var results []*cctest.Result
	for _, s := range suites {
		r, err := cctest.Run(ctx, bench, s, t.update)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	return t.report(results)
}

func (t *chaincodeTestOptions) log() *slog.Logger {
	if !t.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (t *chaincodeTestOptions) suites(path string) ([]*cctest.Suite, error) {
	files := t.files
	if len(files) == 0 {
		dir := path
		if info, err := os.Stat(path); err != nil {
			return nil, err
		} else if !info.IsDir() {
			dir = filepath.Dir(path)
		}
		var err error
		if files, err = cctest.Find(dir); err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("there is no weft-test.yaml in %s: write one (weft chaincode test --help shows how), or name a file with --file", dir)
		}
	}
	var suites []*cctest.Suite
	for _, name := range files {
		s, err := cctest.ReadSuite(name)
		if err != nil {
			return nil, err
		}
		suites = append(suites, s)
	}
	return suites, nil
}

// report prints the results; it fails if something is not as expected.
func (t *chaincodeTestOptions) report(results []*cctest.Result) error {
	steps, failed, files := 0, 0, 0
	for _, r := range results {
		steps += len(r.Steps)
		failed += r.Failed()
		files += len(r.Wrong)
	}
	if t.json() {
		if err := t.printJSON(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			if err := t.print(r); err != nil {
				return err
			}
		}
	}
	if failed+files > 0 {
		return fmt.Errorf("%d of %d steps are not as expected", failed, steps)
	}
	return nil
}

func (t *chaincodeTestOptions) print(r *cctest.Result) error {
	t.printf("%s\n", r.File)
	w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\tSTEP\tTIME\tFUEL\tSTATUS\tCALL")
	for _, s := range r.Steps {
		verdict, status := "ok", fmt.Sprint(s.Status)
		if len(s.Wrong) > 0 {
			verdict = "FAIL"
		}
		if s.Error != "" {
			status = "ended"
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%s\n", verdict, s.Number, tookMicros(s.Took.Microseconds()), s.Fuel, status, describe(&s))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Steps {
		if len(s.Wrong) > 0 {
			t.printf("\nstep %d: %s\n  %s\n", s.Number, describe(&s), strings.Join(s.Wrong, "\n  "))
		}
	}
	for _, wrong := range r.Wrong {
		t.printf("\n%s\n", wrong)
	}
	switch {
	case r.Updated:
		t.printf("%s is written.\n", r.Golden)
	case r.Golden == "":
		t.printf("There is no golden file: what the steps read and wrote was not compared. --update writes one.\n")
	}
	return nil
}

// describe is the step's call, and its name if it has one.
func describe(s *cctest.StepResult) string {
	const room = 80
	line := s.Call
	if s.Name != "" {
		line += "  (" + s.Name + ")"
	}
	if runes := []rune(line); len(runes) > room {
		line = string(runes[:room-1]) + "…"
	}
	return line
}

func tookMicros(us int64) string {
	if us >= 10_000 {
		return fmt.Sprintf("%d ms", us/1000)
	}
	return fmt.Sprintf("%d µs", us)
}
