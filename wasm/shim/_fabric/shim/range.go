package shim

import (
	"errors"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

const (
	requestRange   = "GET_STATE_BY_RANGE"
	requestQuery   = "GET_QUERY_RESULT"
	requestHistory = "GET_HISTORY_FOR_KEY"
)

func (s *ChaincodeStub) GetStateByRange(startKey, endKey string) (StateQueryIteratorInterface, error) {
	if err := simpleKeys(startKey, endKey); err != nil {
		return nil, err
	}
	return s.openRange("", startKey, endKey, 0)
}

func (s *ChaincodeStub) GetStateByRangeWithPagination(startKey, endKey string, pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	if err := simpleKeys(startKey, endKey); err != nil {
		return nil, nil, err
	}
	return s.openPage(requestRange, rangeOpen("", startKey, endKey, 0, pageSize, bookmark))
}

func (s *ChaincodeStub) GetStateByPartialCompositeKey(objectType string, keys []string) (StateQueryIteratorInterface, error) {
	prefix, err := CreateCompositeKey(objectType, keys)
	if err != nil {
		return nil, err
	}
	return s.openRange("", prefix, prefix+lastRune, flagComposite)
}

func (s *ChaincodeStub) GetStateByPartialCompositeKeyWithPagination(objectType string, keys []string, pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	prefix, err := CreateCompositeKey(objectType, keys)
	if err != nil {
		return nil, nil, err
	}
	return s.openPage(requestRange, rangeOpen("", prefix, prefix+lastRune, flagComposite, pageSize, bookmark))
}

func (s *ChaincodeStub) GetAllStatesCompositeKeyWithPagination(pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return s.openPage(requestRange, rangeOpen("", compositeMark, compositeMark+lastRune, flagComposite, pageSize, bookmark))
}

func (s *ChaincodeStub) GetQueryResult(query string) (StateQueryIteratorInterface, error) {
	return s.openQuery("", query)
}

func (s *ChaincodeStub) GetQueryResultWithPagination(query string, pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return s.openPage(requestQuery, queryOpen("", query, pageSize, bookmark))
}

func (s *ChaincodeStub) GetHistoryForKey(key string) (HistoryQueryIteratorInterface, error) {
	common, err := s.iterate(requestHistory, historyOpen(key))
	if err != nil {
		return nil, err
	}
	return &HistoryQueryIterator{common}, nil
}

// simpleKeys refuses what would walk from simple into composite keys.
func simpleKeys(keys ...string) error {
	for _, key := range keys {
		if strings.HasPrefix(key, compositeMark) {
			return errors.New("first character of the key [" + key + "] contains a null character which is not allowed")
		}
	}
	return nil
}

func (s *ChaincodeStub) openRange(collection, start, end string, flags uint32) (StateQueryIteratorInterface, error) {
	return s.openState(requestRange, rangeOpen(collection, start, end, flags, 0, ""))
}

func (s *ChaincodeStub) openQuery(collection, query string) (StateQueryIteratorInterface, error) {
	return s.openState(requestQuery, queryOpen(collection, query, 0, ""))
}

func (s *ChaincodeStub) openState(request string, handle int32) (StateQueryIteratorInterface, error) {
	common, err := s.iterate(request, handle)
	if err != nil {
		return nil, err
	}
	return &StateQueryIterator{common}, nil
}

// openPage also answers how many records the page has, and where the next
// begins. Both are zero when no page was asked for, by a size of 0 without a
// bookmark.
func (s *ChaincodeStub) openPage(request string, handle int32) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	it, err := s.openState(request, handle)
	if err != nil {
		return nil, nil, err
	}
	scratch := takeScratch()
	n := iterMeta(handle, dataOf(scratch), uint32(len(scratch)))
	if n < 0 {
		spare = scratch
		return nil, nil, s.refused(request)
	}
	count, rest, err := cutNumber(received(scratch, n))
	if err != nil {
		return nil, nil, err
	}
	bookmark, _, err := cutBytes(rest)
	if err != nil {
		return nil, nil, err
	}
	return it, &peer.QueryResponseMetadata{FetchedRecordsCount: int32(count), Bookmark: string(bookmark)}, nil
}
