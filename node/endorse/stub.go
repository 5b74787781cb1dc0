package endorse

import (
	"fmt"

	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/wasm"
)

// Limits of one simulation. A guest's memory is bounded, but what it reads and
// writes is kept here, outside of it. No orderer takes an envelope of more than
// 100 MiB; this is far above what Fabric's defaults let through, and above the
// limit on writes that the guest itself is told of.
const (
	maxSimulationBytes = 64 << 20
	maxSimulationKeys  = 200_000
)

// stub gives a module its own namespace of the simulation. It is used by one
// goroutine.
type stub struct {
	sim         *sim.Simulator
	namespace   string
	bytes, keys int
	// fault is the first error that is not the chaincode's doing.
	fault error
}

var _ wasm.Stub = (*stub)(nil)

// limitError ends the call; it is the chaincode's doing.
type limitError struct{ text string }

func (e *limitError) Error() string { return e.text }

// pay counts what the simulation has to remember.
func (s *stub) pay(n int) error {
	s.bytes += n
	s.keys++
	if s.bytes > maxSimulationBytes || s.keys > maxSimulationKeys {
		return &limitError{fmt.Sprintf("transaction reads and writes more than %d keys or %d bytes", maxSimulationKeys, maxSimulationBytes)}
	}
	return nil
}

func (s *stub) failed(err error) error {
	if err != nil && s.fault == nil {
		s.fault = err
	}
	return err
}

func (s *stub) Get(key string) ([]byte, error) {
	if err := s.pay(len(key)); err != nil {
		return nil, err
	}
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
	if err := s.pay(len(key) + len(value)); err != nil {
		return err
	}
	return s.failed(s.sim.Put(s.namespace, key, value))
}

func (s *stub) Delete(key string) error {
	if err := s.pay(len(key)); err != nil {
		return err
	}
	return s.failed(s.sim.Delete(s.namespace, key))
}

func (s *stub) Range(start, end string) (wasm.Iterator, error) {
	if err := s.pay(len(start) + len(end)); err != nil {
		return nil, err
	}
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
	if err := i.stub.pay(len(kv.Key)); err != nil {
		return "", nil, false, err
	}
	return kv.Key, kv.Value, true, nil
}

func (i *iterator) Close() error { return i.it.Close() }
