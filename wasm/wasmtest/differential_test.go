package wasmtest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm/wasmtest"
)

// The environment makes the random tests larger, and repeats one of them:
//
//	WEFT_RANDOM_MODULES=50000 go test -run Differential ./wasm/wasmtest
//	WEFT_RANDOM_SEED=1234 WEFT_RANDOM_MODULES=1 go test -run Differential ./wasm/wasmtest
const (
	modulesVariable = "WEFT_RANDOM_MODULES"
	seedVariable    = "WEFT_RANDOM_SEED"
)

// seeds answers the first seed and how many follow, and prints them. Each run
// takes others unless one is named.
func seeds(t *testing.T, usually int) (first, n uint64) {
	t.Helper()
	n = uint64(usually)
	if testing.Short() {
		n /= 10
	}
	first = uint64(time.Now().UnixNano())
	for variable, into := range map[string]*uint64{modulesVariable: &n, seedVariable: &first} {
		if text, ok := os.LookupEnv(variable); ok {
			v, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", variable, err)
			}
			*into = v
		}
	}
	t.Logf("%d modules from %s=%d on", n, seedVariable, first)
	return first, n
}

// tally says what the compared modules did, so that a test that compares
// nothing but traps is noticed.
type tally struct {
	modules, calls, traps, starved int
	fuel                           int64
}

func (c *tally) add(o *outcome) {
	c.modules++
	c.calls += len(o.calls)
	for _, text := range o.calls {
		if text[len(text)-1] != ']' {
			c.traps++
		}
	}
	c.fuel += o.fuel
	if o.out {
		c.starved++
	}
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	t.Logf("%d modules, %d calls, %d of them trapped, %d modules out of fuel, %d fuel a call",
		c.modules, c.calls, c.traps, c.starved, c.fuel/int64(max(1, c.calls)))
	if c.calls < c.modules || c.traps*2 > c.calls || c.starved*4 > c.modules {
		t.Errorf("too little was compared")
	}
}

// The plain module makes NaNs canonical by itself; the metered one relies on
// the rewriter for it. All else is alike, so every difference is an error of
// the rewriter or of an engine.
func TestDifferentialOfOurOwnRandomModules(t *testing.T) {
	compiler, interpreter := engines(t)
	var count tally
	first, n := seeds(t, 400)
	for seed := first; seed < first+n; seed++ {
		o, err := compare(compiler, interpreter, wasmtest.Random(seed, true), wasmtest.Random(seed, false), seed)
		if err != nil {
			t.Fatalf("%s=%d: %v", seedVariable, seed, err)
		}
		count.add(o)
	}
	count.check(t)
}

// compare runs the plain and the metered module on both engines.
func compare(compiler, interpreter engine, code, raw []byte, seed uint64) (*outcome, error) {
	m, err := metered(raw)
	if err != nil {
		return nil, fmt.Errorf("the rewriter refuses a valid module: %w", err)
	}
	var runs [4]*outcome
	for i, r := range []struct {
		e engine
		s subject
	}{{compiler, plain(code)}, {interpreter, plain(code)}, {compiler, m}, {interpreter, m}} {
		if runs[i], err = r.e.run(r.s, seed); err != nil {
			return nil, fmt.Errorf("run %d: %w", i, err)
		}
	}
	if err := runs[0].differs(runs[1]); err != nil {
		return nil, fmt.Errorf("plain, compiler against interpreter: %w", err)
	}
	if err := runs[2].differs(runs[3]); err != nil {
		return nil, fmt.Errorf("metered, compiler against interpreter: %w", err)
	}
	if err := runs[2].differsInFuel(runs[3]); err != nil {
		return nil, fmt.Errorf("metered, compiler against interpreter: %w", err)
	}
	if runs[2].out {
		return runs[2], nil // the plain one went on
	}
	if err := runs[0].differs(runs[2]); err != nil {
		return nil, fmt.Errorf("plain against metered: %w", err)
	}
	return runs[2], nil
}

// Binaryen turns any bytes into a valid module. Its own pass turns NaNs into
// zero, in the plain module and in the one that is metered.
func TestDifferentialOfBinaryensRandomModules(t *testing.T) {
	tool := binaryen(t)
	compiler, interpreter := engines(t)
	var count tally
	dir := t.TempDir()
	first, n := seeds(t, 150)
	for seed := first; seed < first+n; seed++ {
		code := translate(t, tool, dir, seed)
		o, err := compare(compiler, interpreter, code, code, seed)
		if err != nil {
			t.Fatalf("%s=%d: %v", seedVariable, seed, err)
		}
		count.add(o)
	}
	count.check(t)
}

func binaryen(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("wasm-opt")
	if err == nil {
		return tool
	}
	const missing = "wasm-opt is not installed; it is in Debian's package binaryen"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// translate lets binaryen make a module of the features that chaincode may use.
// Bulk memory is left to our own generator: with it come passive segments, which
// chaincode may not have.
func translate(t *testing.T, tool, dir string, seed uint64) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	input := make([]byte, 200+rng.IntN(8_000))
	for i := range input {
		input[i] = byte(rng.Uint32())
	}
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.wasm")
	if err := os.WriteFile(in, input, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(tool, in, "-ttf", "--denan", "--mvp-features", "--enable-sign-ext",
		"--enable-nontrapping-float-to-int", "-o", out)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s=%d: wasm-opt: %v\n%s", seedVariable, seed, err, &stderr)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
