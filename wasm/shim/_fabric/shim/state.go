package shim

import "errors"

// Names of the requests in Fabric's messages between chaincode and peer. They
// begin the text of every error.
const (
	requestGet      = "GET_STATE"
	requestMulti    = "GET_STATE_MULTIPLE"
	requestHash     = "GET_PRIVATE_DATA_HASH"
	requestPut      = "PUT_STATE"
	requestDelete   = "DEL_STATE"
	requestPurge    = "PURGE_PRIVATE_DATA"
	requestMetadata = "GET_STATE_METADATA"
	requestMetaPut  = "PUT_STATE_METADATA"
)

// maxKeysAtOnce is the peer's chaincode.runtimeParams.maxSizeGetMultipleKeys.
const maxKeysAtOnce = 1000

func (s *ChaincodeStub) GetState(key string) ([]byte, error) { return s.get("", key) }

func (s *ChaincodeStub) get(collection, key string) ([]byte, error) {
	scratch := takeScratch()
	n := stateGet(collection, key, dataOf(scratch), uint32(len(scratch)))
	return s.found(requestGet, scratch, n)
}

// found answers a value, or nil if there is none.
func (s *ChaincodeStub) found(request string, scratch []byte, n int32) ([]byte, error) {
	if n >= 0 {
		return received(scratch, n), nil
	}
	spare = scratch
	if n == codeNotFound {
		return nil, nil
	}
	return nil, s.refused(request)
}

func (s *ChaincodeStub) GetMultipleStates(keys ...string) ([][]byte, error) {
	return s.getMultiple("", keys)
}

func (s *ChaincodeStub) getMultiple(collection string, keys []string) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values := make([][]byte, 0, len(keys))
	for len(keys) > 0 {
		some := keys[:min(len(keys), maxKeysAtOnce)]
		keys = keys[len(some):]
		list := encodeList(some)
		scratch := takeScratch()
		n := stateGetMulti(collection, dataOf(list), uint32(len(list)), dataOf(scratch), uint32(len(scratch)))
		if n < 0 {
			spare = scratch
			return nil, s.refused(requestMulti)
		}
		items, err := decodeList(received(scratch, n))
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			values = append(values, present(item))
		}
	}
	return values, nil
}

// present reads a byte that says whether there is a value, and the value.
func present(item []byte) []byte {
	if len(item) < 2 || item[0] == 0 {
		return nil
	}
	return item[1:]
}

func (s *ChaincodeStub) PutState(key string, value []byte) error { return s.put("", key, value) }

func (s *ChaincodeStub) put(collection, key string, value []byte) error {
	if key == "" {
		return errors.New("key must not be an empty string")
	}
	return s.done(requestPut, statePut(collection, key, dataOf(value), uint32(len(value))))
}

func (s *ChaincodeStub) DelState(key string) error {
	return s.done(requestDelete, stateDel("", key, modeDelete))
}

func (s *ChaincodeStub) SetStateValidationParameter(key string, ep []byte) error {
	return s.putPolicy("", key, ep)
}

func (s *ChaincodeStub) GetStateValidationParameter(key string) ([]byte, error) {
	return s.policy("", key)
}

func (s *ChaincodeStub) putPolicy(collection, key string, ep []byte) error {
	return s.done(requestMetaPut, metaPut(collection, key, validationParameter, dataOf(ep), uint32(len(ep))))
}

func (s *ChaincodeStub) policy(collection, key string) ([]byte, error) {
	scratch := takeScratch()
	n := metaGet(collection, key, validationParameter, dataOf(scratch), uint32(len(scratch)))
	return s.found(requestMetadata, scratch, n)
}

// StartWriteBatch changes nothing: a write costs one call inside the peer,
// whose write set is local. As with a Fabric peer whose useWriteBatch is off,
// writes are made, and refused, one by one and in their order.
func (s *ChaincodeStub) StartWriteBatch() {}

// FinishWriteBatch changes nothing.
func (s *ChaincodeStub) FinishWriteBatch() error { return nil }
