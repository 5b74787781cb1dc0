package warmup

import (
	"bytes"
	"errors"
	"fmt"
)

// customID is the id of custom sections; header begins every core module.
const (
	customID = 0
	header   = "\x00asm\x01\x00\x00\x00"
)

var errShort = errors.New("module ends within a section")

// find answers the body of the section, not nil if it is there. Other sections
// are skipped: whether they are well-formed is for wasm/check to say.
func find(code []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(code, []byte(header))
	if !ok {
		return nil, errors.New("not a core WebAssembly module: it does not begin with \\0asm and version 1")
	}
	var body []byte
	for len(rest) > 0 {
		id := rest[0]
		section, after, err := prefixed(rest[1:])
		if err != nil {
			return nil, err
		}
		rest = after
		if id != customID {
			continue
		}
		name, content, err := prefixed(section)
		if err != nil || string(name) != Section {
			continue
		}
		if body != nil {
			return nil, fmt.Errorf("section %s is there twice", Section)
		}
		body = content
		if body == nil {
			body = []byte{}
		}
	}
	return body, nil
}

// prefixed cuts bytes with their length in front.
func prefixed(b []byte) (cut, rest []byte, err error) {
	n, b, err := u32(b)
	if err != nil {
		return nil, nil, err
	}
	if uint64(n) > uint64(len(b)) {
		return nil, nil, errShort
	}
	return b[:n], b[n:], nil
}

// u32 cuts an unsigned LEB128 number of at most 32 bits.
func u32(b []byte) (n uint32, rest []byte, err error) {
	for i, c := range b {
		if i == 4 && c > 0x0f {
			return 0, nil, errors.New("a section's length is longer than 32 bits")
		}
		n |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errShort
}
