// Package image takes a module's initial memory out of it, so that an instance
// can begin over memory that another instance has already prepared.
//
// Starting a Go guest costs tens of milliseconds: its linker emits up to
// 100,000 data segments, and then the runtime and main run. Split yields the
// same module without data segments, and with its mutable globals exported. An
// instance of that, given the memory and globals that a started instance had,
// is in the same state, and nobody has used it: engine, table, globals and
// memory are its own.
//
// Split is pure. It expects a module that wasm/check has let through.
package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Module is a module whose data was taken out.
type Module struct {
	// Code is the module without data; mutable globals are exported by the
	// names in Globals.
	Code     []byte
	Segments []Segment
	Globals  []string
}

// Segment is a piece of initial memory, in the order of the module.
type Segment struct {
	Offset uint32
	Bytes  []byte
}

// ErrUnfit is in the error for a module that has a state which cannot be given
// to another instance. Such a module is started anew for every call.
var ErrUnfit = errors.New("the module has a state that an image cannot hold")

// globalPrefix begins the names of exported globals. A guest that exports such
// a name itself is unfit.
const globalPrefix = "weft.global."

// Sections of a module, by id.
const (
	sectionCustom    = 0
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
)

const header = 8 // magic and version

// Split takes the data out of a module.
func Split(code []byte) (*Module, error) {
	m := &Module{}
	var out bytes.Buffer
	if len(code) < header {
		return nil, errShort
	}
	out.Write(code[:header])
	exported := false
	for r := (reader{code[header:]}); len(r.b) > 0; {
		id, body, err := r.section()
		if err != nil {
			return nil, err
		}
		if !exported && id > sectionExport && id != sectionDataCount {
			// A chaincode has exports; check has seen to that.
			return nil, fmt.Errorf("%w: its exports stand after section %d", ErrUnfit, id)
		}
		switch id {
		case sectionData:
			err = m.takeData(body)
		case sectionDataCount, sectionCustom:
		case sectionStart:
			err = fmt.Errorf("%w: a start function", ErrUnfit)
		case sectionGlobal:
			err = m.findGlobals(body)
			write(&out, id, body)
		case sectionExport:
			exported = true
			body, err = m.addExports(body)
			write(&out, id, body)
		case sectionCode:
			err = scan(body)
			write(&out, id, body)
		default:
			write(&out, id, body)
		}
		if err != nil {
			return nil, err
		}
	}
	m.Code = out.Bytes()
	return m, nil
}

func write(out *bytes.Buffer, id byte, body []byte) {
	out.WriteByte(id)
	out.Write(binary.AppendUvarint(nil, uint64(len(body))))
	out.Write(body)
}

// findGlobals names the module's mutable globals. There are no imported ones,
// so the n-th of this section has index n.
func (m *Module) findGlobals(body []byte) error {
	r := reader{body}
	n, err := r.u32()
	for i := uint32(0); i < n && err == nil; i++ {
		var mutable byte
		if _, err = r.byte(); err == nil { // its type
			mutable, err = r.byte()
		}
		if mutable == 1 {
			m.Globals = append(m.Globals, fmt.Sprintf("%s%d", globalPrefix, i))
		}
		if err == nil {
			_, err = r.constant()
		}
	}
	return err
}

// addExports appends the globals to the export section.
func (m *Module) addExports(body []byte) ([]byte, error) {
	if bytes.Contains(body, []byte(globalPrefix)) {
		return nil, fmt.Errorf("%w: an export named %s…", ErrUnfit, globalPrefix)
	}
	r := reader{body}
	n, err := r.u32()
	if err != nil {
		return nil, err
	}
	out := binary.AppendUvarint(nil, uint64(n)+uint64(len(m.Globals)))
	out = append(out, r.b...)
	for _, name := range m.Globals {
		var index uint64
		if _, err := fmt.Sscanf(name, globalPrefix+"%d", &index); err != nil {
			return nil, err
		}
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
		out = append(out, 3) // a global
		out = binary.AppendUvarint(out, index)
	}
	return out, nil
}

// takeData reads the data section. check lets active segments through only.
func (m *Module) takeData(body []byte) error {
	r := reader{body}
	n, err := r.u32()
	m.Segments = slices.Grow(m.Segments, int(min(n, 1<<17)))
	for i := uint32(0); i < n && err == nil; i++ {
		var flag uint32
		if flag, err = r.u32(); err != nil {
			break
		}
		if flag != 0 {
			return fmt.Errorf("%w: a data segment of kind %d", ErrUnfit, flag)
		}
		var s Segment
		if s.Offset, err = r.offset(); err == nil {
			s.Bytes, err = r.bytes()
		}
		m.Segments = append(m.Segments, s)
	}
	return err
}
