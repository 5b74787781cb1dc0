package ledger

import (
	"errors"
	"unicode/utf8"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// A transaction is a message in the bytes of a message, eight times over. A
// protobuf library copies those bytes each time. The functions of this file read
// the messages that others are wrapped in, and leave the bytes where they are:
// what they return shares the memory of what they are given. They accept what
// the library accepts and mean the same by it: the last of several values
// counts, parts of a message that come apart are one, fields of another type and
// unknown ones are skipped. Unknown fields are not kept.

var (
	errWire = errors.New("it is no protobuf message")
	errUTF8 = errors.New("a text in it is not UTF-8")
)

// fields walks the fields of an encoded message.
type fields struct {
	rest   []byte
	num    protowire.Number
	typ    protowire.Type
	value  []byte // of a field of bytes, text or a message
	number uint64 // of a field of a number
	err    error
}

// next goes to the next field; false is the end, or err.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.err != nil {
		return false
	}
	tag, n := protowire.ConsumeVarint(f.rest)
	if n < 0 || tag>>3 < uint64(protowire.MinValidNumber) || tag>>3 > uint64(protowire.MaxValidNumber) {
		return f.fail(errWire)
	}
	f.rest = f.rest[n:]
	f.num, f.typ = protowire.Number(tag>>3), protowire.Type(tag&7)
	switch f.typ {
	case protowire.BytesType:
		f.value, n = protowire.ConsumeBytes(f.rest)
	case protowire.VarintType:
		f.number, n = protowire.ConsumeVarint(f.rest)
	default: // the end of a group that did not begin included
		n = protowire.ConsumeFieldValue(f.num, f.typ, f.rest)
	}
	if n < 0 {
		return f.fail(errWire)
	}
	f.rest = f.rest[n:]
	return true
}

func (f *fields) fail(err error) bool {
	f.err = err
	return false
}

// isBytes and isNumber report whether the field is the one with that number, and
// of that type.
func (f *fields) isBytes(num protowire.Number) bool {
	return f.num == num && f.typ == protowire.BytesType
}

func (f *fields) isNumber(num protowire.Number) bool {
	return f.num == num && f.typ == protowire.VarintType
}

// bytes are those of the field, nil for none.
func (f *fields) bytes() []byte {
	if len(f.value) == 0 {
		return nil
	}
	return f.value[:len(f.value):len(f.value)]
}

// text is that of the field.
func (f *fields) text() string {
	if !utf8.Valid(f.value) {
		f.fail(errUTF8)
		return ""
	}
	return string(f.value)
}

// pair reads a message whose fields 1 and 2 are bytes, over what a and b are.
func pair(raw []byte, a, b *[]byte) error {
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			*a = f.bytes()
		case f.isBytes(2):
			*b = f.bytes()
		}
	}
	return f.err
}

// PlainFields reads a message of nothing but fields of bytes, numbered from 1, over
// what parts are; the last of several values counts. They share the memory of raw. It
// is false, and parts are of no use, when raw has other fields or is no message: then
// ask the library.
func PlainFields(raw []byte, parts ...*[]byte) bool {
	f := fields{rest: raw}
	for f.next() {
		if f.typ != protowire.BytesType || int(f.num) > len(parts) {
			return false
		}
		*parts[f.num-1] = f.bytes()
	}
	return f.err == nil
}

func openEnvelope(raw []byte) (*common.Envelope, error) {
	e := &common.Envelope{}
	return e, pair(raw, &e.Payload, &e.Signature)
}

func openPayload(raw []byte) (*common.Payload, error) {
	p := &common.Payload{}
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			if p.Header == nil {
				p.Header = &common.Header{}
			}
			if err := pair(f.value, &p.Header.ChannelHeader, &p.Header.SignatureHeader); err != nil {
				return nil, err
			}
		case f.isBytes(2):
			p.Data = f.bytes()
		}
	}
	return p, f.err
}

func openSignatureHeader(raw []byte) (*common.SignatureHeader, error) {
	sh := &common.SignatureHeader{}
	return sh, pair(raw, &sh.Creator, &sh.Nonce)
}

func openProposalResponse(raw []byte) (*peer.ProposalResponsePayload, error) {
	prp := &peer.ProposalResponsePayload{}
	return prp, pair(raw, &prp.ProposalHash, &prp.Extension)
}

// openTransaction returns the actions.
func openTransaction(raw []byte) ([]*peer.TransactionAction, error) {
	var actions []*peer.TransactionAction
	f := fields{rest: raw}
	for f.next() {
		if !f.isBytes(1) {
			continue
		}
		a := &peer.TransactionAction{}
		if err := pair(f.value, &a.Header, &a.Payload); err != nil {
			return nil, err
		}
		actions = append(actions, a)
	}
	return actions, f.err
}

func openActionPayload(raw []byte) (*peer.ChaincodeActionPayload, error) {
	p := &peer.ChaincodeActionPayload{}
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			p.ChaincodeProposalPayload = f.bytes()
		case f.isBytes(2):
			if p.Action == nil {
				p.Action = &peer.ChaincodeEndorsedAction{}
			}
			if err := openEndorsedAction(f.value, p.Action); err != nil {
				return nil, err
			}
		}
	}
	return p, f.err
}

func openEndorsedAction(raw []byte, a *peer.ChaincodeEndorsedAction) error {
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			a.ProposalResponsePayload = f.bytes()
		case f.isBytes(2):
			e := &peer.Endorsement{}
			if err := pair(f.value, &e.Endorser, &e.Signature); err != nil {
				return err
			}
			a.Endorsements = append(a.Endorsements, e)
		}
	}
	return f.err
}

func openAction(raw []byte) (*peer.ChaincodeAction, error) {
	a := &peer.ChaincodeAction{}
	f := fields{rest: raw}
	join := proto.UnmarshalOptions{Merge: true, DiscardUnknown: true}
	for f.next() {
		switch {
		case f.isBytes(1):
			a.Results = f.bytes()
		case f.isBytes(2):
			a.Events = f.bytes()
		case f.isBytes(3):
			if a.Response == nil {
				a.Response = &peer.Response{}
			}
			if err := join.Unmarshal(f.value, a.Response); err != nil {
				return nil, err
			}
		case f.isBytes(4):
			if a.ChaincodeId == nil {
				a.ChaincodeId = &peer.ChaincodeID{}
			}
			if err := join.Unmarshal(f.value, a.ChaincodeId); err != nil {
				return nil, err
			}
		}
	}
	return a, f.err
}
