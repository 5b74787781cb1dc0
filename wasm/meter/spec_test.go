package meter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/meter"
)

// script is what wast2json makes of a test of the WebAssembly specification.
type script struct {
	Commands []command `json:"commands"`
}

type command struct {
	Type     string  `json:"type"`
	Line     int     `json:"line"`
	Name     string  `json:"name"`
	As       string  `json:"as"`
	Filename string  `json:"filename"`
	Text     string  `json:"text"`
	Action   action  `json:"action"`
	Expected []value `json:"expected"`
}

type action struct {
	Type   string  `json:"type"`
	Module string  `json:"module"`
	Field  string  `json:"field"`
	Args   []value `json:"args"`
}

type value struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// specDir is where wazero keeps the specification's tests, in the module cache.
func specDir(t *testing.T) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("find wazero's sources: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal/integration_test/spectest")
}

// Every test of the specification that a chaincode could contain holds for the
// rewritten module, too, on both engines. Each call costs the same fuel on both,
// and as much as if every instruction were charged for on its own.
func TestRewrittenModulesPassTheSpecification(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles 2,000 modules")
	}
	dir := specDir(t)
	host, err := os.ReadFile(filepath.Join(dir, "testdata/spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "v2/testdata/*.json"))
	var total tally
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "simd_") || filepath.Base(file) == "linking.json" {
			continue // of tables and memories that modules share, which is refused
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s script
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		naive := newMachine(t, "naive meter", wazero.NewRuntimeConfigInterpreter())
		naive.rewrite = meter.RewriteEverywhere
		var runs []*run
		for _, m := range append(machines(t), naive) {
			if _, err := m.Instantiate(context.Background(), host); err != nil {
				t.Fatal(err)
			}
			r := &run{t: t, machine: m, dir: filepath.Dir(file), file: filepath.Base(file), named: map[string]*guest{}}
			r.script(s)
			runs = append(runs, r)
			_ = m.Close(context.Background())
		}
		for _, r := range runs[1:] {
			if a := runs[0]; !slices.Equal(a.costs, r.costs) {
				t.Errorf("%s: the calls cost on the %s something else than on the %s", a.file, a.machine.name, r.machine.name)
			}
		}
		total.add(runs[0].tally)
	}
	t.Logf("%+v", total)
	// What is skipped must not grow by mistake.
	if total.modules < 800 || total.returns < 19_000 || total.traps < 450 || total.invalid < 2_000 {
		t.Errorf("too few tests were run: %+v", total)
	}
}

// tally counts what was tested.
type tally struct{ modules, refused, returns, traps, invalid int }

func (a *tally) add(b tally) {
	a.modules += b.modules
	a.refused += b.refused
	a.returns += b.returns
	a.traps += b.traps
	a.invalid += b.invalid
}

// run runs a script on one machine.
type run struct {
	t         *testing.T
	machine   *machine
	dir, file string
	named     map[string]*guest
	last      *guest
	costs     []int64 // of each call that returned
	tally
}

func (r *run) script(s script) {
	for i, c := range s.Commands {
		if r.file == "elem.json" && c.Line > 560 {
			return // the rest is about shared tables
		}
		where := fmt.Sprintf("%s on the %s, line %d", r.file, r.machine.name, c.Line)
		switch c.Type {
		case "module":
			name := ""
			if i+1 < len(s.Commands) && s.Commands[i+1].Type == "register" {
				name = s.Commands[i+1].As
			}
			r.module(where, c, name)
		case "assert_return", "action":
			r.result(where, c)
		case "assert_trap":
			r.trap(where, c)
		case "assert_invalid", "assert_malformed":
			r.refuses(where, c)
		}
	}
}

func (r *run) module(where string, c command, name string) {
	code, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	r.last = nil
	delete(r.named, c.Name)
	if _, err := meter.Rewrite(code, options); err != nil {
		r.refused++ // uses what chaincode may not
		return
	}
	if _, err := r.machine.CompileModule(context.Background(), code); err != nil {
		r.refused++ // the engine would not take the original
		return
	}
	g, err := r.machine.load(code, options, name)
	if err != nil {
		if strings.Contains(err.Error(), "not instantiated") || strings.Contains(err.Error(), "is not exported in module") {
			r.refused++ // imports of a module that was refused
			return
		}
		r.t.Errorf("%s: %v", where, err)
		return
	}
	r.modules++
	r.last, r.named[c.Name] = g, g
}

// invoke does what an action says; not all guests are there.
func (r *run) invoke(c command) (results []uint64, there bool, err error) {
	g := r.last
	if c.Action.Module != "" {
		g = r.named[c.Action.Module]
	}
	if g == nil {
		return nil, false, nil
	}
	if c.Action.Type == "get" {
		return []uint64{g.ExportedGlobal(c.Action.Field).Get()}, true, nil
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.bits())
	}
	before := g.used()
	results, err = g.call(c.Action.Field, args...)
	if err == nil {
		r.costs = append(r.costs, g.used()-before)
	}
	return results, true, err
}

func (r *run) result(where string, c command) {
	results, there, err := r.invoke(c)
	if !there {
		return
	}
	if err != nil {
		r.t.Errorf("%s: %s: %v", where, c.Action.Field, err)
		return
	}
	r.returns++
	for i, want := range c.Expected {
		if !want.is(results[i]) {
			r.t.Errorf("%s: %s%v = %#x, want %v", where, c.Action.Field, c.Action.Args, results[i], want)
		}
	}
	if d := r.depthOf(c); d != 0 {
		r.t.Errorf("%s: %s: depth %d after the call", where, c.Action.Field, d)
	}
}

func (r *run) depthOf(c command) uint32 {
	g := r.last
	if c.Action.Module != "" {
		g = r.named[c.Action.Module]
	}
	return g.depth()
}

func (r *run) trap(where string, c command) {
	if c.Filename != "" { // of instantiation; a host's matter
		return
	}
	_, there, err := r.invoke(c)
	if !there {
		return
	}
	r.traps++
	if err == nil {
		r.t.Errorf("%s: %s does not trap: %s", where, c.Action.Field, c.Text)
	}
	g := r.last
	if c.Action.Module != "" {
		g = r.named[c.Action.Module]
	}
	g.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal).Set(0) // as a host does
}

// refuses: what is invalid stays invalid.
func (r *run) refuses(where string, c command) {
	if !strings.HasSuffix(c.Filename, ".wasm") {
		return
	}
	code, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	r.invalid++
	m, err := meter.Rewrite(code, options)
	if err != nil {
		return
	}
	if _, err := r.machine.CompileModule(context.Background(), m.Code); err == nil {
		r.t.Errorf("%s: %s becomes valid by being rewritten: %s", where, c.Filename, c.Text)
	}
}

func (v value) bits() uint64 {
	s, _ := v.Value.(string)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n < 0 {
		if strings.HasSuffix(v.Type, "32") {
			return uint64(uint32(n))
		}
		return uint64(n)
	}
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

// is compares bits. A NaN of arithmetic must be the canonical one here.
func (v value) is(got uint64) bool {
	s, _ := v.Value.(string)
	if strings.HasSuffix(v.Type, "32") {
		got = uint64(uint32(got))
	}
	if !strings.HasPrefix(s, "nan") {
		return got == v.bits()
	}
	if v.Type == "f32" {
		return got == 0x7fc00000 || s == "nan:arithmetic" && math.IsNaN(float64(math.Float32frombits(uint32(got))))
	}
	return got == 0x7ff8000000000000 || s == "nan:arithmetic" && math.IsNaN(math.Float64frombits(got))
}
