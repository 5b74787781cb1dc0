package shim

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const requestNext = "QUERY_STATE_NEXT"

// first byte of a record
const (
	recordState   = 0
	recordHistory = 1
)

// CommonIterator is what all iterators have in common.
type CommonIterator struct {
	stub    *ChaincodeStub
	handle  int32
	records []byte // of the host, not handed out
	err     error
	closed  bool
}

// StateQueryIterator walks keys and values.
type StateQueryIterator struct{ *CommonIterator }

// HistoryQueryIterator walks the versions of a key.
type HistoryQueryIterator struct{ *CommonIterator }

// iterate begins to walk what the host has opened.
func (s *ChaincodeStub) iterate(request string, handle int32) (*CommonIterator, error) {
	if handle < 0 {
		return nil, s.refused(request)
	}
	it := &CommonIterator{stub: s, handle: handle}
	if it.fetch(); it.err != nil {
		return nil, it.err
	}
	return it, nil
}

// fetch gets the next records; none are left at the end.
func (it *CommonIterator) fetch() {
	scratch := takeScratch()
	n := iterNext(it.handle, dataOf(scratch), uint32(len(scratch)))
	if n < 0 {
		spare = scratch
		it.err = it.stub.refused(requestNext)
		return
	}
	it.records = received(scratch, n)
}

// HasNext says whether Next has a record, or an error, to tell.
func (it *CommonIterator) HasNext() bool { return len(it.records) > 0 || it.err != nil }

// Close frees the iterator in the peer; closing twice is harmless.
func (it *CommonIterator) Close() error {
	if it.closed {
		return nil
	}
	it.closed = true
	if code := iterClose(it.handle); code < 0 && code != codeBadHandle {
		return lastError()
	}
	return nil
}

// begin answers the bytes of the next record behind its kind.
func (it *CommonIterator) begin(kind byte) ([]byte, error) {
	if it.err != nil {
		return nil, it.err
	}
	if len(it.records) == 0 {
		return nil, errors.New("no such key")
	}
	if it.records[0] != kind {
		it.err = errors.New("the host's record is of an unknown kind")
		return nil, it.err
	}
	return it.records[1:], nil
}

// end notes what follows the record handed out. Handing out the last one it
// has, it asks for more at once, as upstream's does: what is read is part of
// the transaction.
func (it *CommonIterator) end(rest []byte, err error) error {
	if err != nil {
		it.err = err
		return err
	}
	if it.records = rest; len(rest) == 0 && !it.closed {
		it.fetch()
	}
	return it.err
}

// Next answers the next record.
func (it *StateQueryIterator) Next() (*queryresult.KV, error) {
	b, err := it.begin(recordState)
	if err != nil {
		return nil, err
	}
	var field [3][]byte
	for i := range field {
		if field[i], b, err = cutBytes(b); err != nil {
			break
		}
	}
	if err := it.end(b, err); err != nil {
		return nil, err
	}
	return &queryresult.KV{Namespace: textOf(field[0]), Key: textOf(field[1]), Value: field[2]}, nil
}

// Next answers the next version.
func (it *HistoryQueryIterator) Next() (*queryresult.KeyModification, error) {
	b, err := it.begin(recordHistory)
	if err != nil {
		return nil, err
	}
	m, b, err := cutModification(b)
	if err := it.end(b, err); err != nil {
		return nil, err
	}
	return m, nil
}

func cutModification(b []byte) (*queryresult.KeyModification, []byte, error) {
	txID, b, err := cutBytes(b)
	if err != nil {
		return nil, nil, err
	}
	seconds, nanos, b, err := cutTimestamp(b)
	if err != nil || len(b) == 0 {
		return nil, nil, errShort
	}
	deleted := b[0] == 1
	value, b, err := cutBytes(b[1:])
	if err != nil {
		return nil, nil, err
	}
	return &queryresult.KeyModification{
		TxId:      textOf(txID),
		Value:     value,
		Timestamp: &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos},
		IsDelete:  deleted,
	}, b, nil
}
