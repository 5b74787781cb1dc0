package image

import (
	"testing"
	"unicode/utf8"
)

// Whatever check lets through or not: Split answers, and does not grow a module
// beyond the names it exports.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x06\x06\x01\x7f\x01\x41\x00\x0b\x07\x05\x01\x01m\x02\x00\x0b\x07\x01\x00\x41\x00\x0b\x01x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Split(b)
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Fatalf("%x: error %q", b, err)
			}
			return
		}
		const perGlobal = 40 // name, lengths, index
		if len(m.Code) > 2*len(b)+perGlobal*len(m.Globals) {
			t.Fatalf("%d bytes became %d", len(b), len(m.Code))
		}
	})
}
