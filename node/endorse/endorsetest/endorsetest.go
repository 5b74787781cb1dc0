// Package endorsetest makes what tests of endorsing need: a channel with a real
// ledger, and proposals, sound or faulty in one chosen way.
package endorsetest

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Now is the clock of these tests: the certificates are valid.
func Now() time.Time { return catest.Epoch().Add(24 * time.Hour) }

// Channel is a channel with a ledger in a folder of the test. It implements
// endorse.Channel.
type Channel struct {
	tb      testing.TB
	id      string
	config  *channel.Config
	ledger  *chain.Chain
	Genesis *common.Block
}

// NewChannel makes a channel of the organisations; its ledger has the genesis block.
func NewChannel(tb testing.TB, id string, orderer *catest.Org, orgs []*catest.Org, edits ...func(*genesis.Spec)) *Channel {
	tb.Helper()
	c := &Channel{tb: tb, id: id, Genesis: channeltest.Genesis(tb, id, orderer, orgs, edits...)}
	var err error
	if c.config, err = channel.FromBlock(c.Genesis); err != nil {
		tb.Fatal(err)
	}
	c.ledger, err = chain.Open(filepath.Join(tb.TempDir(), id), chain.Options{Replay: validate.Updates})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.ledger.Close() })
	c.append(proto.Clone(c.Genesis).(*common.Block), nil)
	return c
}

// ID, Config and Ledger implement endorse.Channel.
func (c *Channel) ID() string              { return c.id }
func (c *Channel) Config() *channel.Config { return c.config }
func (c *Channel) Ledger() *chain.Chain    { return c.ledger }

func (c *Channel) append(raw *common.Block, updates state.Batch) {
	c.tb.Helper()
	block.SetCodes(raw, []ledger.Code{peer.TxValidationCode_VALID})
	b, err := ledger.ParseBlock(raw)
	if err != nil {
		c.tb.Fatal(err)
	}
	if err := c.ledger.Append(b, chain.Commit{Updates: updates}); err != nil {
		c.tb.Fatal(err)
	}
}

// Commit appends a block with one transaction of that id, which made the writes
// in a namespace. What validation would say of it is not asked.
func (c *Channel) Commit(txID, namespace string, writes ...ledger.Write) {
	c.tb.Helper()
	header, err := proto.Marshal(&common.ChannelHeader{
		Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: c.id, TxId: txID,
	})
	payload := Marshal(c.tb, &common.Payload{Header: &common.Header{ChannelHeader: header}}, err)
	number := c.ledger.Height()
	raw := block.New(number, c.ledger.LastHash(), [][]byte{Marshal(c.tb, &common.Envelope{Payload: payload})})
	var batch state.Batch
	for _, w := range writes {
		batch = append(batch, state.Update{Namespace: namespace, Key: w.Key, Value: w.Value, Delete: w.Delete, Version: ledger.Version{Block: number}})
	}
	slices.SortFunc(batch, func(a, b state.Update) int { return strings.Compare(a.Key, b.Key) })
	c.append(raw, batch)
}

// Define commits a chaincode definition, its defaults filled in.
func (c *Channel) Define(d definition.Definition) *definition.Definition {
	c.tb.Helper()
	d.SetDefaults()
	writes, err := d.Writes()
	if err != nil {
		c.tb.Fatal(err)
	}
	c.Commit("define-"+d.Name, definition.Namespace, writes...)
	return &d
}

// Marshal fails the test when it cannot, or when an error is handed in.
func Marshal(tb testing.TB, m proto.Message, errs ...error) []byte {
	tb.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	for _, e := range append(errs, err) {
		if e != nil {
			tb.Fatal(e)
		}
	}
	return raw
}

// Request describes a proposal. The hooks change a sound one.
type Request struct {
	Signer    ident.Signer
	Channel   string
	Chaincode string
	Args      [][]byte
	Transient map[string][]byte
	Init      bool
	// Number makes nonces, and so transaction ids, differ.
	Number uint64
	// At is the timestamp; zero is Now.
	At time.Time

	EditHeaders func(ch *common.ChannelHeader, sh *common.SignatureHeader)
	// EditTxID comes after the id was computed.
	EditTxID      func(ch *common.ChannelHeader)
	EditExtension func(*peer.ChaincodeHeaderExtension)
	EditSpec      func(*peer.ChaincodeInvocationSpec)
	EditProposal  func(*peer.Proposal)
	// EditSigned comes after signing.
	EditSigned func(*peer.SignedProposal)
}

// Sign makes the proposal.
func (r Request) Sign(tb testing.TB) *peer.SignedProposal {
	tb.Helper()
	if r.At.IsZero() {
		r.At = Now()
	}
	nonce := binary.BigEndian.AppendUint64(make([]byte, 16, 24), r.Number)
	sh := &common.SignatureHeader{Creator: r.Signer.Serialized(), Nonce: nonce}
	ext := &peer.ChaincodeHeaderExtension{ChaincodeId: &peer.ChaincodeID{Name: r.Chaincode}}
	call(r.EditExtension, ext)
	ch := &common.ChannelHeader{
		Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: r.Channel,
		Timestamp: timestamppb.New(r.At), Extension: Marshal(tb, ext),
	}
	if r.EditHeaders != nil {
		r.EditHeaders(ch, sh)
	}
	ch.TxId = ident.TxID(sh.Nonce, sh.Creator)
	call(r.EditTxID, ch)
	spec := &peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{
		ChaincodeId: &peer.ChaincodeID{Name: r.Chaincode},
		Input:       &peer.ChaincodeInput{Args: r.Args, IsInit: r.Init},
	}}
	call(r.EditSpec, spec)
	prop := &peer.Proposal{
		Header:  Marshal(tb, &common.Header{ChannelHeader: Marshal(tb, ch), SignatureHeader: Marshal(tb, sh)}),
		Payload: Marshal(tb, &peer.ChaincodeProposalPayload{Input: Marshal(tb, spec), TransientMap: r.Transient}),
	}
	call(r.EditProposal, prop)
	sp := &peer.SignedProposal{ProposalBytes: Marshal(tb, prop)}
	var err error
	if sp.Signature, err = r.Signer.Sign(sp.ProposalBytes); err != nil {
		tb.Fatal(err)
	}
	call(r.EditSigned, sp)
	return sp
}

func call[T any](f func(T), v T) {
	if f != nil {
		f(v)
	}
}

// Args are the bytes of strings.
func Args(list ...string) [][]byte {
	var args [][]byte
	for _, s := range list {
		args = append(args, []byte(s))
	}
	return args
}
