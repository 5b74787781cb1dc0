package inspect

import (
	"encoding/binary"

	"github.com/weft-network/weft/wasm/internal/code"
)

var sectionNames = [...]string{
	code.SectionType: "type", code.SectionImport: "import", code.SectionFunction: "function",
	code.SectionTable: "table", code.SectionMemory: "memory", code.SectionGlobal: "global",
	code.SectionExport: "export", code.SectionStart: "start", code.SectionElement: "element",
	code.SectionCode: "code", code.SectionData: "data", code.SectionDataCount: "data count",
}

// sections lists the sections of a module that was parsed before. The sizes are
// without the id and the length in front.
func sections(module []byte) []Section {
	list := []Section{}
	for rest := module[len(code.Header):]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return list // does not happen: it was parsed
		}
		body := rest[1+n:][:size]
		list = append(list, Section{sectionName(id, body), len(body)})
		rest = rest[1+n+int(size):]
	}
	return list
}

func sectionName(id byte, body []byte) string {
	if id != code.SectionCustom {
		return sectionNames[min(int(id), len(sectionNames)-1)]
	}
	size, n := binary.Uvarint(body)
	if n <= 0 || size > uint64(len(body)-n) {
		return "custom"
	}
	return "custom " + string(body[n:][:size])
}
