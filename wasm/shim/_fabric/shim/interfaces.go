package shim

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Chaincode is what a chaincode implements.
type Chaincode interface {
	// Init is called for the transaction that initialises the chaincode, if its
	// definition asks for one.
	Init(stub ChaincodeStubInterface) *peer.Response
	// Invoke is called for every other transaction and query.
	Invoke(stub ChaincodeStubInterface) *peer.Response
}

// ChaincodeStubInterface is what a chaincode may ask of its peer. Reads answer
// what is committed, never what this transaction has written.
type ChaincodeStubInterface interface {
	// The arguments. The first is the function's name.
	GetArgs() [][]byte
	GetStringArgs() []string
	GetFunctionAndParameters() (string, []string)
	// GetArgsSlice answers all arguments joined together.
	GetArgsSlice() ([]byte, error)

	GetTxID() string
	GetChannelID() string
	InvokeChaincode(chaincodeName string, args [][]byte, channel string) *peer.Response

	// GetState answers nil without an error when there is no such key.
	GetState(key string) ([]byte, error)
	GetMultipleStates(keys ...string) ([][]byte, error)
	PutState(key string, value []byte) error
	DelState(key string) error
	SetStateValidationParameter(key string, ep []byte) error
	GetStateValidationParameter(key string) ([]byte, error)

	// GetStateByRange walks from startKey up to, and without, endKey. An empty
	// startKey is the first simple key, an empty endKey no end.
	GetStateByRange(startKey, endKey string) (StateQueryIteratorInterface, error)
	GetStateByRangeWithPagination(startKey, endKey string, pageSize int32,
		bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error)
	GetStateByPartialCompositeKey(objectType string, keys []string) (StateQueryIteratorInterface, error)
	GetStateByPartialCompositeKeyWithPagination(objectType string, keys []string,
		pageSize int32, bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error)
	GetAllStatesCompositeKeyWithPagination(pageSize int32,
		bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error)
	CreateCompositeKey(objectType string, attributes []string) (string, error)
	SplitCompositeKey(compositeKey string) (string, []string, error)

	GetQueryResult(query string) (StateQueryIteratorInterface, error)
	GetQueryResultWithPagination(query string, pageSize int32,
		bookmark string) (StateQueryIteratorInterface, *peer.QueryResponseMetadata, error)
	GetHistoryForKey(key string) (HistoryQueryIteratorInterface, error)

	GetPrivateData(collection, key string) ([]byte, error)
	GetMultiplePrivateData(collection string, keys ...string) ([][]byte, error)
	GetPrivateDataHash(collection, key string) ([]byte, error)
	PutPrivateData(collection string, key string, value []byte) error
	DelPrivateData(collection, key string) error
	PurgePrivateData(collection, key string) error
	SetPrivateDataValidationParameter(collection, key string, ep []byte) error
	GetPrivateDataValidationParameter(collection, key string) ([]byte, error)
	GetPrivateDataByRange(collection, startKey, endKey string) (StateQueryIteratorInterface, error)
	GetPrivateDataByPartialCompositeKey(collection, objectType string, keys []string) (StateQueryIteratorInterface, error)
	GetPrivateDataQueryResult(collection, query string) (StateQueryIteratorInterface, error)

	// GetCreator answers the marshalled msp.SerializedIdentity of the client.
	GetCreator() ([]byte, error)
	GetTransient() (map[string][]byte, error)
	GetBinding() ([]byte, error)
	GetDecorations() map[string][]byte
	GetSignedProposal() (*peer.SignedProposal, error)
	// GetTxTimestamp answers the client's time, the same on every peer.
	GetTxTimestamp() (*timestamppb.Timestamp, error)

	// SetEvent sets the transaction's one event; the last call wins.
	SetEvent(name string, payload []byte) error

	// The write set is local to the peer here, so batches change nothing.
	StartWriteBatch()
	FinishWriteBatch() error
}

// CommonIteratorInterface is common to all iterators.
type CommonIteratorInterface interface {
	HasNext() bool
	Close() error
}

// StateQueryIteratorInterface walks keys and values.
type StateQueryIteratorInterface interface {
	CommonIteratorInterface
	Next() (*queryresult.KV, error)
}

// HistoryQueryIteratorInterface walks the versions of a key.
type HistoryQueryIteratorInterface interface {
	CommonIteratorInterface
	Next() (*queryresult.KeyModification, error)
}
