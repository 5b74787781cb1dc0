package code

import "encoding/binary"

// AppendU32 appends an unsigned LEB128.
func AppendU32(b []byte, v uint32) []byte {
	return binary.AppendUvarint(b, uint64(v))
}

// AppendSigned appends a signed LEB128.
func AppendSigned(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

// AppendName appends a name.
func AppendName(b []byte, name string) []byte {
	return append(AppendU32(b, uint32(len(name))), name...)
}

// AppendSection appends a section.
func AppendSection(b []byte, id byte, body []byte) []byte {
	b = AppendU32(append(b, id), uint32(len(body)))
	return append(b, body...)
}

func (l *Limits) append(b []byte) []byte {
	if l.Bounded {
		return AppendU32(AppendU32(append(b, 1), l.Min), l.Max)
	}
	return AppendU32(append(b, 0), l.Min)
}

// Encode puts a module together, without its custom sections.
func (m *Module) Encode() []byte {
	size := 1 << 12
	for _, body := range m.Bodies {
		size += len(body) + 5
	}
	for _, d := range m.Data {
		size += len(d.Bytes) + 15
	}
	b := append(make([]byte, 0, size), Header...)
	b = vector(b, SectionType, m.Types, func(b []byte, t Type) []byte {
		b = append(AppendU32(append(b, funcType), uint32(len(t.Params))), t.Params...)
		return append(AppendU32(b, uint32(len(t.Results))), t.Results...)
	})
	b = vector(b, SectionImport, m.Imports, func(b []byte, i Import) []byte {
		b = AppendName(AppendName(b, i.Module), i.Name)
		return AppendU32(append(b, KindFunction), i.Type)
	})
	b = vector(b, SectionFunction, m.Functions, AppendU32)
	if m.Table != nil {
		b = AppendSection(b, SectionTable, m.Table.append([]byte{1, funcref}))
	}
	if m.Memory != nil {
		b = AppendSection(b, SectionMemory, m.Memory.append([]byte{1}))
	}
	b = vector(b, SectionGlobal, m.Globals, func(b []byte, g Global) []byte {
		b = append(b, g.Type, byte(count(g.Mutable)))
		return append(b, g.Init...)
	})
	b = vector(b, SectionExport, m.Exports, func(b []byte, e Export) []byte {
		return AppendU32(append(AppendName(b, e.Name), e.Kind), e.Index)
	})
	if m.Start != nil {
		b = AppendSection(b, SectionStart, AppendU32(nil, *m.Start))
	}
	b = vector(b, SectionElement, m.Elements, func(b []byte, e Element) []byte {
		b = AppendSigned(append(b, 0, OpI32Const), int64(int32(e.Offset)))
		b = AppendU32(append(b, OpEnd), uint32(len(e.Functions)))
		for _, f := range e.Functions {
			b = AppendU32(b, f)
		}
		return b
	})
	b = vector(b, SectionCode, m.Bodies, func(b []byte, body []byte) []byte {
		return append(AppendU32(b, uint32(len(body))), body...)
	})
	return vector(b, SectionData, m.Data, func(b []byte, d Data) []byte {
		b = AppendSigned(append(b, 0, OpI32Const), int64(int32(d.Offset)))
		b = AppendU32(append(b, OpEnd), uint32(len(d.Bytes)))
		return append(b, d.Bytes...)
	})
}

// vector appends a section that is a list, none if the list is empty. The
// length goes before the body with its full five bytes, which saves a copy.
func vector[T any](b []byte, id byte, list []T, item func([]byte, T) []byte) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, id, 0, 0, 0, 0, 0)
	from := len(b)
	b = AppendU32(b, uint32(len(list)))
	for _, v := range list {
		b = item(b, v)
	}
	size := uint32(len(b) - from)
	for i := range 5 {
		b[from-5+i] = byte(size)&0x7f | 0x80
		size >>= 7
	}
	b[from-1] &= 0x7f
	return b
}
