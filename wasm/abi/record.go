package abi

import (
	"errors"
	"strconv"
)

// Record is a key with its value, of kind RecordState.
type Record struct {
	Namespace, Key string
	Value          []byte
}

// Modification is one version of a key, of kind RecordHistory.
type Modification struct {
	TxID    string
	Seconds int64
	Nanos   int32
	Delete  bool
	Value   []byte
}

// AppendState appends a record of kind RecordState, as iter_next hands it over.
func AppendState(dst []byte, namespace, key string, value []byte) []byte {
	dst = append(dst, RecordState)
	return AppendBytes(AppendBytes(AppendBytes(dst, namespace), key), value)
}

// AppendHistory appends a record of kind RecordHistory.
func AppendHistory(dst []byte, m Modification) []byte {
	dst = AppendBytes(append(dst, RecordHistory), m.TxID)
	dst = AppendTimestamp(dst, m.Seconds, m.Nanos)
	if m.Delete {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	return AppendBytes(dst, m.Value)
}

// CutState reads a record of kind RecordState and answers what follows it. The
// value shares b.
func CutState(b []byte) (r Record, rest []byte, err error) {
	if b, err = cutKind(b, RecordState); err != nil {
		return r, nil, err
	}
	var namespace, key []byte
	if namespace, b, err = CutBytes(b); err != nil {
		return r, nil, err
	}
	if key, b, err = CutBytes(b); err != nil {
		return r, nil, err
	}
	if r.Value, b, err = CutBytes(b); err != nil {
		return r, nil, err
	}
	r.Namespace, r.Key = string(namespace), string(key)
	return r, b, nil
}

// CutHistory reads a record of kind RecordHistory and answers what follows it.
// The value shares b.
func CutHistory(b []byte) (m Modification, rest []byte, err error) {
	if b, err = cutKind(b, RecordHistory); err != nil {
		return m, nil, err
	}
	var tx []byte
	if tx, b, err = CutBytes(b); err != nil {
		return m, nil, err
	}
	if m.Seconds, m.Nanos, b, err = CutTimestamp(b); err != nil {
		return m, nil, err
	}
	if len(b) == 0 || b[0] > 1 {
		return m, nil, errors.New("whether it is a delete is not told")
	}
	m.Delete = b[0] == 1
	if m.Value, b, err = CutBytes(b[1:]); err != nil {
		return m, nil, err
	}
	m.TxID = string(tx)
	return m, b, nil
}

func cutKind(b []byte, kind byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errors.New("record ends before it begins")
	}
	if b[0] != kind {
		return nil, errors.New("record is of kind " + strconv.Itoa(int(b[0])) + ", not " + strconv.Itoa(int(kind)))
	}
	return b[1:], nil
}

// DecodeRecords decodes the whole records of one iter_next.
func DecodeRecords(b []byte) ([]Record, error) { return decodeAll(b, CutState) }

// DecodeHistory decodes the whole records of one iter_next on a history.
func DecodeHistory(b []byte) ([]Modification, error) { return decodeAll(b, CutHistory) }

func decodeAll[T any](b []byte, cut func([]byte) (T, []byte, error)) ([]T, error) {
	var all []T
	for len(b) > 0 {
		one, rest, err := cut(b)
		if err != nil {
			return nil, errors.New("record " + strconv.Itoa(len(all)) + ": " + err.Error())
		}
		all, b = append(all, one), rest
	}
	return all, nil
}
