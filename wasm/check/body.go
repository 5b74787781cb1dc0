package check

import (
	"fmt"

	"github.com/weft-network/weft/wasm/internal/code"
)

// counts are what makes a body dear to compile.
type counts struct{ branches, loops, bulk, nesting int }

// bodiesFit checks all functions.
func bodiesFit(m *code.Module) error {
	var b code.Body
	frames := 0
	for i := range m.Bodies {
		if err := bodyFits(m, i, &b); err != nil {
			return fmt.Errorf("function %d: %w", len(m.Imports)+i, err)
		}
		if frames += int(b.Locals); frames > MaxFrames {
			return fmt.Errorf("functions have more than %d parameters and local variables together", MaxFrames)
		}
	}
	return nil
}

// bodyFits reads all instructions of a function, as far as the limits allow.
func bodyFits(m *code.Module, i int, b *code.Body) error {
	if err := b.Open(m, i); err != nil {
		return err
	}
	if b.Locals > MaxLocals {
		return fmt.Errorf("%d local variables; at most %d are taken", b.Locals, MaxLocals)
	}
	var c counts
	var in code.Instruction
	for b.Next(&in) {
		if !c.add(&in, b.Depth()) {
			continue
		}
		if err := c.within(b.Locals); err != nil {
			return err
		}
	}
	return b.Err()
}

// add says whether the instruction counts.
func (c *counts) add(in *code.Instruction, depth int) bool {
	switch in.Op {
	case code.OpLoop:
		c.loops++
		c.branches++
	case code.OpBlock, code.OpIf, code.OpBr, code.OpBrIf:
		c.branches++
	case code.OpBrTable:
		c.branches += len(in.Labels)
	case code.OpMemoryCopy, code.OpMemoryFill:
		c.bulk++
	default:
		return false
	}
	c.nesting = max(c.nesting, depth)
	return true
}

func (c *counts) within(locals uint32) error {
	for _, l := range []struct {
		n, most int
		what    string
	}{
		{c.branches, MaxBranches, "blocks, branches and entries of br_table"},
		{c.loops, MaxLoops, "loops"},
		{c.bulk, MaxBulk, "memory.copy and memory.fill"},
		{c.nesting, MaxNesting, "blocks inside one another"},
		{(c.branches + 3*c.loops) * int(locals), MaxMerges, "blocks and branches times local variables"},
	} {
		if l.n > l.most {
			return fmt.Errorf("more than %d %s", l.most, l.what)
		}
	}
	return nil
}
