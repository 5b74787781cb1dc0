package endorse

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/wasm"
)

// stub gives a module its own namespace of the simulation. It is used by one
// goroutine.
type stub struct {
	sim       *sim.Simulator
	namespace string
	// fault is the first error that is not the chaincode's doing.
	fault error
}

var _ wasm.Stub = (*stub)(nil)

// failed passes an error on, and remembers it if it is a fault of this peer. The
// simulator's refusals, of limits and of impossible keys, are not: every peer
// answers them alike.
func (s *stub) failed(err error) error {
	if err != nil && s.fault == nil && !errors.Is(err, sim.ErrRefused) {
		s.fault = err
	}
	return err
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
