package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weft-network/weft/wasm"
)

// everything is a stub that can do all that a stub may be able to do, on maps,
// and notes what was asked of it. With fault set, a method panics or fails
// instead of answering.
type everything struct {
	*state
	metadata map[string][]byte
	modules  map[string]*wasm.Module // that can be called, by name
	asked    []string
	fault    func(method string) error
}

func newEverything() *everything {
	return &everything{state: newState(), metadata: map[string][]byte{}, modules: map[string]*wasm.Module{}}
}

func (e *everything) ask(method string, args ...any) error {
	e.asked = append(e.asked, method+fmt.Sprintf("%q", args))
	if e.fault != nil {
		return e.fault(method)
	}
	return nil
}

// private keys lie beside the public ones, behind a name that no guest can give.
func private(coll, key string) string { return "\xff" + coll + "\xff" + key }

func (e *everything) Get(key string) ([]byte, error) {
	return e.values[key], e.ask("Get", key)
}

func (e *everything) Put(key string, value []byte) error {
	e.values[key] = value
	return e.ask("Put", key, value)
}

func (e *everything) Delete(key string) error {
	delete(e.values, key)
	return e.ask("Delete", key)
}

func (e *everything) Range(start, end string) (wasm.Iterator, error) {
	if err := e.ask("Range", start, end); err != nil {
		return nil, err
	}
	if end == "" {
		end = "\xff" // not the private ones
	}
	it, err := e.state.Range(start, end)
	return &asked{it, e}, err
}

// asked has each step of an iterator noted, too.
type asked struct {
	wasm.Iterator
	e *everything
}

func (a *asked) Next() (string, []byte, bool, error) {
	if err := a.e.ask("Next"); err != nil {
		return "", nil, false, err
	}
	return a.Iterator.Next()
}

func (a *asked) Close() error { return errors.Join(a.Iterator.Close(), a.e.ask("Close")) }

func (e *everything) GetMultiple(keys []string) (values [][]byte, err error) {
	for _, key := range keys {
		values = append(values, e.values[key])
	}
	return values, e.ask("GetMultiple", keys)
}

// paged is an iterator with a bookmark.
type paged struct{ wasm.Iterator }

func (paged) Bookmark() (string, error) { return "next", nil }

func (e *everything) RangePage(start, end string, size int32, bookmark string) (wasm.PageIterator, error) {
	it, err := e.Range(max(start, bookmark), end)
	return paged{it}, errors.Join(err, e.ask("RangePage", start, end, size, bookmark))
}

func (e *everything) Query(collection, query string, size int32, bookmark string) (wasm.PageIterator, error) {
	it, err := e.Range("", "")
	return paged{it}, errors.Join(err, e.ask("Query", collection, query, size, bookmark))
}

func (e *everything) GetPrivate(coll, key string) ([]byte, error) {
	return e.values[private(coll, key)], e.ask("GetPrivate", coll, key)
}

func (e *everything) GetMultiplePrivate(coll string, keys []string) (values [][]byte, err error) {
	for _, key := range keys {
		values = append(values, e.values[private(coll, key)])
	}
	return values, e.ask("GetMultiplePrivate", coll, keys)
}

func (e *everything) HashPrivate(coll, key string) ([]byte, error) {
	return []byte("hash"), e.ask("HashPrivate", coll, key)
}

func (e *everything) PutPrivate(coll, key string, value []byte) error {
	e.values[private(coll, key)] = value
	return e.ask("PutPrivate", coll, key, value)
}

func (e *everything) DeletePrivate(coll, key string) error {
	delete(e.values, private(coll, key))
	return e.ask("DeletePrivate", coll, key)
}

func (e *everything) PurgePrivate(coll, key string) error {
	delete(e.values, private(coll, key))
	return e.ask("PurgePrivate", coll, key)
}

func (e *everything) RangePrivate(coll, start, end string) (wasm.Iterator, error) {
	return e.Range(private(coll, start), private(coll, end))
}

func (e *everything) GetMetadata(coll, key, name string) ([]byte, error) {
	return e.metadata[coll+key+name], e.ask("GetMetadata", coll, key, name)
}

func (e *everything) PutMetadata(coll, key, name string, value []byte) error {
	e.metadata[coll+key+name] = value
	return e.ask("PutMetadata", coll, key, name, value)
}

// versions is a short history.
type versions struct {
	e    *everything
	left int
}

func (v *versions) Next() (wasm.Modification, bool, error) {
	v.left--
	return wasm.Modification{TxID: "t", Seconds: 1, Value: []byte("v")}, v.left >= 0, v.e.ask("Next")
}

func (v *versions) Close() error { return v.e.ask("Close") }

func (e *everything) History(key string) (wasm.HistoryIterator, error) {
	return &versions{e, 3}, e.ask("History", key)
}

func (e *everything) CallChaincode(ctx context.Context, c wasm.NestedCall) (*wasm.Response, error) {
	if err := e.ask("CallChaincode", c.Chaincode, c.Depth); err != nil {
		return nil, err
	}
	m, ok := e.modules[c.Chaincode]
	if !ok {
		return nil, &wasm.GuestError{Text: "there is no chaincode " + c.Chaincode}
	}
	callee := call()
	callee.Chaincode, callee.Args, callee.Budget, callee.Depth, callee.ReadOnly = c.Chaincode, slices.Clone(c.Args), c.Budget, c.Depth, c.ReadOnly
	return m.Invoke(ctx, callee, e)
}
