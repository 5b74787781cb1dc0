package cctest

import (
	"maps"
	"slices"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// memory is a world state for one goroutine, and what led to it. What a step
// reads does not change while it runs, because writes are applied after it.
type memory struct {
	namespaces map[string]map[string]state.Entry
	past       map[[2]string][]state.Modification // by namespace and key, the oldest first
}

func newMemory() *memory {
	return &memory{namespaces: map[string]map[string]state.Entry{}, past: map[[2]string][]state.Modification{}}
}

// Get implements state.Reader.
func (m *memory) Get(namespace, key string) ([]byte, *ledger.Version, error) {
	e, err := m.Entry(namespace, "", key)
	if e == nil {
		return nil, nil, err
	}
	return e.Value, &e.Version, nil
}

// Entry implements state.Reader. There are no collections.
func (m *memory) Entry(namespace, collection, key string) (*state.Entry, error) {
	e, ok := m.namespaces[namespace][key]
	if !ok || collection != "" {
		return nil, nil
	}
	return &e, nil
}

// NoMetadata implements state.Reader.
func (m *memory) NoMetadata() bool { return false }

// Range implements state.Reader.
func (m *memory) Range(namespace, start, end string) (state.Iterator, error) {
	keys := slices.Sorted(maps.Keys(m.namespaces[namespace]))
	from, _ := slices.BinarySearch(keys, start)
	to := len(keys)
	if end != "" {
		to, _ = slices.BinarySearch(keys, end)
	}
	it := &memoryIterator{at: -1}
	for _, key := range keys[min(from, to):to] {
		e := m.namespaces[namespace][key]
		it.list = append(it.list, ledger.KV{Key: key, Value: e.Value, Version: e.Version})
	}
	return it, nil
}

type memoryIterator struct {
	list []ledger.KV
	at   int
}

func (i *memoryIterator) Next() bool {
	i.at++
	return i.at < len(i.list)
}

func (i *memoryIterator) KV() ledger.KV { return i.list[i.at] }
func (i *memoryIterator) Err() error    { return nil }
func (i *memoryIterator) Close() error  { return nil }

// History implements endorse.Past.
func (m *memory) History(namespace, key string) (state.History, error) {
	return &memoryHistory{left: m.past[[2]string{namespace, key}]}, nil
}

type memoryHistory struct {
	left []state.Modification
	m    state.Modification
}

func (h *memoryHistory) Next() bool {
	last := len(h.left) - 1
	if last < 0 {
		return false
	}
	h.m, h.left = h.left[last], h.left[:last]
	return true
}

func (h *memoryHistory) Modification() state.Modification { return h.m }
func (h *memoryHistory) Err() error                       { return nil }
func (h *memoryHistory) Close() error                     { return nil }
