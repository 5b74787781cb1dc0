package shim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
)

const (
	flagComposite = 1
	// recordBuffer is what one call for records asks for.
	recordBuffer = 16 << 10
	recordState  = 0
)

// StateQueryIterator walks a range.
type StateQueryIterator struct {
	handle  int32
	records []*queryresult.KV
	err     error
	closed  bool
}

func (s *ChaincodeStub) GetStateByRange(startKey, endKey string) (StateQueryIteratorInterface, error) {
	for _, key := range []string{startKey, endKey} {
		if strings.HasPrefix(key, compositeMark) {
			return nil, fmt.Errorf("first character of the key [%s] contains a null character which is not allowed", key)
		}
	}
	return openRange(startKey, endKey, 0)
}

func (s *ChaincodeStub) GetStateByPartialCompositeKey(objectType string, keys []string) (StateQueryIteratorInterface, error) {
	prefix, err := CreateCompositeKey(objectType, keys)
	if err != nil {
		return nil, err
	}
	return openRange(prefix, prefix+lastRune, flagComposite)
}

func openRange(start, end string, flags uint32) (StateQueryIteratorInterface, error) {
	handle := rangeOpen("", start, end, flags, 0, "")
	if handle < 0 {
		return nil, lastError()
	}
	it := &StateQueryIterator{handle: handle}
	if it.fetch(); it.err != nil {
		return nil, it.err
	}
	return it, nil
}

// fetch gets the next records; none are left at the end.
func (it *StateQueryIterator) fetch() {
	buf := make([]byte, recordBuffer)
	n := iterNext(it.handle, dataOf(buf), uint32(len(buf)))
	if n < 0 {
		it.err = lastError()
		return
	}
	it.records, it.err = decodeRecords(rest(buf, n))
}

func decodeRecords(b []byte) ([]*queryresult.KV, error) {
	var records []*queryresult.KV
	for len(b) > 0 {
		if b[0] != recordState {
			return nil, fmt.Errorf("the host's record is of unknown kind %d", b[0])
		}
		b = b[1:]
		var field [3][]byte
		for i := range field {
			var err error
			if field[i], b, err = cutBytes(b); err != nil {
				return nil, err
			}
		}
		records = append(records, &queryresult.KV{Namespace: string(field[0]), Key: string(field[1]), Value: field[2]})
	}
	return records, nil
}

// HasNext says whether Next has a record, or an error, to tell.
func (it *StateQueryIterator) HasNext() bool { return len(it.records) > 0 || it.err != nil }

// Next answers the next record. Handing out the last one it has, it asks for
// more at once, as upstream's does: what is read is part of the transaction.
func (it *StateQueryIterator) Next() (*queryresult.KV, error) {
	if it.err != nil {
		return nil, it.err
	}
	if len(it.records) == 0 {
		return nil, errors.New("no such key")
	}
	record := it.records[0]
	if it.records = it.records[1:]; len(it.records) == 0 && !it.closed {
		if it.fetch(); it.err != nil {
			return nil, it.err
		}
	}
	return record, nil
}

// Close frees the iterator in the peer; closing twice is harmless.
func (it *StateQueryIterator) Close() error {
	if it.closed {
		return nil
	}
	it.closed = true
	return check(iterClose(it.handle))
}
