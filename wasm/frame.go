package wasm

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/abi"
)

// frame is one call of a host function: the arguments, and the guest's memory.
type frame struct {
	*invocation
	mem   api.Memory
	stack []uint64
}

// hostFunc answers the one i32 result; functions without a result answer 0.
type hostFunc func(f *frame) int32

// u32 decodes an i32 argument. The upper half of the word is not the guest's.
func (f *frame) u32(i int) uint32 { return api.DecodeU32(f.stack[i]) }

// bytes copies the byte string whose pointer and length are arguments i, i+1.
// The copy matters: the engine's view would change under us.
func (f *frame) bytes(i int) []byte {
	return append([]byte{}, f.view(f.u32(i), f.u32(i+1))...)
}

func (f *frame) string(i int) string { return string(f.view(f.u32(i), f.u32(i+1))) }

// view is the guest's memory itself, for the moment. wazero checks the bounds
// in 64 bit.
func (f *frame) view(ptr, length uint32) []byte {
	view, ok := f.mem.Read(ptr, length)
	if !ok {
		f.outside(ptr, length)
	}
	return view
}

func (f *frame) write(ptr uint32, b []byte) {
	if !f.mem.Write(ptr, b) {
		f.outside(ptr, uint32(len(b)))
	}
}

func (f *frame) outside(ptr, length uint32) {
	f.end(&Trap{Reason: fmt.Sprintf("gave the host %d bytes at %d, outside of its memory", length, ptr)})
}

// answer hands b to the buffer whose pointer and capacity are arguments i, i+1,
// or keeps it for result_read.
func (f *frame) answer(i int, b []byte) int32 {
	if uint64(len(b)) > uint64(f.u32(i+1)) {
		f.result = b
		return int32(len(b))
	}
	f.write(f.u32(i), b)
	return int32(len(b))
}

// outsideTx refuses what only a transaction may do.
func (f *frame) outsideTx() (code int32, refused bool) {
	if f.call == nil {
		return f.refuse(abi.NotInTx, "not available while the chaincode is being started"), true
	}
	return 0, false
}

// text refuses what could not stand in Fabric's messages.
func (f *frame) text(what, s string) (code int32, refused bool) {
	if !utf8.ValidString(s) {
		return f.refuse(abi.InvalidArg, "%s is not valid UTF-8: [%x]", what, s), true
	}
	return 0, false
}

// exportHost makes the functions importable under the module's name. Every
// signature must have a function.
func exportHost(ctx context.Context, rt wazero.Runtime, module string,
	signatures map[string]abi.Signature, functions map[string]hostFunc) error {
	builder := rt.NewHostModuleBuilder(module)
	for name, signature := range signatures {
		do, ok := functions[name]
		if !ok {
			return fmt.Errorf("host function %s of %s is missing", name, module)
		}
		params, results := valueTypes(signature)
		builder.NewFunctionBuilder().WithGoModuleFunction(adapt(do, len(results)), params, results).Export(name)
	}
	if _, err := builder.Instantiate(ctx); err != nil {
		return fmt.Errorf("export host module %s: %w", module, err)
	}
	return nil
}

func adapt(do hostFunc, results int) api.GoModuleFunc {
	return func(ctx context.Context, guest api.Module, stack []uint64) {
		inv := ctx.Value(invocationKey{}).(*invocation) // run attaches it to every call
		answer := do(&frame{invocation: inv, mem: guest.Memory(), stack: stack})
		if results == 1 {
			stack[0] = api.EncodeI32(answer)
		}
	}
}

func valueTypes(s abi.Signature) (params, results []api.ValueType) {
	into := &params
	for _, c := range s {
		switch c {
		case ':':
			into = &results
		case 'i':
			*into = append(*into, api.ValueTypeI32)
		case 'I':
			*into = append(*into, api.ValueTypeI64)
		}
	}
	return params, results
}
