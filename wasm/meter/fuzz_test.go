package meter_test

import (
	"context"
	"testing"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"

	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

// bare is a module without custom sections: engines refuse some, which are
// dropped here.
func bare(module []byte) []byte {
	m, _ := code.Parse(module, check.Most())
	return m.Encode()
}

// Any bytes: check and Rewrite answer. What Rewrite makes of a valid module is
// valid; what it makes of an invalid one is not; and it does not take its own
// output. (What check alone would refuse is rewritten here, too.)
func FuzzMeter(f *testing.F) {
	for _, module := range frames {
		f.Add(module)
	}
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01\x08\x01\x00\x0a\x0a\x01\x08\x00\x02\x40\x0c\x00\x00\x0b\x0b\x0b\x07\x01\x00\x41\x00\x0b\x01x"))
	f.Add(one(1, 1, []byte{code.OpLoop, code.I64, code.OpLocalGet, 0, 0x50, code.OpIf, code.Void, code.OpI64Const, 1, code.OpReturn,
		code.OpElse, code.OpLocalGet, 0, 0xa7, code.OpBrTable, 2, 0, 1, 0, code.OpEnd, code.OpLocalGet, 0, code.OpEnd}))
	f.Add(one(0, 0, []byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 8, 0xfc, 10, 0, 0, code.OpI64Const, 1}))
	f.Add(one(1, 0, []byte{code.OpLocalGet, 0, code.OpI32Wrap, 0x29, 3, 0, code.OpLocalGet, 0, code.OpI64Const, 8, code.OpI64Add, code.OpI32Wrap, 0x29, 3, 4,
		0x53, code.OpI64ExtendU, code.OpI64Eqz, code.OpI32Eqz, code.OpI64ExtendU}))
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features)
	valid := func(module []byte) bool {
		r := wazero.NewRuntimeWithConfig(ctx, config)
		defer r.Close(ctx)
		_, err := r.CompileModule(ctx, module)
		return err == nil
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		refused := check.Module(module, 16)
		m, err := meter.Rewrite(module, options)
		if err != nil {
			if refused == nil {
				t.Fatalf("check takes what meter refuses: %v\n%x", err, module)
			}
			if !utf8.ValidString(err.Error()) {
				t.Fatalf("error %q\n%x", err, module)
			}
			return
		}
		after := valid(m.Code)
		if valid(module) && !after {
			t.Fatalf("became invalid\n%x", module)
		}
		if after && !valid(bare(module)) {
			t.Fatalf("became valid\n%x", module)
		}
		if _, err := meter.Rewrite(m.Code, options); err == nil {
			t.Fatalf("a rewritten module is taken\n%x", module)
		}
	})
}
