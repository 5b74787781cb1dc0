package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/demo"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// demoDir is where the demo's network is made, unless --dir says otherwise.
const demoDir = "./weft-net-demo"

type demoFlags struct {
	offset            int
	keep              bool
	weftd, chaincodes string
}

func demoCommand(o *options) *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show a network at work, and check everything that is shown",
		Long: `Makes a network of three organisations in a new folder, and shows on it:
chaincode in WebAssembly, the nine steps of a transaction, transactions that are
not valid, the borders of channels, and what happens when nodes are killed under
load. Every claim is checked; the first that does not hold ends the demo with
exit code 1.

The network is stopped and removed at the end; with --keep it stays.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := demoDir
			if cmd.Flags().Changed("dir") {
				dir = o.dir
			}
			return runDemo(cmd.Context(), o, f, dir)
		},
	}
	c.Flags().IntVar(&f.offset, "port-offset", 0, "added to every port")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave the network as it is, for a look around")
	c.Flags().StringVar(&f.weftd, "weftd", "", "the node daemon (default: $WEFTD, beside weft, in PATH)")
	c.Flags().StringVar(&f.chaincodes, "chaincodes", "", "folder with the sources of asset and counter (default: chaincode-examples, here or beside the folder of weft)")
	return c
}

func runDemo(ctx context.Context, o *options, f demoFlags, dir string) error {
	asset, err := example(f.chaincodes, "asset")
	if err != nil {
		return err
	}
	counter, err := example(f.chaincodes, "counter")
	if err != nil {
		return err
	}
	if err := clearDemo(ctx, dir); err != nil {
		return err
	}
	out := o.stdout
	if o.json() {
		out = o.stderr // the report goes to standard output
	}
	s := demo.New(demo.Config{
		Dir: dir, PortOffset: f.offset, Weftd: f.weftd, Asset: asset, Counter: counter,
		Out: out, Color: terminal(out), Detached: f.keep,
	})
	report, err := s.Run(ctx)
	keep := f.keep && err == nil
	if err := errors.Join(err, s.Close(context.WithoutCancel(ctx), keep)); err != nil {
		return fmt.Errorf("%w\nthe logs of the nodes are in %s", err, filepath.Join(dir, "nodes"))
	}
	if o.json() {
		if err := o.printJSON(report); err != nil {
			return err
		}
	}
	if keep {
		_, _ = fmt.Fprintf(out, "\nThe network in %s is running: look at it with \"weft --dir %[1]s status\", stop it with \"weft --dir %[1]s down\".\n", dir)
		return nil
	}
	_, err = devnet.Down(context.WithoutCancel(ctx), dir, true)
	return err
}

// clearDemo removes the network of an earlier demo that was interrupted or
// kept. Anything else in the folder is left alone, and Prepare refuses it.
func clearDemo(ctx context.Context, dir string) error {
	n, err := devnet.Open(dir)
	if errors.Is(err, devnet.ErrNoNetwork) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, node := range n.Nodes {
		pid, err := node.PID()
		if err != nil {
			return err
		}
		if pid != 0 {
			return fmt.Errorf("the network in %s is running: stop it with \"weft --dir %[1]s down\", or name another folder with --dir", dir)
		}
	}
	if filepath.Clean(dir) != filepath.Clean(demoDir) {
		return fmt.Errorf("there is a network in %s already: remove it with \"weft --dir %[1]s down --wipe\", or name another folder with --dir", dir)
	}
	_, err = devnet.Down(ctx, dir, true)
	return err
}

// example finds the source of an example chaincode.
func example(folder, name string) (string, error) {
	places := []string{folder}
	if folder == "" {
		places = []string{"chaincode-examples"}
		if self, err := os.Executable(); err == nil {
			places = append(places, filepath.Join(filepath.Dir(self), "..", "chaincode-examples"))
		}
	}
	for _, p := range places {
		path := filepath.Join(p, name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path, nil
		}
		if _, err := os.Stat(path + ".wasm"); err == nil {
			return path + ".wasm", nil
		}
	}
	return "", fmt.Errorf("the example chaincode %s is not in %s: run the demo in a checkout of Weft, or name the folder with --chaincodes", name, places[0])
}

// terminal reports whether w is one that shows colour.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
