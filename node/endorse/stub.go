package endorse

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
)

// stub gives a module its own namespace of the simulation, and of the ledger's
// past up to the same height. It is used by one goroutine.
type stub struct {
	sim             *sim.Simulator
	past            Past
	namespace, txID string
	// fault is the first error that is not the chaincode's doing.
	fault error
}

var (
	_ wasm.Stub        = (*stub)(nil)
	_ wasm.Pager       = (*stub)(nil)
	_ wasm.KeyMetadata = (*stub)(nil)
	_ wasm.Historian   = (*stub)(nil)
)

// Past tells what happened to a key; *chain.Snapshot does, up to its height.
type Past interface {
	History(namespace, key string) (state.History, error)
}

// failed passes an error on, and remembers it if it is a fault of this peer. The
// simulator's refusals, of limits and of impossible keys, are not: every peer
// answers them alike. Some of them the chaincode is told, in Fabric's words.
func (s *stub) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sim.ErrPageAfterWrite):
		return s.readOnly("Paginated queries are supported only in a read-only transaction")
	case errors.Is(err, sim.ErrWriteAfterPage):
		return s.readOnly("Transaction has already performed a paginated query. Writes are not allowed")
	}
	if s.fault == nil && !errors.Is(err, sim.ErrRefused) {
		s.fault = err
	}
	return err
}

func (s *stub) readOnly(why string) error {
	return &wasm.GuestError{Code: abi.ReadOnly, Text: fmt.Sprintf("txid [%s]: unsuppored transaction. %s", s.txID, why)}
}

func (s *stub) Get(key string) ([]byte, error) {
	value, err := s.sim.Get(s.namespace, key)
	if err != nil {
		return nil, s.failed(fmt.Errorf("read key %q of %s: %w", key, s.namespace, err))
	}
	return value, nil
}

func (s *stub) Put(key string, value []byte) error {
	if key == "" {
		return &wasm.GuestError{Text: "key must not be an empty string"}
	}
	return s.failed(s.sim.Put(s.namespace, key, value))
}

func (s *stub) Delete(key string) error {
	return s.failed(s.sim.Delete(s.namespace, key))
}

func (s *stub) Range(start, end string) (wasm.Iterator, error) {
	it, err := s.sim.Range(s.namespace, start, end)
	if err != nil {
		return nil, s.failed(fmt.Errorf("read range of %s: %w", s.namespace, err))
	}
	return &iterator{stub: s, it: it}, nil
}

// RangePage answers a page, whose size the caller keeps to.
func (s *stub) RangePage(start, end string, _ int32, bookmark string) (wasm.PageIterator, error) {
	p, err := s.sim.RangePage(s.namespace, start, end, bookmark)
	if err != nil {
		return nil, s.failed(fmt.Errorf("read page of %s: %w", s.namespace, err))
	}
	return &page{iterator{stub: s, it: p}, p}, nil
}

// GetMetadata reads what is committed; the key counts as read.
func (s *stub) GetMetadata(collection, key, name string) ([]byte, error) {
	if collection != "" {
		return nil, noCollections("meta_get")
	}
	value, err := s.sim.Metadata(s.namespace, key, name)
	if err != nil {
		return nil, s.failed(fmt.Errorf("read metadata of key %q of %s: %w", key, s.namespace, err))
	}
	return value, nil
}

// PutMetadata replaces all metadata of the key, as Fabric does.
func (s *stub) PutMetadata(collection, key, name string, value []byte) error {
	if collection != "" {
		return noCollections("meta_put")
	}
	return s.failed(s.sim.PutMetadata(s.namespace, key, name, value))
}

// noCollections refuses what could be done for public keys only.
func noCollections(function string) error {
	return &wasm.GuestError{Code: abi.Unsupported, Text: "UNSUPPORTED " + function + ": this peer serves no private data"}
}

// History walks what is committed. Nothing of it is in the read-write set: no
// peer looks at it again when the transaction is validated.
func (s *stub) History(key string) (wasm.HistoryIterator, error) {
	h, err := s.past.History(s.namespace, key)
	if err != nil {
		return nil, s.failed(fmt.Errorf("read history of key %q of %s: %w", key, s.namespace, err))
	}
	return &history{stub: s, it: h}, nil
}

type history struct {
	stub *stub
	it   state.History
}

func (h *history) Next() (wasm.Modification, bool, error) {
	if !h.it.Next() {
		return wasm.Modification{}, false, h.stub.failed(h.it.Err())
	}
	m := h.it.Modification()
	return wasm.Modification{
		TxID: m.TxID, Seconds: m.Timestamp.GetSeconds(), Nanos: m.Timestamp.GetNanos(),
		Delete: m.Delete, Value: m.Value,
	}, true, nil
}

func (h *history) Close() error { return h.it.Close() }

type page struct {
	iterator
	page *sim.Page
}

func (p *page) Bookmark() (string, error) {
	mark, err := p.page.Bookmark()
	return mark, p.stub.failed(err)
}

type iterator struct {
	stub *stub
	it   state.Iterator
}

func (i *iterator) Next() (string, []byte, bool, error) {
	if !i.it.Next() {
		return "", nil, false, i.stub.failed(i.it.Err())
	}
	kv := i.it.KV()
	return kv.Key, kv.Value, true, nil
}

func (i *iterator) Close() error { return i.it.Close() }
