package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weft-network/weft/wasm/build"
	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/pack"
)

// Compile makes a module of a folder of source, or reads the one in a file.
// Either way it is checked as a peer will check it.
func Compile(ctx context.Context, path string, report Report) ([]byte, error) {
	start := time.Now()
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("chaincode %s: %w: name a folder of source or a .wasm file", path, err)
	}
	if !info.IsDir() {
		code, err := read(path, info.Size())
		if err != nil {
			return nil, err
		}
		report(done(start, "read", filepath.Base(path), size(len(code))))
		return code, nil
	}
	r, err := build.Chaincode(ctx, path, "", build.Options{})
	if err != nil {
		return nil, err
	}
	name, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name = filepath.Base(name)
	report(done(start, "build", name, fmt.Sprintf("%s of wasm from %s; %s", size(len(r.Code)), from(r), imports(r.Imports))))
	for _, w := range r.Warnings {
		report(Step{Name: "warning", Where: name, Detail: w})
	}
	return r.Code, nil
}

// from tells what a module was made of, and with what.
func from(r *build.Result) string {
	text := string(r.Language)
	if r.Fabric {
		text += " with Fabric's API"
	}
	return text + " (" + r.Toolchain + ")"
}

func read(path string, bytes int64) ([]byte, error) {
	if bytes > check.MaxBytes {
		return nil, fmt.Errorf("chaincode %s has %d bytes; at most %d are taken", path, bytes, check.MaxBytes)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := check.Module(code, check.MaxPages); err != nil {
		const remedy = "build it with weft chaincode build"
		if strings.Contains(err.Error(), remedy) {
			return nil, fmt.Errorf("%s is no chaincode: %w", path, err)
		}
		return nil, fmt.Errorf("%s is no chaincode: %w; %s", path, err, remedy)
	}
	return code, nil
}

// imports counts the host functions that a module names, by module.
func imports(names []string) string {
	counts, order := map[string]int{}, []string(nil)
	for _, n := range names {
		module, _, _ := strings.Cut(n, ".")
		if counts[module] == 0 {
			order = append(order, module)
		}
		counts[module]++
	}
	var parts []string
	for _, m := range order {
		parts = append(parts, fmt.Sprintf("%d of %s", counts[m], m))
	}
	return "imports " + strings.Join(parts, ", ")
}

// Pack makes a package of a module, and its id.
func Pack(label string, code []byte, report Report) ([]byte, string, error) {
	start := time.Now()
	raw, err := pack.Write(label, code)
	if err != nil {
		return nil, "", err
	}
	id := pack.ID(label, raw)
	report(done(start, "package", short(id), size(len(raw))))
	return raw, id, nil
}

// PackageID is the id that peers give to a package.
func PackageID(raw []byte) (string, error) {
	label, err := Label(raw)
	return pack.ID(label, raw), err
}

// Label of a package. The error says what is wrong with the package.
func Label(raw []byte) (string, error) {
	p, err := pack.Read(raw)
	if err != nil {
		return "", fmt.Errorf("the file is no chaincode package: %w: make one with \"weft chaincode package\"", err)
	}
	if p.Type != pack.Type {
		return "", fmt.Errorf("the package %s holds chaincode of type %s; peers run type %s: build it with \"weft chaincode package\"", p.Label, p.Type, pack.Type)
	}
	return p.Label, nil
}

func size(bytes int) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d kB", bytes/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
