package check

import "bytes"

// Imports lists the functions a module imports, as "module.name", in their
// order. It is for reports; Module is what decides.
func Imports(code []byte) ([]string, error) {
	r := &reader{b: code}
	if !bytes.Equal(r.take(8), []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, errShort
	}
	for r.err == nil && len(r.b) > 0 {
		id, body := r.byte(), &reader{b: r.take(r.u32())}
		if id != secImport {
			continue
		}
		var names []string
		for range body.count(MaxImports, "imports") {
			module, name := body.name(), body.name()
			if kind := body.byte(); kind != kindFunction {
				return names, body.err // only functions have a single index
			}
			body.u32()
			names = append(names, module+"."+name)
		}
		return names, body.err
	}
	return nil, r.err
}
