package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/internal/code"
)

// Resetting an instance relies on how the engine treats the memory that its
// allocator hands out, which the engine nowhere promises. So a runtime tries it
// when it starts, on a small chaincode and by the same way that all others
// take, and refuses to run with an engine that behaves otherwise.

// selfTestPackage names that chaincode.
const selfTestPackage = "self-test"

// Of the chaincode: cc_invoke counts its calls in a global, grows memory by a
// page, writes to both pages and answers the size of memory, in pages, and the
// count; peek answers the word of memory at an address.
const (
	selfTestPeek   = "peek"
	selfTestAnswer = 2<<8 | 6 // two pages, and a count of 5 at the start
)

func (r *Runtime) selfTest(ctx context.Context) error {
	m, err := r.newModule(ctx, selfTestPackage, selfTestChaincode(), r.compile)
	if err != nil {
		return err
	}
	defer func() { _ = m.compiled.Close(ctx) }()
	if err := m.prepare(ctx); err != nil {
		return err
	}
	defer m.prepared.image.Close()
	inst, err := m.resume(ctx)
	if err != nil {
		return err
	}
	return errors.Join(inst.selfTest(ctx), inst.close(ctx))
}

// selfTest does the same call three times, with a reset after each.
func (inst *instance) selfTest(ctx context.Context) error {
	var fuel uint64
	for i := range 3 {
		budget := NewBudget(initFuel)
		answer, err := inst.runOn(ctx, nil, nil, budget, abi.ExportInvoke, 0)
		if err != nil {
			return err
		}
		if answer != selfTestAnswer {
			return fmt.Errorf("call %d answered %#x, not %#x: a reset left a global or the size of memory as it was", i+1, answer, selfTestAnswer)
		}
		if used := budget.Used(); used == 0 || i > 0 && used != fuel {
			return fmt.Errorf("call %d used %d units of fuel, the one before %d", i+1, used, fuel)
		}
		fuel = budget.Used()
		if err := errors.Join(inst.reset(), inst.memory.Check()); err != nil {
			return err
		}
		if _, err := inst.runOn(ctx, nil, nil, budget, selfTestPeek, pageBytes-4); err != nil {
			return fmt.Errorf("the last word of memory cannot be read: %w", err)
		}
		var trap *Trap
		if _, err := inst.runOn(ctx, nil, nil, budget, selfTestPeek, pageBytes); !errors.As(err, &trap) {
			return fmt.Errorf("a read beyond the end of shrunk memory did not trap, but gave: %v", err)
		}
		if err := inst.reset(); err != nil {
			return err
		}
	}
	return nil
}

// selfTestChaincode is a chaincode of one page of memory.
func selfTestChaincode() []byte {
	const i32Load, i32Store, i32Or, i32Shl = 0x28, 0x36, 0x72, 0x74
	const align = 2
	number := func(v int64) []byte { return code.AppendSigned([]byte{code.OpI32Const}, v) }
	body := func(parts ...[]byte) []byte {
		b := []byte{0} // no locals
		for _, part := range parts {
			b = append(b, part...)
		}
		return append(b, code.OpEnd)
	}
	store := func(address int64) []byte {
		return append(append(number(address), number(7)...), i32Store, align, 0)
	}
	m := code.Module{
		Types: []code.Type{
			{Results: []byte{code.I32}},
			{Params: []byte{code.I32}, Results: []byte{code.I32}},
		},
		Functions: []uint32{0, 0, 1, 1},
		Memory:    &code.Limits{Min: 1, Max: 2, Bounded: true},
		Globals:   []code.Global{{Type: code.I32, Mutable: true, Init: append(number(5), code.OpEnd)}},
		Exports: []code.Export{
			{Name: abi.ExportMemory, Kind: code.KindMemory},
			{Name: abi.ExportVersion, Kind: code.KindFunction, Index: 0},
			{Name: abi.ExportInit, Kind: code.KindFunction, Index: 1},
			{Name: abi.ExportInvoke, Kind: code.KindFunction, Index: 2},
			{Name: selfTestPeek, Kind: code.KindFunction, Index: 3},
		},
		Bodies: [][]byte{
			body(number(abi.Major << 16)),
			body(number(0)),
			body(
				[]byte{code.OpGlobalGet, 0}, number(1), []byte{code.OpI32Add, code.OpGlobalSet, 0},
				number(1), []byte{code.OpMemoryGrow, 0, code.OpDrop},
				store(16), store(pageBytes+16),
				[]byte{code.OpMemorySize, 0}, number(8), []byte{i32Shl},
				[]byte{code.OpGlobalGet, 0, i32Or},
			),
			body([]byte{code.OpLocalGet, 0, i32Load, align, 0}),
		},
		Data: []code.Data{{Offset: 16, Bytes: []byte("image")}},
	}
	return m.Encode()
}
