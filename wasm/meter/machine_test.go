package meter_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/weft-network/weft/wasm/meter"
)

// features are those of the host that meter works for.
const features = api.CoreFeaturesV1 |
	api.CoreFeatureSignExtensionOps |
	api.CoreFeatureNonTrappingFloatToIntConversion |
	api.CoreFeatureBulkMemoryOperations

// slice is how much fuel refill adds at a time.
const slice = 100_000

var errExhausted = errors.New("fuel is used up")

// machine is an engine with a host that serves refill.
type machine struct {
	name string
	wazero.Runtime
	rewrite         func([]byte, meter.Options) (*meter.Module, error)
	granted, budget int64 // of all modules of this machine
	refills         int
}

func newMachine(t testing.TB, name string, config wazero.RuntimeConfig) *machine {
	t.Helper()
	ctx := context.Background()
	m := &machine{name: name, budget: 1 << 40, rewrite: meter.Rewrite,
		Runtime: wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features))}
	t.Cleanup(func() { _ = m.Close(ctx) })
	_, err := m.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(m.refill), nil, nil).Export(meter.ImportRefill).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) refill(_ context.Context, guest api.Module, _ []uint64) {
	m.refills++
	fuel := guest.ExportedGlobal(meter.ExportFuel).(api.MutableGlobal)
	left := int64(fuel.Get())
	if left >= 0 {
		panic("refill is called although fuel is left")
	}
	if m.granted-left > m.budget {
		panic(errExhausted)
	}
	more := min(max(slice, -left), m.budget-m.granted)
	m.granted += more
	fuel.Set(uint64(left + more))
}

// machines are the two engines.
func machines(t testing.TB) []*machine {
	return []*machine{
		newMachine(t, "compiler", wazero.NewRuntimeConfigCompiler()),
		newMachine(t, "interpreter", wazero.NewRuntimeConfigInterpreter()),
	}
}

// guest is an instance of a rewritten module.
type guest struct {
	api.Module
	machine *machine
	start   int64
}

var options = meter.Options{MemoryPages: 1<<16 - 1}

// load rewrites a module and makes an instance as a host has to.
func (m *machine) load(code []byte, o meter.Options, name string) (*guest, error) {
	metered, err := m.rewrite(code, o)
	if err != nil {
		return nil, fmt.Errorf("rewrite: %w", err)
	}
	ctx := context.Background()
	compiled, err := m.CompileModule(ctx, metered.Code)
	if err != nil {
		return nil, fmt.Errorf("compile the rewritten module: %w", err)
	}
	ctx = experimental.WithMemoryAllocator(ctx, allocator(metered.MaxPages))
	instance, err := m.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	if err != nil {
		return nil, err
	}
	for _, s := range metered.Segments {
		if !instance.Memory().Write(s.Offset, s.Bytes) {
			return nil, fmt.Errorf("segment of %d bytes at %d is outside of memory", len(s.Bytes), s.Offset)
		}
	}
	g := &guest{instance, m, m.granted}
	if metered.Start {
		_, err = instance.ExportedFunction(meter.ExportStart).Call(ctx)
	}
	return g, err
}

// allocator enforces the limit of memory, in pages.
type allocator uint32

func (a allocator) Allocate(_, _ uint64) experimental.LinearMemory { return &linear{limit: a} }

type linear struct {
	limit allocator
	b     []byte
}

func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(l.limit)<<16 {
		return nil
	}
	l.b = append(l.b, make([]byte, int(size)-len(l.b))...)
	return l.b
}

func (l *linear) Free() {}

// used is the fuel that this guest has used, if no other ran meanwhile.
func (g *guest) used() int64 {
	return g.machine.granted - g.start - int64(g.ExportedGlobal(meter.ExportFuel).Get())
}

func (g *guest) depth() uint32 { return uint32(g.ExportedGlobal(meter.ExportDepth).Get()) }

func (g *guest) call(name string, args ...uint64) ([]uint64, error) {
	return g.ExportedFunction(name).Call(context.Background(), args...)
}
