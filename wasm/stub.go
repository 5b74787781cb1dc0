package wasm

import (
	"context"

	"github.com/weft-network/weft/wasm/abi"
)

// Stub is what chaincode may ask of its host, for the namespace of the call. It
// is used by one goroutine.
//
// Keys are not empty, valid UTF-8 and of at most MaxKeyBytes; the bounds of
// ranges may be empty. Values handed over may be kept; those answered are only
// read.
//
// An error ends the invocation and is never visible to the guest, unless it is
// a *GuestError.
type Stub interface {
	Get(key string) ([]byte, error) // nil: absent
	Put(key string, value []byte) error
	Delete(key string) error
	Range(start, end string) (Iterator, error)
}

// Iterator walks a range.
type Iterator interface {
	// Next returns ok == false at the end.
	Next() (key string, value []byte, ok bool, err error)
	Close() error
}

// GuestError is an error that the chaincode sees as the error of its call.
type GuestError struct {
	// Code is what the host function answers; zero is abi.InvalidArg.
	Code abi.Code
	Text string
}

func (e *GuestError) Error() string { return e.Text }

// The interfaces that follow are what a Stub may be able to do beyond keeping
// public state. The host finds them by type assertion; where a stub lacks one,
// the guest's call is answered UNSUPPORTED with the name of the function.
//
// What Stub says holds for all of them. Collections are valid UTF-8 and not
// empty, except where that is said to mean the public state.

// MultiGetter reads several keys at once. Without it they are read one by one.
type MultiGetter interface {
	// GetMultiple answers a value for each key, in their order; nil: absent.
	GetMultiple(keys []string) ([][]byte, error)
}

// Pager reads a range page by page.
type Pager interface {
	// RangePage walks at most size records (size > 0) of start ≤ key < end. An
	// empty bookmark is the first page; otherwise it is that of the page before.
	RangePage(start, end string, size int32, bookmark string) (PageIterator, error)
}

// PageIterator walks a page.
type PageIterator interface {
	Iterator
	// Bookmark is asked for once, when the page is full or Next has answered
	// false: where the next page begins, empty when there is none.
	Bookmark() (string, error)
}

// PrivateData keeps the private data of collections.
type PrivateData interface {
	GetPrivate(collection, key string) ([]byte, error)
	GetMultiplePrivate(collection string, keys []string) ([][]byte, error)
	// HashPrivate answers the hash of the value, which every peer knows.
	HashPrivate(collection, key string) ([]byte, error)
	PutPrivate(collection, key string, value []byte) error
	DeletePrivate(collection, key string) error
	// PurgePrivate deletes the key and what is left of its history.
	PurgePrivate(collection, key string) error
	RangePrivate(collection, start, end string) (Iterator, error)
}

// KeyMetadata keeps named values beside those of keys. An empty collection is
// the public state.
type KeyMetadata interface {
	GetMetadata(collection, key, name string) ([]byte, error)
	PutMetadata(collection, key, name string, value []byte) error
}

// Historian tells what happened to a key.
type Historian interface {
	History(key string) (HistoryIterator, error)
}

// HistoryIterator walks the versions of a key, the newest first.
type HistoryIterator interface {
	// Next returns ok == false at the end.
	Next() (m Modification, ok bool, err error)
	Close() error
}

// Modification is one version of a key.
type Modification struct {
	TxID string
	// Seconds and Nanos are the timestamp of that transaction.
	Seconds int64
	Nanos   int32
	Delete  bool
	Value   []byte
}

// Querier finds records by a query in the state database's own language.
type Querier interface {
	// Query runs the query on a collection; an empty one is the public state. A
	// size of zero is no page: then bookmark is empty and every record counts.
	Query(collection, query string, size int32, bookmark string) (PageIterator, error)
}

// Caller runs other chaincode.
type Caller interface {
	// CallChaincode runs other chaincode in the caller's transaction. What the
	// callee itself answers, of whatever status, is a Response; its event is not
	// looked at.
	CallChaincode(ctx context.Context, c NestedCall) (*Response, error)
}

// NestedCall is a call of one chaincode by another.
type NestedCall struct {
	// Chaincode and Channel are as the caller gave them. An empty channel is the
	// caller's.
	Chaincode, Channel string
	Args               [][]byte
	// Budget is the caller's, which the callee spends.
	Budget *Budget
	// Depth is that of the callee, within the limit: 1 for the first.
	Depth int
	// ReadOnly is the caller's, and holds for the callee too.
	ReadOnly bool
}
