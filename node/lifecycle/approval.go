package lifecycle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	lb "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/node/endorse"
	"google.golang.org/protobuf/proto"
)

// Approval is what the organisation approved for one sequence of a chaincode on
// a channel. It is immutable.
type Approval struct {
	Channel string
	// Definition has its defaults filled in.
	Definition *definition.Definition
	// PackageID is empty when the chaincode is not to be run here.
	PackageID string
	// At is when the administrator signed, by their clock; the newest counts.
	At time.Time

	txID   string
	signed []byte // marshalled peer.SignedProposal, the proof
	number uint64 // in the order in which this process learned of them
}

// maxApprovalBytes bounds one record: a proposal with a certificate and a
// policy. definition allows 64 KiB of policy.
const maxApprovalBytes = 256 << 10

// readApproval takes the proposal of an approve call apart.
func readApproval(p *endorse.Proposal) (*Approval, error) {
	if p.Chaincode != definition.Namespace || len(p.Args) != 2 || string(p.Args[0]) != approveFunction {
		return nil, fmt.Errorf("the proposal is not a call of %s/%s", definition.Namespace, approveFunction)
	}
	if err := channel.CheckID(p.ChannelID); err != nil {
		return nil, err
	}
	args := &lb.ApproveChaincodeDefinitionForMyOrgArgs{}
	if err := proto.Unmarshal(p.Args[1], args); err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", approveFunction, err)
	}
	d, err := definitionOf(args)
	if err != nil {
		return nil, err
	}
	d.SetDefaults()
	if err := d.Validate(); err != nil {
		return nil, err
	}
	signed, err := proto.Marshal(p.Signed)
	if err != nil {
		return nil, fmt.Errorf("marshal signed proposal: %w", err)
	}
	if len(signed) > maxApprovalBytes {
		return nil, fmt.Errorf("approval has %d bytes, more than %d", len(signed), maxApprovalBytes)
	}
	return &Approval{
		Channel:    p.ChannelID,
		Definition: d,
		PackageID:  args.GetSource().GetLocalPackage().GetPackageId(),
		At:         time.Unix(p.Seconds, int64(p.Nanos)).UTC(),
		txID:       p.TxID,
		signed:     signed,
	}, nil
}

// verifyApproval reads a record that came from another peer or from disk, and
// checks that an administrator of this organisation signed it. Whether the
// administrator's certificate has expired since does not matter.
func verifyApproval(raw []byte, local *ident.Set) (*Approval, error) {
	if len(raw) > maxApprovalBytes {
		return nil, fmt.Errorf("approval has %d bytes, more than %d", len(raw), maxApprovalBytes)
	}
	sp := &peer.SignedProposal{}
	if err := proto.Unmarshal(raw, sp); err != nil {
		return nil, fmt.Errorf("error unmarshaling SignedProposal: %w", err)
	}
	p, err := endorse.Unpack(sp)
	if err != nil {
		return nil, err
	}
	if err := p.Verify(local); err != nil {
		return nil, err
	}
	if err := endorse.AuthorizeAdmin(p, local); err != nil {
		return nil, err
	}
	if err := p.ChannelHeader.GetTimestamp().CheckValid(); err != nil {
		return nil, fmt.Errorf("timestamp of the approval: %w", err)
	}
	return readApproval(p)
}

// newer decides, on every peer alike, which of two approvals of one sequence
// counts.
func (a *Approval) newer(b *Approval) bool {
	if !a.At.Equal(b.At) {
		return a.At.After(b.At)
	}
	return a.txID > b.txID
}

// slot is what an approval replaces: one sequence of a chaincode on a channel.
type slot struct {
	channel, name string
	sequence      int64
}

func (a *Approval) slot() slot { return slot{a.Channel, a.Definition.Name, a.Definition.Sequence} }

// Keys begin with approvalPrefix; neither channels nor names hold a zero byte.
const approvalPrefix = "approval/"

func (s slot) key() []byte {
	k := []byte(approvalPrefix + s.channel + "\x00" + s.name + "\x00")
	return binary.BigEndian.AppendUint64(k, uint64(s.sequence))
}

// terms are the arguments that approve, commit and readiness share.
type terms interface {
	GetSequence() int64
	GetName() string
	GetVersion() string
	GetEndorsementPlugin() string
	GetValidationPlugin() string
	GetValidationParameter() []byte
	GetCollections() *peer.CollectionConfigPackage
	GetInitRequired() bool
}

// errCollections is the answer to definitions with private data collections.
var errCollections = errors.New("private data collections are not supported yet: leave the collections configuration out")

// definitionOf is the definition that arguments ask for, without defaults.
func definitionOf(t terms) (*definition.Definition, error) {
	if len(t.GetCollections().GetConfig()) > 0 {
		return nil, errCollections
	}
	return &definition.Definition{
		Name:                t.GetName(),
		Version:             t.GetVersion(),
		Sequence:            t.GetSequence(),
		EndorsementPlugin:   t.GetEndorsementPlugin(),
		ValidationPlugin:    t.GetValidationPlugin(),
		ValidationParameter: t.GetValidationParameter(),
		InitRequired:        t.GetInitRequired(),
	}, nil
}
