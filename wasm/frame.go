package wasm

import (
	"context"
	"fmt"
	"runtime/debug"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/abi"
)

// Limits of names that come from a guest, in bytes. A state database has to
// index them, and errors quote them.
const (
	// MaxKeyBytes bounds a key; a bound of a range may be one code point longer.
	MaxKeyBytes = 64 << 10
	// maxNameBytes bounds the names of collections, chaincodes, channels,
	// events and key metadata.
	maxNameBytes = 4 << 10
	// maxQueryBytes bounds a query and its bookmark.
	maxQueryBytes = 1 << 20
)

// frame is one call of a host function: the arguments, and the guest's memory.
// An invocation has one, since a guest calls one function at a time.
//
// Methods that read arguments pay for the bytes they read. Where an argument
// breaks the rules they note a refusal, of which the first counts; the function
// looks at f.code once, when it has all its arguments.
type frame struct {
	*invocation
	ctx   context.Context
	mem   api.Memory
	stack []uint64
	// code is the refusal, 0 as long as there is none.
	code int32
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

// view is the guest's memory itself, for the moment. wazero checks the bounds
// in 64 bit.
func (f *frame) view(ptr, length uint32) []byte {
	view, ok := f.mem.Read(ptr, length)
	if !ok {
		f.outside(ptr, length)
	}
	f.pay(fuelOfBytes(len(view)))
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

// text is a string of valid UTF-8 and at most so many bytes.
func (f *frame) text(i int, what string, limit int) string {
	if n := f.u32(i + 1); uint64(n) > uint64(limit) {
		f.deny(abi.InvalidArg, "%s of %d bytes; at most %d are taken", what, n, limit)
		return ""
	}
	s := string(f.view(f.u32(i), f.u32(i+1)))
	if !utf8.ValidString(s) {
		f.deny(abi.InvalidArg, "%s is not valid UTF-8: [%x]", what, s)
	}
	return s
}

func (f *frame) key(i int) string {
	key := f.text(i, "key", MaxKeyBytes)
	if key == "" {
		f.deny(abi.InvalidArg, "key must not be an empty string")
	}
	return key
}

// keys is a list of keys.
func (f *frame) keys(i int) []string {
	items := f.list(i, "list of keys")
	keys := make([]string, len(items))
	for j, item := range items {
		switch {
		case len(item) == 0:
			f.deny(abi.InvalidArg, "key must not be an empty string")
		case len(item) > MaxKeyBytes:
			f.deny(abi.InvalidArg, "key of %d bytes; at most %d are taken", len(item), MaxKeyBytes)
		case !utf8.Valid(item):
			f.deny(abi.InvalidArg, "key is not valid UTF-8: [%x]", item)
		}
		keys[j] = string(item)
	}
	return keys
}

// collection is empty for the public state. Others are closed to Init, as in
// Fabric.
func (f *frame) collection(i int) string {
	name := f.text(i, "collection", maxNameBytes)
	if name != "" && f.call != nil && f.call.Init {
		f.deny(abi.Denied, "private data APIs are not allowed in chaincode Init()")
	}
	return name
}

// list is a list of byte strings, copied.
func (f *frame) list(i int, what string) [][]byte {
	items, err := abi.DecodeList(f.bytes(i))
	if err != nil {
		f.deny(abi.InvalidArg, "%s: %v", what, err)
	}
	return items
}

// deny notes a refusal, and its text for error_read, unless there is one.
func (f *frame) deny(code abi.Code, format string, args ...any) {
	if f.code == 0 {
		f.code = f.refuse(code, format, args...)
	}
}

// unsupported refuses what the stub cannot do.
func (f *frame) unsupported(function, what string) int32 {
	return f.refuse(abi.Unsupported, "%s", unsupportedText(function, what))
}

func unsupportedText(function, what string) string {
	return "UNSUPPORTED " + function + ": this peer serves no " + what
}

// tx refuses what only a transaction may do, and writing what only some may.
func (f *frame) tx() {
	if f.call == nil {
		f.deny(abi.NotInTx, "not available while the chaincode is being started")
	}
}

func (f *frame) writable() {
	f.tx()
	if f.call != nil && f.call.ReadOnly {
		f.deny(abi.ReadOnly, "the call is read-only")
	}
}

// answer hands b to the buffer whose pointer and capacity are arguments i, i+1,
// or keeps it for result_read. Either way it is paid for once, here.
func (f *frame) answer(i int, b []byte) int32 {
	f.pay(fuelOfBytes(len(b)))
	if uint64(len(b)) > uint64(f.u32(i+1)) {
		f.result = b
		return int32(len(b))
	}
	f.write(f.u32(i), b)
	return int32(len(b))
}

// exportHost makes the functions importable under the module's name. Every
// signature must have a function. The plain ones are not for guests as they are
// written: they take and answer nothing, and are not paid for.
func exportHost(ctx context.Context, rt wazero.Runtime, module string,
	signatures map[string]abi.Signature, functions map[string]hostFunc, plain map[string]api.GoModuleFunc) error {
	builder := rt.NewHostModuleBuilder(module)
	for name, signature := range signatures {
		do, ok := functions[name]
		if !ok {
			return fmt.Errorf("host function %s of %s is missing", name, module)
		}
		params, results := valueTypes(signature)
		builder.NewFunctionBuilder().WithGoModuleFunction(adapt(name, do, len(results)), params, results).Export(name)
	}
	for name, do := range plain {
		builder.NewFunctionBuilder().WithGoModuleFunction(do, nil, nil).Export(name)
	}
	if _, err := builder.Instantiate(ctx); err != nil {
		return fmt.Errorf("export host module %s: %w", module, err)
	}
	return nil
}

func adapt(name string, do hostFunc, results int) api.GoModuleFunc {
	return func(ctx context.Context, guest api.Module, stack []uint64) {
		inv := invocationOf(ctx)
		answer := inv.serve(ctx, name, do, guest.Memory(), stack)
		if results == 1 {
			stack[0] = api.EncodeI32(answer)
		}
	}
}

// serve runs one host function. A panic in it that is not the end of the
// invocation is a fault of this peer, and ends only this call.
func (inv *invocation) serve(ctx context.Context, name string, do hostFunc, mem api.Memory, stack []uint64) int32 {
	inv.load()
	defer func() {
		inv.store()
		if r := recover(); r != nil {
			if inv.fault == nil {
				inv.fault = fmt.Errorf("host function %s panicked: %v", name, r)
				inv.log.log.Error("host function panicked", "function", name, "panic", r, "stack", string(debug.Stack()))
			}
			panic(inv.fault)
		}
	}()
	f := &inv.frame
	*f = frame{invocation: inv, ctx: ctx, mem: mem, stack: stack}
	inv.pay(fuelHostCall)
	return do(f)
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
