package wasmtest

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// chaincodeFeatures are what wasm lets chaincode use.
const chaincodeFeatures = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps |
	api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureBulkMemoryOperations

// valid compiles the module with the engine that is quick to compile; both
// validate alike.
func valid(t *testing.T, code []byte) error {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(chaincodeFeatures))
	defer r.Close(ctx)
	_, err := r.CompileModule(ctx, code)
	return err
}

func TestEveryRandomModuleIsValid(t *testing.T) {
	size, kinds := 0, map[byte]bool{}
	for seed := range uint64(400) {
		code := Random(seed, seed%2 == 0)
		size += len(code)
		for _, b := range code {
			kinds[b] = true
		}
		if err := valid(t, code); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d bytes a module", size/400)
	for _, o := range numericOps() {
		if !kinds[o.code[0]] {
			t.Errorf("instruction %#x was never generated", o.code[0])
		}
	}
}

func TestARandomModuleIsItsSeeds(t *testing.T) {
	first, again := Random(7, true), Random(7, true)
	if string(first) != string(again) {
		t.Error("one seed gave two modules")
	}
	if string(first) == string(Random(8, true)) {
		t.Error("two seeds gave one module")
	}
}

func TestHostileModulesAreValidAsFarAsTheyAreMeantToBe(t *testing.T) {
	for name, code := range map[string][]byte{
		"endless loop":      EndlessLoop(),
		"endless start":     EndlessStart(),
		"endless init":      EndlessInit("cc_init"),
		"endless reactor":   EndlessInit("_initialize"),
		"exponential calls": ExponentialCalls(40),
		"fills":             FillBomb(100, 1<<20),
		"copies":            CopyBomb(100, 1<<20),
		"growth":            GrowBomb(),
		"puppet":            Puppet(),
		"recursion":         Recursion(100),
		"mutual recursion":  MutualRecursion(),
	} {
		if err := valid(t, code); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModulesDoWhatTheirCodeSays(t *testing.T) {
	m := NewModule()
	m.Global('i', true, I32(-5))
	f := m.Func("ii:i", "i",
		LocalGet(0), LocalSet(2),
		Loop(0, LocalGet(1), If(0, LocalGet(2), LocalGet(0), I32Add, LocalSet(2), LocalGet(1), I32(1), I32Sub, LocalSet(1), Br(1))),
		LocalGet(2), GlobalGet(0), I32Add)
	m.Export("f", KindFunction, f)
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	guest, err := r.Instantiate(ctx, m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := guest.ExportedFunction("f").Call(ctx, 7, 5)
	if err != nil || api.DecodeI32(got[0]) != 7*6-5 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func FuzzRandomIsValid(f *testing.F) {
	f.Add([]byte("12345678"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 {
			return
		}
		if err := valid(t, Random(binary.LittleEndian.Uint64(b), true)); err != nil {
			t.Fatal(err)
		}
	})
}
