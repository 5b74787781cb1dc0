package guest

import (
	"errors"
	"strings"

	"github.com/weft-network/weft/wasm/abi"
)

// Range calls f for the keys from start up to, and without, end, until it
// answers an error, which Range then returns. An empty end is no end.
func (tx *Tx) Range(start, end string, f func(key string, value []byte) error) error {
	return states(rangeOpen("", start, end, 0, 0, ""), f)
}

// RangePrivate is Range on a collection.
func (tx *Tx) RangePrivate(collection, start, end string, f func(key string, value []byte) error) error {
	return states(rangeOpen(collection, start, end, 0, 0, ""), f)
}

// RangeComposite calls f for the composite keys (see Key) that begin with the
// parts.
func (tx *Tx) RangeComposite(parts []string, f func(key string, value []byte) error) error {
	prefix, err := Key(parts...)
	if err != nil {
		return err
	}
	return states(rangeOpen("", prefix, prefix+lastRune, abi.FlagComposite, 0, ""), f)
}

// Page is Range for at most size keys. It answers the bookmark for the next
// page, empty at the end. A transaction that reads pages cannot write.
func (tx *Tx) Page(start, end string, size int32, bookmark string, f func(key string, value []byte) error) (next string, err error) {
	return page(rangeOpen("", start, end, 0, size, bookmark), f)
}

// Query calls f for what a query of values finds, in the state database's own
// language. An empty collection is the public state.
func (tx *Tx) Query(collection, query string, f func(key string, value []byte) error) error {
	return states(queryOpen(collection, query, 0, ""), f)
}

// QueryPage is Query, on the public state, for at most size keys.
func (tx *Tx) QueryPage(query string, size int32, bookmark string, f func(key string, value []byte) error) (next string, err error) {
	return page(queryOpen("", query, size, bookmark), f)
}

// History calls f for the versions of a key, the newest first.
func (tx *Tx) History(key string, f func(m abi.Modification) error) error {
	return each(historyOpen(key), abi.CutHistory, f)
}

// Key joins parts to a composite key, which sorts by its parts and never meets a
// simple key. Parts that hold U+0000 or U+10FFFF are refused.
func Key(parts ...string) (string, error) {
	size := len(compositeMark)
	for _, part := range parts {
		if strings.Contains(part, compositeMark) || strings.Contains(part, lastRune) {
			return "", errPart
		}
		size += len(part) + len(compositeMark)
	}
	key := append(make([]byte, 0, size), compositeMark...)
	for _, part := range parts {
		key = append(append(key, part...), compositeMark...)
	}
	return textOf(key), nil
}

var errPart = errors.New("a composite key may contain neither U+0000 nor U+10FFFF: they end and bound its parts")

const (
	compositeMark = "\x00"
	lastRune      = "\U0010FFFF"
)

func states(handle int32, f func(key string, value []byte) error) error {
	return each(handle, abi.CutState, func(r abi.Record) error { return f(r.Key, r.Value) })
}

func page(handle int32, f func(key string, value []byte) error) (next string, err error) {
	if err := check(handle); err != nil {
		return "", err
	}
	scratch := takeScratch()
	b, err := output(scratch, iterMeta(handle, dataOf(scratch), uint32(len(scratch))))
	if err == nil {
		_, next, err = abi.DecodePage(b)
	}
	if err != nil {
		iterClose(handle)
		return "", err
	}
	return next, states(handle, f)
}

// each walks what was opened, and closes it.
func each[T any](handle int32, cut func([]byte) (T, []byte, error), f func(T) error) error {
	if err := check(handle); err != nil {
		return err
	}
	defer iterClose(handle)
	for {
		scratch := takeScratch()
		b, err := output(scratch, iterNext(handle, dataOf(scratch), uint32(len(scratch))))
		if err != nil || len(b) == 0 {
			return err
		}
		for len(b) > 0 {
			var record T
			if record, b, err = cut(b); err != nil {
				return err
			}
			if err := f(record); err != nil {
				return err
			}
		}
	}
}
