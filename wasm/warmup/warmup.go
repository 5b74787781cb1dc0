// Package warmup keeps, in a chaincode module, the calls that the author wants
// run before the module's state is snapshotted: a custom section named Section
// that holds argument vectors. What these calls leave warm (caches, pools, a
// grown heap) is there in every transaction; what is cold is paid for in each.
//
// The section is part of the module's bytes and so of its package id: every
// peer runs the same calls and comes to the same snapshot.
//
// The package is pure: bytes in, bytes out. Nothing in a module makes it panic,
// or allocate more than in proportion to the section.
package warmup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
)

// Section is the name of the custom section.
const Section = "weft.warmup"

// Limits of a declaration. Warming up touches each code path once or twice;
// more than this would be a test suite, run at every install.
const (
	// MaxBytes of the section, without its name.
	MaxBytes = 64 << 10
	// MaxVectors is the most calls that are run.
	MaxVectors = 256
	// MaxArgs of one call, the function's name included.
	MaxArgs = 256
)

// Vector is the arguments of one call; the first is the function's name.
type Vector [][]byte

// Encode answers what the section holds: a list (see abi.AppendList) whose
// items are themselves lists. It refuses vectors beyond the limits.
func Encode(vectors []Vector) ([]byte, error) {
	items := make([][]byte, len(vectors))
	for i, v := range vectors {
		if err := v.check(); err != nil {
			return nil, fmt.Errorf("warm-up call %d %w", i+1, err)
		}
		items[i] = abi.AppendList(nil, v)
	}
	if len(items) > MaxVectors {
		return nil, fmt.Errorf("%d warm-up calls; at most %d are taken", len(items), MaxVectors)
	}
	body := abi.AppendList(nil, items)
	if len(body) > MaxBytes {
		return nil, fmt.Errorf("warm-up calls of %d bytes together; at most %d are taken", len(body), MaxBytes)
	}
	return body, nil
}

func (v Vector) check() error {
	if len(v) == 0 {
		return errors.New("has no arguments; the first is the name of the function")
	}
	if len(v) > MaxArgs {
		return fmt.Errorf("has %d arguments; at most %d are taken", len(v), MaxArgs)
	}
	return nil
}

// Decode is the inverse of Encode, with the same limits.
func Decode(body []byte) ([]Vector, error) {
	if len(body) > MaxBytes {
		return nil, fmt.Errorf("section %s is %d bytes; at most %d are taken", Section, len(body), MaxBytes)
	}
	items, err := abi.DecodeList(body)
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", Section, err)
	}
	if len(items) > MaxVectors {
		return nil, fmt.Errorf("section %s holds %d calls; at most %d are taken", Section, len(items), MaxVectors)
	}
	vectors := make([]Vector, len(items))
	for i, item := range items {
		args, err := abi.DecodeList(item)
		if err != nil {
			return nil, fmt.Errorf("section %s, call %d: %w", Section, i+1, err)
		}
		if err := Vector(args).check(); err != nil {
			return nil, fmt.Errorf("section %s, call %d %w", Section, i+1, err)
		}
		vectors[i] = args
	}
	return vectors, nil
}

// Read answers the calls that a module declares, in their order; none if it
// declares none. It refuses a section that is malformed, beyond the limits, or
// there twice.
func Read(code []byte) ([]Vector, error) {
	body, err := find(code)
	if err != nil || body == nil {
		return nil, err
	}
	return Decode(body)
}

// Append answers a copy of the module that declares the calls. It refuses a
// module that declares some already. Without calls it answers the module.
func Append(code []byte, vectors []Vector) ([]byte, error) {
	if len(vectors) == 0 {
		return code, nil
	}
	there, err := find(code)
	if err != nil {
		return nil, err
	}
	if there != nil {
		return nil, fmt.Errorf("the module has a section %s already; declare warm-up calls in one place", Section)
	}
	body, err := Encode(vectors)
	if err != nil {
		return nil, err
	}
	payload := binary.AppendUvarint(nil, uint64(len(Section)))
	payload = append(append(payload, Section...), body...)
	out := append(bytes.Clone(code), customID)
	out = binary.AppendUvarint(out, uint64(len(payload)))
	return append(out, payload...), nil
}
