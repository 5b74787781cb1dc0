package cctest

import (
	"maps"
	"slices"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// memory is a world state for one goroutine. What a step reads does not change
// while it runs, because writes are applied after it.
type memory struct {
	namespaces map[string]map[string]ledger.KV
}

func newMemory() *memory { return &memory{namespaces: map[string]map[string]ledger.KV{}} }

// Get implements state.Reader.
func (m *memory) Get(namespace, key string) ([]byte, *ledger.Version, error) {
	kv, ok := m.namespaces[namespace][key]
	if !ok {
		return nil, nil, nil
	}
	return kv.Value, &kv.Version, nil
}

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
		it.list = append(it.list, m.namespaces[namespace][key])
	}
	return it, nil
}

// put applies one write; a nil value deletes.
func (m *memory) put(namespace, key string, value []byte, v ledger.Version) {
	if m.namespaces[namespace] == nil {
		m.namespaces[namespace] = map[string]ledger.KV{}
	}
	if len(value) == 0 {
		delete(m.namespaces[namespace], key)
		return
	}
	m.namespaces[namespace][key] = ledger.KV{Key: key, Value: value, Version: v}
}

// commit applies what a transaction wrote.
func (m *memory) commit(set *ledger.RWSet, v ledger.Version) {
	for _, ns := range set.Namespaces {
		for _, w := range ns.Writes {
			m.put(ns.Namespace, w.Key, w.Value, v)
		}
	}
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
