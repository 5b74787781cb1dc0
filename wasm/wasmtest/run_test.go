package wasmtest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/wasmtest"
)

const (
	pageBytes = 64 << 10
	// memoryPages is what every run may have, plain or metered.
	memoryPages = 24
	// slice is what a refill adds; small, so that most runs refill often.
	slice = 1_000
	// mostFuel ends a run; a module that uses it up is compared up to there.
	mostFuel = 20_000_000
)

// subject is a module to run, before or after the rewriter.
type subject struct {
	code     []byte
	metered  *meter.Module // nil: plain
	maxPages uint32
}

func plain(code []byte) subject { return subject{code: code, maxPages: memoryPages} }

func metered(code []byte) (subject, error) {
	m, err := meter.Rewrite(code, meter.Options{MemoryPages: memoryPages})
	if err != nil {
		return subject{}, err
	}
	return subject{code: m.Code, metered: m, maxPages: m.MaxPages}, nil
}

// outcome is all that a run showed.
type outcome struct {
	calls  []string // results or the reason of a trap, in order
	seen   []uint64 // what the module told the host
	memory [sha256.Size]byte
	pages  uint32
	state  map[string]uint64 // the globals that the original exports
	all    map[string]uint64 // every mutable global of a metered one
	fuel   int64
	out    bool // of fuel
}

// differs says in words where two runs part, fuel and what only a metered
// module shows aside.
func (o *outcome) differs(p *outcome) error {
	for i := range min(len(o.calls), len(p.calls)) {
		if o.calls[i] != p.calls[i] {
			return fmt.Errorf("call %d: %s against %s", i, o.calls[i], p.calls[i])
		}
	}
	switch {
	case len(o.calls) != len(p.calls):
		return fmt.Errorf("%d calls against %d", len(o.calls), len(p.calls))
	case !slices.Equal(o.seen, p.seen):
		return fmt.Errorf("the host was told %x against %x", o.seen, p.seen)
	case o.pages != p.pages:
		return fmt.Errorf("%d pages of memory against %d", o.pages, p.pages)
	case o.memory != p.memory:
		return errors.New("memories differ")
	}
	for name, value := range o.state {
		if p.state[name] != value {
			return fmt.Errorf("global %s: %x against %x", name, value, p.state[name])
		}
	}
	return nil
}

// differsInFuel compares two runs of one metered module.
func (o *outcome) differsInFuel(p *outcome) error {
	if o.fuel != p.fuel || o.out != p.out {
		return fmt.Errorf("fuel %d (out: %v) against %d (out: %v)", o.fuel, o.out, p.fuel, p.out)
	}
	for name, value := range o.all {
		if p.all[name] != value {
			return fmt.Errorf("global %s: %x against %x", name, value, p.all[name])
		}
	}
	return nil
}

// engines run modules; one of each serves a whole test.
type engine struct {
	name string
	wazero.Runtime
}

func engines(t testing.TB) (compiler, interpreter engine) {
	t.Helper()
	start := func(name string, c wazero.RuntimeConfig) engine {
		e := engine{name, wazero.NewRuntimeWithConfig(context.Background(), c.
			WithCoreFeatures(chaincodeFeatures).WithMemoryLimitPages(memoryPages+1))}
		t.Cleanup(func() { e.Close(context.Background()) })
		e.exportHost(t)
		return e
	}
	return start("compiler", wazero.NewRuntimeConfigCompiler()), start("interpreter", wazero.NewRuntimeConfigInterpreter())
}

const chaincodeFeatures = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps |
	api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureBulkMemoryOperations

var errOutOfFuel = errors.New("out of fuel")

type outcomeKey struct{}

func recorder(ctx context.Context) *outcome { return ctx.Value(outcomeKey{}).(*outcome) }

