package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/cctest"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/inspect"
	"github.com/weft-network/weft/wasm/pack"
)

// chaincodeInspectOptions are the flags of weft chaincode inspect.
type chaincodeInspectOptions struct {
	*options
	call  string
	bytes bool // look at the bytes only
}

func chaincodeInspectCommand(o *chaincodeOptions) *cobra.Command {
	i := &chaincodeInspectOptions{options: o.options}
	c := &cobra.Command{
		Use:   "inspect FILE [--call FUNCTION [ARGUMENT...]]",
		Short: "Tell what a module or package holds and how near its limits it comes",
		Long: `Tell what there is in a .wasm file or a chaincode package: ABI, imports, exports,
sizes, limits, warm-up calls, and what starting it costs. With --call, a function
is called on an empty state, and what that costs is told, too.`,
		Example: `  weft chaincode inspect asset.wasm
  weft chaincode inspect asset_1.0.tar.gz -o json
  weft chaincode inspect asset.wasm --call Create car1 Ada 1000`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return i.run(cmd.Context(), args[0], args[1:]) },
	}
	c.Flags().StringVar(&i.call, "call", "", "function to call, with the arguments that follow the file")
	c.Flags().BoolVar(&i.bytes, "static", false, "look at the bytes only: neither compile nor start it")
	c.MarkFlagsMutuallyExclusive("call", "static")
	return c
}

// inspectOutput is all that is told.
type inspectOutput struct {
	Label     string `json:"label,omitempty"` // of a package
	PackageID string `json:"packageID,omitempty"`
	*inspect.Report
	Start *startOutput       `json:"start,omitempty"`
	Call  *cctest.StepResult `json:"call,omitempty"`
}

// startOutput is what starting the module came to.
type startOutput struct {
	ABI         string  `json:"abi"`
	Profile     string  `json:"profile"`
	ImageHash   string  `json:"imageHash"`
	Fuel        uint64  `json:"fuel"`
	FuelLimit   uint64  `json:"fuelLimit"`
	MemoryBytes uint64  `json:"memoryBytes"`
	MemoryLimit uint64  `json:"memoryLimit"`
	Globals     int     `json:"mutableGlobals"`
	Load        float64 `json:"loadMs"`
}

func (i *chaincodeInspectOptions) run(ctx context.Context, file string, args []string) error {
	if i.call == "" && len(args) > 0 {
		return usagef("arguments are for --call FUNCTION, which is not given")
	}
	out := &inspectOutput{}
	code, err := out.open(file)
	if err != nil {
		return err
	}
	if out.Report, err = inspect.Module(code, wasm.DefaultLimits().MemoryPages); err != nil {
		return fmt.Errorf("%s is no chaincode: %w", file, err)
	}
	if !i.bytes {
		if err := i.start(ctx, out, code, args); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if i.json() {
		return i.printJSON(out)
	}
	return i.print(file, out)
}

// open answers the module in a file, which may be a package.
func (out *inspectOutput) open(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: build it first, with weft chaincode build", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 2 * pack.MaxModule // a package holds a module and metadata
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if len(data) > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, most)
	}
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) { // gzip
		return data, nil
	}
	p, err := pack.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out.Label, out.PackageID = p.Label, pack.ID(p.Label, data)
	return p.Code, nil
}

// start loads the module as a peer would, and makes the call.
func (i *chaincodeInspectOptions) start(ctx context.Context, out *inspectOutput, code []byte, args []string) error {
	cache, err := cctest.CacheDir()
	if err != nil {
		return err
	}
	bench, err := cctest.LoadAs(ctx, out.PackageID, code, cache, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer bench.Close()
	s, hash := bench.Module.Started(), bench.Module.ImageHash()
	out.Start = &startOutput{
		ABI: fmt.Sprintf("%d.%d", s.ABIMajor, s.ABIMinor), Profile: bench.Profile(), ImageHash: hex.EncodeToString(hash[:]),
		Fuel: s.Fuel, FuelLimit: s.FuelLimit, MemoryBytes: s.MemoryBytes, MemoryLimit: s.MemoryLimit,
		Globals: s.Globals, Load: milliseconds(bench.Loading),
	}
	if i.call == "" {
		return nil
	}
	out.Call, err = cctest.Call(ctx, bench.Module, i.call, args...)
	return err
}

// notFrom is said of an image hash that no peer will have.
const notFrom = "of the module outside of a package; that of a package differs"

func (i *chaincodeInspectOptions) print(file string, out *inspectOutput) error {
	w := tabwriter.NewWriter(i.stdout, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", what, fmt.Sprintf(format, args...))
	}
	line("FILE", "%s", file)
	if out.PackageID != "" {
		line("LABEL", "%s", out.Label)
		line("PACKAGE ID", "%s", out.PackageID)
	}
	line("MODULE", "%d bytes, SHA-256 %s", out.Bytes, out.SHA256)
	if s := out.Start; s != nil {
		line("ABI", "weft_v%s", s.ABI)
		line("PROFILE", "%s", s.Profile)
		note := ""
		if out.PackageID == "" {
			note = " (" + notFrom + ")"
		}
		line("IMAGE", "%s%s", s.ImageHash, note)
		line("MEMORY", "%.1f MiB after the start, of at most %d", float64(s.MemoryBytes)/(1<<20), s.MemoryLimit>>20)
		line("START", "%d fuel of %d, warm-up included; compiled and started in %s", s.Fuel, s.FuelLimit, tookText(time.Duration(s.Load*float64(time.Millisecond))))
	}
	for n, call := range out.Warmup {
		line(first(n, "WARM-UP"), "%s", strings.Join(call, " "))
	}
	if len(out.Warmup) == 0 {
		line("WARM-UP", "none declared")
	}
	for n, name := range importsByModule(out.Imports) {
		line(first(n, "IMPORTS"), "%s", name)
	}
	for n, e := range out.Exports {
		line(first(n, "EXPORTS"), "%s", strings.TrimSpace(e.Name+" "+e.Signature))
	}
	for n, s := range out.Sections {
		line(first(n, "SECTIONS"), "%s, %d bytes", s.Name, s.Bytes)
	}
	for n, l := range out.Limits {
		line(first(n, "LIMITS"), "%d of %d %s (%.0f %%)", l.Used, l.Most, l.What, 100*float64(l.Used)/float64(l.Most))
	}
	if c := out.Call; c != nil {
		line("CALL", "%s", c.Call)
		for _, text := range c.Transcript() {
			line("", "%s", text)
		}
		line("", "%d fuel of %d, %s", c.Fuel, wasm.DefaultFuel, tookMicros(c.Took.Microseconds()))
	}
	return w.Flush()
}

// first answers the heading for the first of several lines.
func first(n int, heading string) string {
	if n == 0 {
		return heading
	}
	return ""
}

// importsByModule answers a line for each import module.
func importsByModule(list []inspect.Import) (lines []string) {
	at := map[string]int{}
	for _, imp := range list {
		n, ok := at[imp.Module]
		if !ok {
			n = len(lines)
			at[imp.Module] = n
			lines = append(lines, imp.Module+":")
		}
		lines[n] += " " + imp.Name
	}
	return lines
}
