package meter

import (
	"encoding/binary"

	"github.com/weft-network/weft/wasm/internal/code"
)

// stretches writes a body in fewer instructions where control goes straight on,
// and so that a compiler has fewer places in memory to check. What the body does
// stays the same, down to the trap that it ends with; docs/metering.md says how.
type stretches struct {
	edits
	body      code.Body
	types     []byte // of parameters and local variables
	values    values
	condition condition
	out       []byte
}

// shorten answers the body written so, or the body itself. A body that is not
// valid is an error or becomes another one that is not. Addresses are left alone
// unless memory is sure to be smaller than the address space by reach.
func (s *stretches) shorten(m *code.Module, i int, addresses bool) ([]byte, error) {
	if err := s.walk(m, i, addresses && m.Memory != nil); err != nil || !s.changed {
		return m.Bodies[i], err
	}
	return s.write(m, i)
}

func (s *stretches) walk(m *code.Module, i int, addresses bool) error {
	if err := s.body.Open(m, i); err != nil {
		return err
	}
	s.declare(m.Types[m.Functions[i]].Params)
	s.reset()
	s.values.open(&s.edits, s.types)
	s.condition = noCondition
	var in code.Instruction
	for n := 0; s.body.Next(&in); n++ {
		s.steps = append(s.steps, step{})
		s.condition.follow(&s.edits, in.Op, n)
		if addresses {
			s.values.step(&in, n)
		}
	}
	return s.body.Err()
}

// declare reads the types of all local variables.
func (s *stretches) declare(params []byte) {
	s.types = append(s.types[:0], params...)
	groups := s.body.Groups
	for range s.body.Declared {
		count, width := binary.Uvarint(groups)
		for range count {
			s.types = append(s.types, groups[width])
		}
		groups = groups[width+1:]
	}
}

func (s *stretches) write(m *code.Module, i int) ([]byte, error) {
	if err := s.body.Open(m, i); err != nil {
		return nil, err
	}
	declared, extra := s.body.Declared, uint32(s.values.most)
	if extra > 0 {
		declared++
	}
	s.out = append(code.AppendU32(s.out[:0], declared), s.body.Groups...)
	if extra > 0 {
		s.out = append(code.AppendU32(s.out, extra), code.I32)
	}
	var in code.Instruction
	for n := 0; s.body.Next(&in); n++ {
		s.out = s.append(s.out, &in, n)
	}
	return append([]byte(nil), s.out...), s.body.Err()
}
