package cctest

import (
	"encoding/json"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Value is bytes that a test file gives: a scalar stands for its text as it is
// written, a list or a map for its JSON without spaces, keys in their order.
type Value []byte

// UnmarshalYAML implements yaml.Unmarshaler.
func (v *Value) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*v = []byte(n.Value)
		return nil
	}
	text, err := appendJSON(nil, n)
	*v = text
	return err
}

// JSON is a value that a test file gives, of any form, as JSON.
type JSON []byte

// UnmarshalYAML implements yaml.Unmarshaler.
func (j *JSON) UnmarshalYAML(n *yaml.Node) error {
	text, err := appendJSON(nil, n)
	*j = text
	return err
}

// appendJSON writes a node as JSON. References to anchors are refused: a few of
// them can stand for gigabytes.
func appendJSON(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.SequenceNode:
		return appendItems(append(dst, '['), n, ']', 1)
	case yaml.MappingNode:
		return appendItems(append(dst, '{'), n, '}', 2)
	case yaml.ScalarNode:
		return appendScalar(dst, n)
	}
	return nil, fmt.Errorf("line %d: a value can hold text, numbers, true, false, null, lists and maps", n.Line)
}

// appendItems writes the content of a list, or of a map when step is 2.
func appendItems(dst []byte, n *yaml.Node, end byte, step int) (_ []byte, err error) {
	for i, item := range n.Content {
		switch {
		case step == 2 && i%2 == 1:
			dst = append(dst, ':')
		case i > 0:
			dst = append(dst, ',')
		}
		if step == 2 && i%2 == 0 {
			if item.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: a map's key is text", item.Line)
			}
			dst, err = appendText(dst, item.Value)
		} else {
			dst, err = appendJSON(dst, item)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(dst, end), nil
}

func appendScalar(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!null":
		return append(dst, "null"...), nil
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(dst, n.Value...), nil
		}
	}
	return appendText(dst, n.Value)
}

func appendText(dst []byte, s string) ([]byte, error) {
	text, err := json.Marshal(s)
	return append(dst, text...), err
}
