package shim

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// The methods of this file are not served yet, and say so.

func unsupported(method string) error { return fmt.Errorf("%s is not supported by Weft yet", method) }

func (s *ChaincodeStub) InvokeChaincode(chaincodeName string, args [][]byte, channel string) *peer.Response {
	return Error(unsupported("InvokeChaincode").Error())
}

func (s *ChaincodeStub) SetStateValidationParameter(key string, ep []byte) error {
	return unsupported("SetStateValidationParameter")
}

func (s *ChaincodeStub) GetStateValidationParameter(key string) ([]byte, error) {
	return nil, unsupported("GetStateValidationParameter")
}

func (s *ChaincodeStub) GetStateByRangeWithPagination(startKey, endKey string, pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return nil, nil, unsupported("GetStateByRangeWithPagination")
}

func (s *ChaincodeStub) GetStateByPartialCompositeKeyWithPagination(objectType string, keys []string, pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return nil, nil, unsupported("GetStateByPartialCompositeKeyWithPagination")
}

func (s *ChaincodeStub) GetAllStatesCompositeKeyWithPagination(pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return nil, nil, unsupported("GetAllStatesCompositeKeyWithPagination")
}

func (s *ChaincodeStub) GetQueryResult(query string) (StateQueryIteratorInterface, error) {
	return nil, unsupported("GetQueryResult")
}

func (s *ChaincodeStub) GetQueryResultWithPagination(query string, pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return nil, nil, unsupported("GetQueryResultWithPagination")
}

func (s *ChaincodeStub) GetHistoryForKey(key string) (HistoryQueryIteratorInterface, error) {
	return nil, unsupported("GetHistoryForKey")
}

func (s *ChaincodeStub) GetPrivateData(collection, key string) ([]byte, error) {
	return nil, unsupported("GetPrivateData")
}

func (s *ChaincodeStub) GetMultiplePrivateData(collection string, keys ...string) ([][]byte, error) {
	return nil, unsupported("GetMultiplePrivateData")
}

func (s *ChaincodeStub) GetPrivateDataHash(collection, key string) ([]byte, error) {
	return nil, unsupported("GetPrivateDataHash")
}

func (s *ChaincodeStub) PutPrivateData(collection string, key string, value []byte) error {
	return unsupported("PutPrivateData")
}

func (s *ChaincodeStub) DelPrivateData(collection, key string) error {
	return unsupported("DelPrivateData")
}

func (s *ChaincodeStub) PurgePrivateData(collection, key string) error {
	return unsupported("PurgePrivateData")
}

func (s *ChaincodeStub) SetPrivateDataValidationParameter(collection, key string, ep []byte) error {
	return unsupported("SetPrivateDataValidationParameter")
}

func (s *ChaincodeStub) GetPrivateDataValidationParameter(collection, key string) ([]byte, error) {
	return nil, unsupported("GetPrivateDataValidationParameter")
}

func (s *ChaincodeStub) GetPrivateDataByRange(collection, startKey, endKey string) (StateQueryIteratorInterface, error) {
	return nil, unsupported("GetPrivateDataByRange")
}

func (s *ChaincodeStub) GetPrivateDataByPartialCompositeKey(collection, objectType string, keys []string) (StateQueryIteratorInterface, error) {
	return nil, unsupported("GetPrivateDataByPartialCompositeKey")
}

func (s *ChaincodeStub) GetPrivateDataQueryResult(collection, query string) (StateQueryIteratorInterface, error) {
	return nil, unsupported("GetPrivateDataQueryResult")
}
