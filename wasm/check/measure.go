package check

import "github.com/weft-network/weft/wasm/internal/code"

// Figures are the greatest of any function of a module, each for itself; Frames
// is the sum over all. The limits of the same names are theirs.
type Figures struct {
	BodyBytes, Locals, Branches, Loops, Bulk, Nesting, Merges int
	Frames                                                    int
}

// Measure counts what Module holds to its limits in functions. It is for
// reports; Module is what decides.
func Measure(m *code.Module) (Figures, error) {
	var f Figures
	var b code.Body
	var in code.Instruction
	for i := range m.Bodies {
		if err := b.Open(m, i); err != nil {
			return f, err
		}
		var c counts
		for b.Next(&in) {
			c.add(&in, b.Depth())
		}
		if err := b.Err(); err != nil {
			return f, err
		}
		locals := int(b.Locals)
		f.BodyBytes, f.Locals, f.Frames = max(f.BodyBytes, len(m.Bodies[i])), max(f.Locals, locals), f.Frames+locals
		f.Branches, f.Loops, f.Bulk = max(f.Branches, c.branches), max(f.Loops, c.loops), max(f.Bulk, c.bulk)
		f.Nesting, f.Merges = max(f.Nesting, c.nesting), max(f.Merges, c.branches*locals)
	}
	return f, nil
}
