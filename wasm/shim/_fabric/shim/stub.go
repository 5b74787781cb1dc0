package shim

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ChaincodeStub serves one transaction.
type ChaincodeStub struct {
	TxID      string
	ChannelID string
	args      [][]byte
}

var _ ChaincodeStubInterface = (*ChaincodeStub)(nil)

func newStub() (*ChaincodeStub, error) {
	txID, err := ctxField(fieldTxID)
	if err != nil {
		return nil, err
	}
	channel, err := ctxField(fieldChannel)
	if err != nil {
		return nil, err
	}
	list, err := ctxField(fieldArgs)
	if err != nil {
		return nil, err
	}
	args, err := decodeList(list)
	if err != nil {
		return nil, err
	}
	return &ChaincodeStub{TxID: string(txID), ChannelID: string(channel), args: args}, nil
}

// GetMSPID answers the MSP id of the peer that runs the chaincode.
func GetMSPID() (string, error) {
	id, err := ctxField(fieldMSPID)
	if err != nil {
		return "", err
	}
	if len(id) == 0 {
		return "", errors.New("the peer told no MSP id")
	}
	return string(id), nil
}

func (s *ChaincodeStub) GetTxID() string { return s.TxID }

func (s *ChaincodeStub) GetChannelID() string { return s.ChannelID }

func (s *ChaincodeStub) GetArgs() [][]byte { return s.args }

func (s *ChaincodeStub) GetStringArgs() []string {
	args := make([]string, len(s.args))
	for i, arg := range s.args {
		args[i] = string(arg)
	}
	return args
}

func (s *ChaincodeStub) GetFunctionAndParameters() (string, []string) {
	args := s.GetStringArgs()
	if len(args) == 0 {
		return "", []string{}
	}
	return args[0], args[1:]
}

func (s *ChaincodeStub) GetArgsSlice() ([]byte, error) {
	joined := []byte{}
	for _, arg := range s.args {
		joined = append(joined, arg...)
	}
	return joined, nil
}

func (s *ChaincodeStub) GetState(key string) ([]byte, error) {
	buf := make([]byte, firstBuffer)
	n := stateGet("", key, dataOf(buf), uint32(len(buf)))
	if n == codeNotFound {
		return nil, nil
	}
	if n < 0 {
		return nil, lastError()
	}
	return rest(buf, n), nil
}

func (s *ChaincodeStub) GetMultipleStates(keys ...string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, key := range keys {
		var err error
		if values[i], err = s.GetState(key); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (s *ChaincodeStub) PutState(key string, value []byte) error {
	if key == "" {
		return errors.New("key must not be an empty string")
	}
	return check(statePut("", key, dataOf(value), uint32(len(value))))
}

func (s *ChaincodeStub) DelState(key string) error { return check(stateDel("", key, 0)) }

func (s *ChaincodeStub) SetEvent(name string, payload []byte) error {
	if name == "" {
		return errors.New("event name can not be empty string")
	}
	return check(eventSet(name, dataOf(payload), uint32(len(payload))))
}

func (s *ChaincodeStub) GetCreator() ([]byte, error) { return ctxField(fieldCreator) }

func (s *ChaincodeStub) GetBinding() ([]byte, error) { return ctxField(fieldBinding) }

func (s *ChaincodeStub) GetTransient() (map[string][]byte, error) {
	b, err := ctxField(fieldTransient)
	if err != nil {
		return nil, err
	}
	return decodeMap(b)
}

func (s *ChaincodeStub) GetDecorations() map[string][]byte {
	b, err := ctxField(fieldDecorations)
	if err != nil {
		return nil
	}
	decorations, err := decodeMap(b)
	if err != nil {
		return nil
	}
	return decorations
}

func (s *ChaincodeStub) GetSignedProposal() (*peer.SignedProposal, error) {
	b, err := ctxField(fieldSignedProposal)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	proposal := &peer.SignedProposal{}
	if err := proto.Unmarshal(b, proposal); err != nil {
		return nil, fmt.Errorf("signed proposal: %w", err)
	}
	return proposal, nil
}

func (s *ChaincodeStub) GetTxTimestamp() (*timestamppb.Timestamp, error) {
	b, err := ctxField(fieldTimestamp)
	if err != nil {
		return nil, err
	}
	if len(b) != 12 {
		return nil, errShort
	}
	return &timestamppb.Timestamp{
		Seconds: int64(binary.LittleEndian.Uint64(b)),
		Nanos:   int32(binary.LittleEndian.Uint32(b[8:])),
	}, nil
}

// StartWriteBatch changes nothing: writes cost one call inside the peer.
func (s *ChaincodeStub) StartWriteBatch() {}

// FinishWriteBatch changes nothing.
func (s *ChaincodeStub) FinishWriteBatch() error { return nil }
