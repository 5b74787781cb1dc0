package cctest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/build"
)

// metadataCall is what every chaincode on Fabric's contract API answers with
// its schema.
const metadataCall = "org.hyperledger.fabric:GetMetadata"

// Port is what came of building somebody's chaincode as it is and starting it.
type Port struct {
	Dir string `json:"dir"`
	// Built is what building came to, without the code.
	Bytes     int           `json:"bytes"`
	Language  string        `json:"language"`
	Toolchain string        `json:"toolchain"`
	Fabric    bool          `json:"fabric"`
	Imports   []string      `json:"imports"`
	Warnings  []string      `json:"warnings,omitempty"`
	Building  time.Duration `json:"buildNanoseconds"`
	// Start and Loading are of its main, and of compiling.
	Start   wasm.Started  `json:"start"`
	Loading time.Duration `json:"loadNanoseconds"`
	// Init is the call of its Init without arguments.
	Init *StepResult `json:"init"`
	// Metadata is the call for its schema, nil if it has none; Functions are
	// those that the schema names.
	Metadata  *StepResult `json:"metadata,omitempty"`
	Functions []Function  `json:"functions,omitempty"`
}

// Function is one of a chaincode on the contract API.
type Function struct {
	Contract string   `json:"contract"`
	Name     string   `json:"name"`
	Params   []string `json:"params,omitempty"` // their types
	Returns  string   `json:"returns,omitempty"`
	// Query says that the contract means it to be evaluated, not submitted.
	Query bool `json:"query,omitempty"`
}

// RunPort builds the chaincode in a folder, starts it, calls its Init and asks
// for its schema. An error is what stands in the way of running it.
func RunPort(ctx context.Context, dir, cacheDir string, log *slog.Logger) (*Port, error) {
	began := time.Now()
	built, err := build.Chaincode(ctx, dir, "", build.Options{})
	if err != nil {
		return nil, err
	}
	p := &Port{Dir: dir, Bytes: len(built.Code), Language: string(built.Language), Toolchain: built.Toolchain, Fabric: built.Fabric,
		Imports: built.Imports, Warnings: built.Warnings, Building: time.Since(began)}
	bench, err := Load(ctx, built.Code, cacheDir, log)
	if err != nil {
		return nil, fmt.Errorf("it was built and does not start: %w", err)
	}
	defer bench.Close()
	p.Start, p.Loading = bench.Module.Started(), bench.Loading
	if p.Init, err = single(ctx, bench.Module, Step{Init: true}); err != nil {
		return nil, fmt.Errorf("call its Init: %w", err)
	}
	metadata, err := single(ctx, bench.Module, Step{Call: metadataCall})
	if err != nil {
		return nil, fmt.Errorf("ask for its schema: %w", err)
	}
	if functions, err := schema(metadata.payload); err == nil {
		p.Metadata, p.Functions = metadata, functions
	}
	return p, nil
}

// schema reads the functions out of a contract's metadata.
func schema(raw []byte) ([]Function, error) {
	type typed struct {
		Type  string `json:"type"`
		Ref   string `json:"$ref"`
		Items *struct {
			Type string `json:"type"`
			Ref  string `json:"$ref"`
		} `json:"items"`
	}
	name := func(t *typed) string {
		if t == nil {
			return ""
		}
		text := func(kind, ref string) string { return cmp.Or(ref[strings.LastIndex(ref, "/")+1:], kind) }
		if t.Items != nil {
			return "[]" + text(t.Items.Type, t.Items.Ref)
		}
		return text(t.Type, t.Ref)
	}
	var m struct {
		Contracts map[string]struct {
			Transactions []struct {
				Name       string   `json:"name"`
				Tag        []string `json:"tag"`
				Returns    *typed   `json:"returns"`
				Parameters []struct {
					Schema *typed `json:"schema"`
				} `json:"parameters"`
			} `json:"transactions"`
		} `json:"contracts"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if len(m.Contracts) == 0 {
		return nil, fmt.Errorf("it names no contract")
	}
	var list []Function
	for contract, c := range m.Contracts {
		for _, tx := range c.Transactions {
			f := Function{Contract: contract, Name: tx.Name, Returns: name(tx.Returns)}
			f.Query = slices.ContainsFunc(tx.Tag, func(tag string) bool { return strings.EqualFold(tag, "evaluate") })
			for _, p := range tx.Parameters {
				f.Params = append(f.Params, name(p.Schema))
			}
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b Function) int {
		return cmp.Or(strings.Compare(a.Contract, b.Contract), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// String is the function as one would declare it.
func (f Function) String() string {
	return strings.TrimSpace(f.Contract + ":" + f.Name + "(" + strings.Join(f.Params, ", ") + ") " + f.Returns)
}
