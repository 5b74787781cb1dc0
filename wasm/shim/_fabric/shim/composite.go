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
	var key strings.Builder
	key.WriteString(compositeMark)
	for i := -1; i < len(attributes); i++ {
		part := objectType
		if i >= 0 {
			part = attributes[i]
		}
		if err := checkPart(part); err != nil {
			return "", err
		}
		key.WriteString(part)
		key.WriteString(compositeMark)
	}
	return key.String(), nil
}

// The texts are what clients of Fabric match on.
func checkPart(part string) error {
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
