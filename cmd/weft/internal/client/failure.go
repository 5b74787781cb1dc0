package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gwpb "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The calls in which a transaction can fail.
const (
	StepEvaluate = "evaluate"
	StepEndorse  = "endorse"
	StepSubmit   = "submit"
	StepCommit   = "commit status"
)

// Failure is a refused gateway call: what the gateway said, and what each
// endpoint that it tried said.
type Failure struct {
	Step    string     `json:"step"`
	TxID    string     `json:"transactionID"`
	Code    codes.Code `json:"-"`
	Message string     `json:"message"`
	Details []Detail   `json:"details,omitempty"`
	err     error
}

// Detail is what one endpoint said.
type Detail struct {
	Address string `json:"address"`
	MSPID   string `json:"mspID"`
	Message string `json:"message"`
}

// Error is the gateway's message and the endpoints' on one line.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s", f.Step, f.Code, f.Message)
	for _, d := range f.Details {
		if !strings.Contains(f.Message, d.Message) {
			fmt.Fprintf(&b, " [%s %s: %s]", d.MSPID, d.Address, d.Message)
		}
	}
	return b.String()
}

// Unwrap is the SDK's error.
func (f *Failure) Unwrap() error { return f.err }

// Says reports whether the gateway or an endpoint said the words.
func (f *Failure) Says(words string) bool { return strings.Contains(f.Error(), words) }

func failureOf(step, txID string, err error) *Failure {
	st := statusOf(err)
	f := &Failure{Step: step, TxID: txID, Code: st.Code(), Message: st.Message(), err: err}
	for _, d := range st.Details() {
		if e, ok := d.(*gwpb.ErrorDetail); ok {
			f.Details = append(f.Details, Detail{e.Address, e.MspId, e.Message})
		}
	}
	return f
}

// statusOf finds the gRPC status itself: the SDK's errors put the details and
// their own words around its message.
func statusOf(err error) *status.Status {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if _, wraps := e.(interface{ Unwrap() error }); wraps {
			continue
		}
		if st, ok := status.FromError(e); ok {
			return st
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return status.New(codes.DeadlineExceeded, err.Error())
	}
	return status.Convert(err)
}

// Hint asks the session's peer why a call of a chaincode failed where the
// gateway's words leave that open, and returns a sentence that says what to do,
// or "".
func (s *Session) Hint(ctx context.Context, chaincode string, f *Failure) string {
	switch {
	case f.Code == codes.Unavailable && len(f.Details) == 0 && f.Step != StepSubmit && strings.Contains(f.Message, "channel '"):
		return fmt.Sprintf("%s is not on channel %s: use --org with an organisation that is a member, and see \"weft channel list\"", s.Peer.Name, s.Channel)
	case f.Says("access denied"):
		return fmt.Sprintf("%s of %s may not do that on channel %s", s.id.Certificate().Subject.CommonName, s.id.MSPID(), s.Channel)
	case f.Says("must call as init first"):
		return "the chaincode's definition requires initialisation: call it once with --init"
	case f.Says("exists, but chaincode is not installed"):
		return notInstalled(chaincode)
	case f.Says("no peers available"), f.Says("No metadata was found"), f.Says("no combination of peers"), f.Says("failed to find any endorsing peers"):
		return s.missing(ctx, chaincode)
	}
	return ""
}

// missing tells a chaincode that is not committed from one that no peer has.
func (s *Session) missing(ctx context.Context, chaincode string) string {
	d, err := Defined(ctx, s.conn, s.id, s.Channel, chaincode)
	switch {
	case err != nil:
		return ""
	case d == nil:
		return fmt.Sprintf("chaincode %s is not committed on channel %s: deploy it with \"weft chaincode deploy --channel %s --name %[1]s PATH\"", chaincode, s.Channel, s.Channel)
	}
	return fmt.Sprintf("chaincode %s is committed on channel %s as version %s (sequence %d, %s), but too few organisations have a peer that is alive and has its package: see \"weft chaincode installed\"",
		chaincode, s.Channel, d.Version, d.Sequence, PolicyText(d.ValidationParameter))
}

func notInstalled(chaincode string) string {
	return fmt.Sprintf("chaincode %s is committed, but the peer does not have its package: install it with \"weft chaincode install\"", chaincode)
}

// Meaning says in words what a validation code means for the transaction.
func Meaning(code peer.TxValidationCode) string {
	switch code {
	case peer.TxValidationCode_VALID:
		return "its writes are part of the ledger"
	case peer.TxValidationCode_MVCC_READ_CONFLICT:
		return "a key that it read was changed by another transaction before it committed; send it again"
	case peer.TxValidationCode_PHANTOM_READ_CONFLICT:
		return "a range that it read was changed by another transaction before it committed; send it again"
	case peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE:
		return "its endorsements do not satisfy the chaincode's policy"
	case peer.TxValidationCode_DUPLICATE_TXID:
		return "a transaction with its id is on the ledger already"
	case peer.TxValidationCode_BAD_CREATOR_SIGNATURE:
		return "its creator is no member of the channel, or the signature is not the creator's"
	case peer.TxValidationCode_INVALID_CHAINCODE:
		return "its chaincode is not committed as it was when it was endorsed"
	case peer.TxValidationCode_EXPIRED_CHAINCODE, peer.TxValidationCode_CHAINCODE_VERSION_CONFLICT:
		return "its chaincode has another version by now"
	case peer.TxValidationCode_BAD_PROPOSAL_TXID:
		return "its id is not that of its nonce and creator"
	case peer.TxValidationCode_ILLEGAL_WRITESET:
		return "it writes where a transaction of its chaincode must not"
	case peer.TxValidationCode_INVALID_CONFIG_TRANSACTION:
		return "its configuration does not follow from the one in force"
	case peer.TxValidationCode_NIL_ENVELOPE, peer.TxValidationCode_BAD_PAYLOAD, peer.TxValidationCode_BAD_COMMON_HEADER,
		peer.TxValidationCode_BAD_CHANNEL_HEADER, peer.TxValidationCode_BAD_HEADER_EXTENSION, peer.TxValidationCode_BAD_RESPONSE_PAYLOAD,
		peer.TxValidationCode_BAD_RWSET, peer.TxValidationCode_INVALID_ENDORSER_TRANSACTION, peer.TxValidationCode_UNSUPPORTED_TX_PAYLOAD,
		peer.TxValidationCode_UNKNOWN_TX_TYPE, peer.TxValidationCode_NIL_TXACTION:
		return "a part of it is malformed: it was not made by a client as it should be"
	case peer.TxValidationCode_INVALID_OTHER_REASON:
		return "the peers could not take it for another reason, which \"weft tx explain\" tells"
	}
	return "the peers found it invalid and did not apply its writes"
}
