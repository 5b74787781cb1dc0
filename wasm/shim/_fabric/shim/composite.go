package shim

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Composite keys begin with U+0000, and each part ends with one. The highest
// code point closes the range of a prefix. So neither may stand in a part.
const (
	compositeMark = "\x00"
	lastRune      = string(utf8.MaxRune)
)

// CreateCompositeKey joins an object type and attributes to a key.
func CreateCompositeKey(objectType string, attributes []string) (string, error) {
	size := len(compositeMark) + len(objectType) + len(compositeMark)
	for _, attribute := range attributes {
		size += len(attribute) + len(compositeMark)
	}
	key := append(make([]byte, 0, size), compositeMark...)
	for i := -1; i < len(attributes); i++ {
		part := objectType
		if i >= 0 {
			part = attributes[i]
		}
		if err := checkPart(part); err != nil {
			return "", err
		}
		key = append(append(key, part...), compositeMark...)
	}
	return textOf(key), nil
}

// The texts are what clients of Fabric match on.
func checkPart(part string) error {
	if plain(part) {
		return nil
	}
	if !utf8.ValidString(part) {
		return fmt.Errorf("not a valid utf8 string: [%x]", part)
	}
	for i, r := range part {
		if r == 0 || r == utf8.MaxRune {
			return fmt.Errorf("input contains unicode %#U starting at position [%d]. %#U and %#U are not allowed in the input attribute of a composite key",
				r, i, 0, utf8.MaxRune)
		}
	}
	return nil
}

// plain says that a part is ASCII without the mark, as most are.
func plain(part string) bool {
	for i := range len(part) {
		if part[i]-1 >= utf8.RuneSelf-1 {
			return false
		}
	}
	return true
}

func (s *ChaincodeStub) CreateCompositeKey(objectType string, attributes []string) (string, error) {
	return CreateCompositeKey(objectType, attributes)
}

// SplitCompositeKey answers the object type and the attributes. As upstream's it
// drops the first byte and what follows the last mark, whatever they are; it
// answers an error, and no panic, where nothing is left then.
func (s *ChaincodeStub) SplitCompositeKey(compositeKey string) (string, []string, error) {
	last := strings.LastIndexByte(compositeKey, 0)
	if last < 1 {
		return "", nil, fmt.Errorf("%q is not a composite key", compositeKey)
	}
	parts := strings.Split(compositeKey[1:last], compositeMark)
	return parts[0], parts[1:], nil
}
