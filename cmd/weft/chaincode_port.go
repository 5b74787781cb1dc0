package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/cctest"
)

func chaincodePortCommand(o *chaincodeOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "port DIR...",
		Short: "Build existing Fabric chaincode as it is, start it, and report",
		Long: `Build folders of Fabric chaincode unmodified, start each, call its Init, and report
its size, what it needs, its functions (if it is on the contract API), and what
may not work as it does on Fabric. Nothing is written to the folders.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.port(cmd.Context(), args) },
	}
}

// port goes on with the next folder when one fails.
func (o *chaincodeOptions) port(ctx context.Context, dirs []string) error {
	cache, err := cctest.CacheDir()
	if err != nil {
		return err
	}
	var failures []error
	ports := []*cctest.Port{}
	for _, dir := range dirs {
		p, err := cctest.RunPort(ctx, dir, cache, slog.New(slog.DiscardHandler))
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", dir, err))
			if !o.json() {
				o.printf("FOLDER    %s\nFAILED    %v\n\n", dir, err)
			}
			continue
		}
		ports = append(ports, p)
		if !o.json() {
			if err := o.printPort(p); err != nil {
				return err
			}
		}
	}
	if o.json() {
		if err := o.printJSON(ports); err != nil {
			return err
		}
		return errors.Join(failures...)
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d of %d folders do not run", len(failures), len(dirs))
	}
	return nil
}

func (o *chaincodeOptions) printPort(p *cctest.Port) error {
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", what, fmt.Sprintf(format, args...))
	}
	api := ""
	if p.Fabric {
		api = " with Fabric's API"
	}
	line("FOLDER", "%s", p.Dir)
	line("MODULE", "%d bytes from %s%s (%s), built in %s", p.Bytes, p.Language, api, p.Toolchain, tookText(p.Building))
	line("START", "%d fuel of %d, %.1f MiB of memory; compiled and started in %s",
		p.Start.Fuel, p.Start.FuelLimit, float64(p.Start.MemoryBytes)/(1<<20), tookText(p.Loading))
	for n, text := range p.Init.Transcript() {
		line(first(n, "INIT"), "%s", text)
	}
	if p.Metadata == nil {
		line("SCHEMA", "none: it is not on the contract API")
	} else {
		line("SCHEMA", "%d functions, %d fuel", len(p.Functions), p.Metadata.Fuel)
	}
	for _, f := range p.Functions {
		line("", "%s", f)
	}
	for n, text := range p.Warnings {
		line(first(n, "WARNINGS"), "%s", text)
	}
	_, _ = fmt.Fprintln(w)
	return w.Flush()
}
