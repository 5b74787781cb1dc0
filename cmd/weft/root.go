package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/node/ops"
)

// defaultDir is the folder of the network unless --dir names another.
const defaultDir = "./weft-net"

// The exit codes: scripts depend on them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// options are what every command has: the persistent flags, and where to write.
type options struct {
	dir    string // of the network
	output string // table or json
	stdout io.Writer
	stderr io.Writer
	// started tells that the command line was understood; an error before
	// that is wrong usage.
	started bool
	steps   *stepPrinter // made when the first step is reported
}

// json reports whether the output is for machines.
func (o *options) json() bool { return o.output == "json" }

// printJSON writes v for machines.
func (o *options) printJSON(v any) error {
	enc := json.NewEncoder(o.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printf writes to standard output. A reader that left is nobody to tell.
func (o *options) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(o.stdout, format, args...)
}

// network opens the network that --dir names.
func (o *options) network() (*devnet.Network, error) { return devnet.Open(o.dir) }

// errUsage marks an error as wrong usage.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return errUsage{fmt.Errorf(format, args...)} }

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := &options{stdout: stdout, stderr: stderr}
	root := rootCommand(o)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	o.steps.end()
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintln(stderr, "weft:", err)
	if !o.started || errors.As(err, new(errUsage)) {
		_, _ = fmt.Fprintln(stderr, `Run "weft COMMAND --help" to see how a command is used.`)
		return exitUsage
	}
	return exitFailure
}

// commands make the subcommands, in the order in which help lists them.
func commands() []func(*options) *cobra.Command {
	return []func(*options) *cobra.Command{
		upCommand, statusCommand, downCommand, channelCommand,
		chaincodeCommand, txCommand, ledgerCommand, demoCommand, benchCommand,
	}
}

func rootCommand(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "weft",
		Short: "Make and use a Weft network",
		Long: `weft makes a permissioned ledger network on this machine and uses it: channels,
WebAssembly chaincode, transactions.

  weft up         start a network of three organisations
  weft status     what its nodes are doing
  weft down       stop it

Exit codes: 0 done, 1 it failed, 2 the command line was wrong.`,
		Version:       ops.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if o.output != "table" && o.output != "json" {
				return usagef("--output %q: it is table or json", o.output)
			}
			if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
				return errUsage{err}
			}
			o.started = true
			return nil
		},
	}
	root.PersistentFlags().StringVar(&o.dir, "dir", defaultDir, "folder of the network")
	root.PersistentFlags().StringVarP(&o.output, "output", "o", "table", "table, or json for machines")
	root.CompletionOptions.HiddenDefaultCmd = true
	for _, c := range commands() {
		root.AddCommand(c(o))
	}
	return root
}
