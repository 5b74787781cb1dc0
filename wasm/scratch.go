package wasm

import (
	"maps"
	"slices"

	"github.com/weft-network/weft/wasm/abi"
)

// maxScratchBytes bounds what all warm-up calls together may write, where each
// write counts for scratchWrite bytes more: what remembering it takes. They
// touch code, not data, so this is plenty.
const (
	maxScratchBytes = 16 << 20
	scratchWrite    = 128
)

// scratch is a state for warm-up calls. Each sees what those before it wrote;
// within a call what was written is seen at once, which no chaincode should
// count on.
type scratch struct {
	values   map[string][]byte
	metadata map[string]scratchEntry   // by key
	past     map[string][]Modification // the oldest first
	written  int
}

// scratchEntry is the metadata of a key: one entry, as the last write of it left.
type scratchEntry struct {
	name  string
	value []byte
}

var (
	_ Stub        = (*scratch)(nil)
	_ KeyMetadata = (*scratch)(nil)
	_ Historian   = (*scratch)(nil)
)

func newScratch() *scratch {
	return &scratch{values: map[string][]byte{}, metadata: map[string]scratchEntry{}, past: map[string][]Modification{}}
}

func (s *scratch) Get(key string) ([]byte, error) { return s.values[key], nil }

func (s *scratch) Put(key string, value []byte) error {
	if err := s.pay(len(key) + len(value)); err != nil {
		return err
	}
	s.values[key] = value
	s.note(key, Modification{Value: value})
	return nil
}

func (s *scratch) pay(bytes int) error {
	if s.written += bytes + scratchWrite; s.written > maxScratchBytes {
		return &Exhausted{What: "writes of all warm-up calls", Limit: maxScratchBytes, Unit: "bytes"}
	}
	return nil
}

func (s *scratch) note(key string, m Modification) {
	m.TxID, m.Nanos = warmUpID, startClock
	s.past[key] = append(s.past[key], m)
}

func (s *scratch) Delete(key string) error {
	if err := s.pay(len(key)); err != nil {
		return err
	}
	delete(s.values, key)
	delete(s.metadata, key)
	s.note(key, Modification{Delete: true})
	return nil
}

func (s *scratch) Range(start, end string) (Iterator, error) {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(s.values)), func(key string) bool {
		return key < start || end != "" && key >= end
	})
	return &scratchRange{s, keys}, nil
}

func (s *scratch) GetMetadata(collection, key, name string) ([]byte, error) {
	if collection != "" {
		return nil, noPrivate("meta_get")
	}
	if e := s.metadata[key]; e.name == name {
		return e.value, nil
	}
	return nil, nil
}

func (s *scratch) PutMetadata(collection, key, name string, value []byte) error {
	if collection != "" {
		return noPrivate("meta_put")
	}
	if err := s.pay(len(key) + len(name) + len(value)); err != nil {
		return err
	}
	s.metadata[key] = scratchEntry{name, value}
	return nil
}

// noPrivate refuses private data as a host without it does.
func noPrivate(function string) error {
	return &GuestError{Code: abi.Unsupported, Text: unsupportedText(function, whatPrivate)}
}

func (s *scratch) History(key string) (HistoryIterator, error) {
	return &scratchHistory{s.past[key]}, nil
}

type scratchRange struct {
	state *scratch
	keys  []string
}

func (r *scratchRange) Next() (string, []byte, bool, error) {
	if len(r.keys) == 0 {
		return "", nil, false, nil
	}
	key := r.keys[0]
	r.keys = r.keys[1:]
	return key, r.state.values[key], true, nil
}

func (*scratchRange) Close() error { return nil }

type scratchHistory struct{ left []Modification }

func (h *scratchHistory) Next() (Modification, bool, error) {
	last := len(h.left) - 1
	if last < 0 {
		return Modification{}, false, nil
	}
	m := h.left[last]
	h.left = h.left[:last]
	return m, true, nil
}

func (*scratchHistory) Close() error { return nil }
