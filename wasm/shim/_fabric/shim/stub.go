package shim

import (
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
	creator   []byte // nil until asked for
}

var _ ChaincodeStubInterface = (*ChaincodeStub)(nil)

func newStub() (*ChaincodeStub, error) {
	txID, err := ctxText(fieldTxID)
	if err != nil {
		return nil, err
	}
	channel, err := ctxText(fieldChannel)
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
	return &ChaincodeStub{TxID: txID, ChannelID: channel, args: args}, nil
}

// GetMSPID answers the MSP id of the peer that runs the chaincode.
func GetMSPID() (string, error) {
	id, err := ctxText(fieldMSPID)
	if err == nil && id == "" {
		err = errors.New("'CORE_PEER_LOCALMSPID' is not set")
	}
	return id, err
}

// refused is the error of a request of that name that the host refused, in the
// words of Fabric's peer.
func (s *ChaincodeStub) refused(request string) error {
	return errors.New(request + " failed: transaction ID: " + s.TxID + ": " + lastError().Error())
}

// done answers a request that has no result.
func (s *ChaincodeStub) done(request string, code int32) error {
	if code < 0 {
		return s.refused(request)
	}
	return nil
}

func (s *ChaincodeStub) GetTxID() string { return s.TxID }

func (s *ChaincodeStub) GetChannelID() string { return s.ChannelID }

func (s *ChaincodeStub) GetArgs() [][]byte { return s.args }

// GetStringArgs cuts the strings out of a single one: arguments are many and
// short, and it is their number that costs.
func (s *ChaincodeStub) GetStringArgs() []string {
	size := 0
	for _, arg := range s.args {
		size += len(arg)
	}
	joined := make([]byte, 0, size)
	for _, arg := range s.args {
		joined = append(joined, arg...)
	}
	all := textOf(joined)
	args := make([]string, len(s.args))
	for i, arg := range s.args {
		args[i], all = all[:len(arg)], all[len(arg):]
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

func (s *ChaincodeStub) GetCreator() ([]byte, error) {
	if s.creator == nil {
		creator, err := ctxField(fieldCreator)
		if err != nil {
			return nil, err
		}
		s.creator = creator
	}
	return s.creator, nil
}

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
	seconds, nanos, _, err := cutTimestamp(b)
	if err != nil {
		return nil, err
	}
	return &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos}, nil
}

func (s *ChaincodeStub) SetEvent(name string, payload []byte) error {
	if name == "" {
		return errors.New("event name can not be empty string")
	}
	if eventSet(name, dataOf(payload), uint32(len(payload))) < 0 {
		return lastError()
	}
	return nil
}

// InvokeChaincode runs other chaincode in this transaction. If it cannot be run
// the status is ERROR and the reason is the payload, as upstream.
func (s *ChaincodeStub) InvokeChaincode(chaincodeName string, args [][]byte, channel string) *peer.Response {
	list := encodeList(args)
	status := ccCall(chaincodeName, dataOf(list), uint32(len(list)), channel)
	if status < 0 {
		return &peer.Response{Status: ERROR, Payload: []byte(s.refused("INVOKE_CHAINCODE").Error())}
	}
	scratch := takeScratch()
	parts, err := decodeList(received(scratch, resultRead(0, dataOf(scratch), uint32(len(scratch)))))
	if err == nil && len(parts) != 2 {
		err = errShort
	}
	if err != nil {
		return &peer.Response{Status: ERROR, Payload: []byte(err.Error())}
	}
	return &peer.Response{Status: status, Payload: parts[0], Message: string(parts[1])}
}
