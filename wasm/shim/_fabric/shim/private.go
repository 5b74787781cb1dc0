package shim

import "errors"

var errNoCollection = errors.New("collection must not be an empty string")

func (s *ChaincodeStub) GetPrivateData(collection, key string) ([]byte, error) {
	if collection == "" {
		return nil, errNoCollection
	}
	return s.get(collection, key)
}

func (s *ChaincodeStub) GetMultiplePrivateData(collection string, keys ...string) ([][]byte, error) {
	if collection == "" {
		return nil, errNoCollection
	}
	return s.getMultiple(collection, keys)
}

func (s *ChaincodeStub) GetPrivateDataHash(collection, key string) ([]byte, error) {
	if collection == "" {
		return nil, errNoCollection
	}
	scratch := takeScratch()
	n := stateHash(collection, key, dataOf(scratch), uint32(len(scratch)))
	return s.found(requestHash, scratch, n)
}

func (s *ChaincodeStub) PutPrivateData(collection string, key string, value []byte) error {
	if collection == "" {
		return errNoCollection
	}
	return s.put(collection, key, value)
}

func (s *ChaincodeStub) DelPrivateData(collection, key string) error {
	if collection == "" {
		return errNoCollection
	}
	return s.done(requestDelete, stateDel(collection, key, modeDelete))
}

func (s *ChaincodeStub) PurgePrivateData(collection, key string) error {
	if collection == "" {
		return errNoCollection
	}
	return s.done(requestPurge, stateDel(collection, key, modePurge))
}

func (s *ChaincodeStub) SetPrivateDataValidationParameter(collection, key string, ep []byte) error {
	return s.putPolicy(collection, key, ep)
}

func (s *ChaincodeStub) GetPrivateDataValidationParameter(collection, key string) ([]byte, error) {
	return s.policy(collection, key)
}

func (s *ChaincodeStub) GetPrivateDataByRange(collection, startKey, endKey string) (StateQueryIteratorInterface, error) {
	if collection == "" {
		return nil, errNoCollection
	}
	if err := simpleKeys(startKey, endKey); err != nil {
		return nil, err
	}
	return s.openRange(collection, startKey, endKey, 0)
}

func (s *ChaincodeStub) GetPrivateDataByPartialCompositeKey(collection, objectType string, keys []string) (StateQueryIteratorInterface, error) {
	if collection == "" {
		return nil, errNoCollection
	}
	prefix, err := CreateCompositeKey(objectType, keys)
	if err != nil {
		return nil, err
	}
	return s.openRange(collection, prefix, prefix+lastRune, flagComposite)
}

func (s *ChaincodeStub) GetPrivateDataQueryResult(collection, query string) (StateQueryIteratorInterface, error) {
	if collection == "" {
		return nil, errNoCollection
	}
	return s.openQuery(collection, query)
}