// exportHost serves what random modules, binaryen's and the rewriter import.
func (e engine) exportHost(t testing.TB) {
	t.Helper()
	note := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		o := recorder(ctx)
		o.seen = append(o.seen, stack[0])
	})
	note32 := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		o := recorder(ctx)
		o.seen = append(o.seen, uint64(api.DecodeU32(stack[0])))
	})
	mix := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		a, b := api.DecodeU32(stack[0]), api.DecodeU32(stack[1])
		stack[0] = api.EncodeU32((a*2654435761 ^ b) >> 3)
	})
	refill := api.GoModuleFunc(func(ctx context.Context, guest api.Module, _ []uint64) {
		o := recorder(ctx)
		if o.fuel >= mostFuel {
			o.out = true
			panic(errOutOfFuel)
		}
		left := guest.ExportedGlobal(meter.ExportFuel).(api.MutableGlobal)
		added := slice * (1 + (-int64(left.Get()))/slice)
		o.fuel += added
		left.Set(uint64(int64(left.Get()) + added))
	})
	i32, i64, f32, f64 := []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeF32}, []api.ValueType{api.ValueTypeF64}
	for module, functions := range map[string][]hostFunction{
		wasmtest.RandomHost: {{wasmtest.RandomMix, mix, slices.Repeat(i32, 2), i32}, {wasmtest.RandomSee, note, i64, nil}},
		"fuzzing-support":   {{"log-i32", note32, i32, nil}, {"log-i64", note, i64, nil}, {"log-f32", note32, f32, nil}, {"log-f64", note, f64, nil}},
		meter.ImportModule:  {{meter.ImportRefill, refill, nil, nil}},
	} {
		b := e.NewHostModuleBuilder(module)
		for _, f := range functions {
			b.NewFunctionBuilder().WithGoModuleFunction(f.do, f.params, f.results).Export(f.name)
		}
		if _, err := b.Instantiate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

type hostFunction struct {
	name            string
	do              api.GoModuleFunc
	params, results []api.ValueType
}

// limited is a memory that grows up to a limit that the engine does not know.
type limited struct {
	bytes []byte
	most  uint64
}

func (l *limited) Reallocate(size uint64) []byte {
	if size > l.most {
		return nil
	}
	l.bytes = append(l.bytes, make([]byte, size-uint64(len(l.bytes)))...)
	return l.bytes
}

func (*limited) Free() {}

// run instantiates the subject and calls each of its functions, in the order
// of their names, with arguments that follow from the seed.
func (e engine) run(s subject, seed uint64) (*outcome, error) {
	o := &outcome{state: map[string]uint64{}, all: map[string]uint64{}}
	ctx := context.WithValue(context.Background(), outcomeKey{}, o)
	compiled, err := e.CompileModule(ctx, s.code)
	if err != nil {
		return nil, fmt.Errorf("%s refuses the module: %w", e.name, err)
	}
	defer compiled.Close(ctx)
	allocate := experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return &limited{most: uint64(s.maxPages) * pageBytes}
	})
	guest, err := e.InstantiateModule(experimental.WithMemoryAllocator(ctx, allocate), compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		// A trap of the start function is an outcome, too: the metered module's
		// comes when the host calls it.
		o.calls = append(o.calls, "start: "+reason(err))
		return o, nil
	}
	defer guest.Close(ctx)
	if s.metered != nil {
		for _, segment := range s.metered.Segments {
			if !guest.Memory().Write(segment.Offset, segment.Bytes) {
				return nil, fmt.Errorf("data at %d does not fit", segment.Offset)
			}
		}
		if s.metered.Start {
			if _, err := guest.ExportedFunction(meter.ExportStart).Call(ctx); err != nil {
				o.calls = append(o.calls, "start: "+reason(err))
				return o, nil
			}
		}
	}
	e.callAll(ctx, o, guest, seed)
	o.finish(guest, s)
	return o, nil
}

func (e engine) callAll(ctx context.Context, o *outcome, guest api.Module, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	functions := guest.ExportedFunctionDefinitions()
	var names []string
	for name := range functions {
		if !strings.HasPrefix(name, meter.Reserved) && name != hangLimit {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for range 3 {
			if f := guest.ExportedFunction(hangLimit); f != nil {
				_, _ = f.Call(ctx) // sets a counter, no more
			}
			if depth, ok := guest.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal); ok {
				depth.Set(0)
			}
			o.calls = append(o.calls, name+": "+call(ctx, guest.ExportedFunction(name), rng))
			if o.out {
				return
			}
		}
	}
}

// hangLimit is an export of binaryen's modules that allows them new loops.
const hangLimit = "hangLimitInitializer"

func call(ctx context.Context, f api.Function, rng *rand.Rand) string {
	var args []uint64
	for _, p := range f.Definition().ParamTypes() {
		args = append(args, argument(p, rng))
	}
	results, err := f.Call(ctx, args...)
	if err != nil {
		return reason(err)
	}
	for i, r := range f.Definition().ResultTypes() {
		if r == api.ValueTypeI32 || r == api.ValueTypeF32 {
			results[i] = uint64(uint32(results[i]))
		}
	}
	return fmt.Sprintf("%x", results)
}

func argument(p api.ValueType, rng *rand.Rand) uint64 {
	v := rng.Uint64() >> rng.IntN(64)
	switch p {
	case api.ValueTypeI32:
		return uint64(uint32(v))
	case api.ValueTypeF32:
		return api.EncodeF32(float32(int32(v)) / 7)
	case api.ValueTypeF64:
		return api.EncodeF64(float64(int64(v)) / 7)
	}
	return v
}

// reason is the first line of a trap, without where it happened.
func reason(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	if _, after, ok := strings.Cut(first, "wasm error: "); ok {
		return after
	}
	return first
}

func (o *outcome) finish(guest api.Module, s subject) {
	if memory := guest.Memory(); memory != nil {
		o.pages = memory.Size() / pageBytes
		bytes, _ := memory.Read(0, memory.Size())
		o.memory = sha256.Sum256(bytes)
	}
	for _, name := range stateNames {
		if g := guest.ExportedGlobal(name); g != nil {
			o.state[name] = g.Get()
		}
	}
	if s.metered == nil {
		return
	}
	for _, name := range s.metered.Globals {
		o.all[name] = guest.ExportedGlobal(name).Get()
	}
	o.fuel -= int64(guest.ExportedGlobal(meter.ExportFuel).Get())
}

// stateNames are the globals that random modules export.
var stateNames = []string{"steps", "g0", "g1", "g2", "g3", "g4", "g5"}
