// Command weftd is a Weft node: a peer, an orderer, or both, as its
// configuration file says.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/node"
	"github.com/weft-network/weft/node/ops"
	"github.com/weft-network/weft/wasm/sandbox"
)

func main() {
	// A peer has its own program compile chaincode, in a process with limits.
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Serve(os.Args[2:], os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "weftd:", err)
		os.Exit(1)
	}
}

// end ends a node that can write no more.
func end(msg string) {
	fmt.Fprintln(os.Stderr, "weftd: the node ends, and recovers when it is started again:", msg)
	os.Exit(1)
}

func command() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "weftd --config FILE",
		Short: "Run a Weft node",
		Long: `weftd runs one node of a Weft network: a peer, an orderer, or both.

Everything about the node is in one YAML file; every key can be overridden by an
environment variable: WEFTD_ and the key in capitals, dots as underscores
(dataDir is WEFTD_DATADIR, tls.cert is WEFTD_TLS_CERT).
"weft up" writes such files for a whole network; docs/configuration.md explains
every key. The node stops on SIGINT or SIGTERM.`,
		Version:       ops.Version(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), path)
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", "", "configuration file (YAML)")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}

// garbage is how far the heap may grow between collections, in percent of what
// lives. The heap of a node is small, and what a transaction leaves behind is
// much: collecting half as often as is Go's default is worth the memory.
const garbage = 200

func run(ctx context.Context, path string) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	level := new(slog.LevelVar)
	cfg, format, err := load(path, level)
	if err != nil {
		return err
	}
	cfg.Level = level
	cfg.Log = logger(format, level)
	n, err := node.New(cfg)
	if err != nil {
		return err
	}
	if err := n.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func logger(format string, level *slog.LevelVar) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts))
}
