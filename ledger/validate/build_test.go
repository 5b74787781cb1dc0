package validate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/state"
	"google.golang.org/protobuf/proto"
)

// network is channel1 of Org1 and Org2 with the chaincode cc, which both must
// endorse, and with what block 4 wrote: key "a" of cc.
type network struct {
	tb                   testing.TB
	cfg                  *channel.Config
	client, peer1, peer2 ident.Signer
	ledger               *memory
	nonces               byte
}

func newNetwork(tb testing.TB) *network {
	org1, org2 := catest.New(tb, "Org1"), catest.New(tb, "Org2")
	n := &network{
		tb: tb,
		cfg: &channel.Config{
			ID:          "channel1",
			MSPs:        catest.Set(tb, org1, org2),
			Application: map[string]*channel.Org{"Org1MSP": {}, "Org2MSP": {}},
		},
		client: org1.User("user").Signer(),
		peer1:  org1.Peer("peer0").Signer(),
		peer2:  org2.Peer("peer0").Signer(),
		ledger: &memory{},
	}
	n.define("cc", inline(tb, "AND('Org1MSP.peer','Org2MSP.peer')"))
	n.ledger.set("cc", "a", ledger.Version{Block: 4})
	return n
}

func inline(tb testing.TB, dsl string) []byte {
	env, err := policy.Parse(dsl)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := definition.InlinePolicy(env)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// define commits a definition straight into the state.
func (n *network) define(name string, parameter []byte) {
	d := &definition.Definition{Name: name, Version: "1", Sequence: 1, ValidationParameter: parameter}
	d.SetDefaults()
	writes, err := d.Writes()
	if err != nil {
		n.tb.Fatal(err)
	}
	for _, w := range writes {
		n.ledger.put(definition.Namespace, w.Key, w.Value, ledger.Version{Block: 1})
	}
}

// draft is a transaction in parts; overrides are the bytes that stand in the
// place of a part when not nil.
type draft struct {
	ch        *common.ChannelHeader
	ext       *peer.ChaincodeHeaderExtension
	nonce     []byte
	action    *peer.ChaincodeAction
	set       []*nsDraft
	endorsers []ident.Signer

	envelope, payload, creator, signature, txID, data, hash, extRaw, results, actionRaw []byte

	noAction bool
	change   func(*peer.ChaincodeActionPayload)
}

type nsDraft struct {
	name        string
	kv          *kvrwset.KVRWSet
	collections []*rwset.CollectionHashedReadWriteSet
}

type option func(*draft)

// tx is an envelope that reads and writes "a" of cc, endorsed by both
// organisations, after the options.
func (n *network) tx(options ...option) []byte {
	n.nonces++
	d := &draft{
		ch:     &common.ChannelHeader{Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: n.cfg.ID},
		ext:    &peer.ChaincodeHeaderExtension{ChaincodeId: &peer.ChaincodeID{Name: "cc"}},
		nonce:  []byte{'n', n.nonces},
		action: &peer.ChaincodeAction{ChaincodeId: &peer.ChaincodeID{Name: "cc", Version: "1"}, Response: &peer.Response{Status: 200}},
		set: []*nsDraft{{name: "cc", kv: &kvrwset.KVRWSet{
			Reads:  []*kvrwset.KVRead{{Key: "a", Version: &kvrwset.Version{BlockNum: 4}}},
			Writes: []*kvrwset.KVWrite{{Key: "a", Value: []byte("new")}},
		}}},
		endorsers: []ident.Signer{n.peer1, n.peer2},
	}
	for _, o := range options {
		o(d)
	}
	return n.encode(d)
}

func (n *network) encode(d *draft) []byte {
	creator := or(d.creator, n.client.Serialized())
	sum := sha256.Sum256(slices.Concat(d.nonce, creator))
	d.ch.TxId = string(or(d.txID, []byte(hex.EncodeToString(sum[:]))))
	d.ch.Extension = or(d.extRaw, encode(d.ext))
	header := &common.Header{
		ChannelHeader:   encode(d.ch),
		SignatureHeader: encode(&common.SignatureHeader{Creator: creator, Nonce: d.nonce}),
	}
	payload := or(d.payload, encode(&common.Payload{Header: header, Data: or(d.data, n.transaction(d, header))}))
	sig := or(d.signature, sign(n.client, payload))
	return or(d.envelope, encode(&common.Envelope{Payload: payload, Signature: sig}))
}

func (n *network) transaction(d *draft, header *common.Header) []byte {
	proposal := encode(&peer.ChaincodeProposalPayload{Input: []byte("input")})
	sum := sha256.Sum256(slices.Concat(header.ChannelHeader, header.SignatureHeader, proposal))
	d.action.Results = or(d.results, encodeSet(d.set))
	prp := &peer.ProposalResponsePayload{ProposalHash: or(d.hash, sum[:]), Extension: or(d.actionRaw, encode(d.action))}
	if d.noAction {
		prp.Extension = nil
	}
	response := encode(prp)
	capl := &peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: proposal,
		Action:                   &peer.ChaincodeEndorsedAction{ProposalResponsePayload: response},
	}
	for _, e := range d.endorsers {
		capl.Action.Endorsements = append(capl.Action.Endorsements, &peer.Endorsement{
			Endorser: e.Serialized(), Signature: sign(e, slices.Concat(response, e.Serialized())),
		})
	}
	if d.change != nil {
		d.change(capl)
	}
	return encode(&peer.Transaction{Actions: []*peer.TransactionAction{{Header: header.SignatureHeader, Payload: encode(capl)}}})
}

func encodeSet(set []*nsDraft) []byte {
	tx := &rwset.TxReadWriteSet{}
	for _, ns := range set {
		tx.NsRwset = append(tx.NsRwset, &rwset.NsReadWriteSet{
			Namespace: ns.name, Rwset: encode(ns.kv), CollectionHashedRwset: ns.collections,
		})
	}
	return encode(tx)
}

func or(override, otherwise []byte) []byte {
	if override != nil {
		return override
	}
	return otherwise
}

func encode(m proto.Message) []byte {
	raw, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

func sign(s ident.Signer, msg []byte) []byte {
	sig, err := s.Sign(msg)
	if err != nil {
		panic(err)
	}
	return sig
}

// block is number 5 with the envelopes.
func (n *network) block(envelopes ...[]byte) *ledger.Block {
	b, err := ledger.ParseBlock(block.New(5, nil, envelopes))
	if err != nil {
		n.tb.Fatal(err)
	}
	return b
}

func (n *network) try(b *ledger.Block, workers int) (*Result, error) {
	p, err := Prepare(context.Background(), b, n.cfg, workers)
	if err != nil {
		n.tb.Fatal(err)
	}
	return p.Finish(n.ledger)
}

func (n *network) validate(envelopes ...[]byte) *Result {
	n.tb.Helper()
	r, err := n.try(n.block(envelopes...), 2)
	if err != nil {
		n.tb.Fatal(err)
	}
	return r
}

// memory is a Ledger in a map.
type memory struct {
	keys     map[place]state.Entry
	ids      map[string]bool // of transactions on the ledger
	knows    bool            // every transaction id
	failing  string
	txFailed bool
	plain    bool // no key has metadata, and nobody need look
}

var errDisk = errors.New("the disk is on fire")

func (m *memory) set(ns, key string, v ledger.Version) { m.put(ns, key, []byte("value"), v) }

func (m *memory) put(ns, key string, value []byte, v ledger.Version) {
	m.apply(state.Batch{{Namespace: ns, Key: key, Value: value, Version: v}})
}

// apply commits updates.
func (m *memory) apply(b state.Batch) {
	if m.keys == nil {
		m.keys = map[place]state.Entry{}
	}
	for _, u := range b {
		p := place{u.Namespace, u.Collection, u.Key}
		if delete(m.keys, p); !u.Removes() {
			m.keys[p] = state.Entry{Value: u.Value, Metadata: u.Metadata, Version: u.Version}
		}
	}
}

func (m *memory) HasTx(id string) (bool, error) {
	if m.txFailed {
		return false, errDisk
	}
	return m.knows || m.ids[id], nil
}

func (m *memory) Get(ns, key string) ([]byte, *ledger.Version, error) {
	e, err := m.Entry(ns, "", key)
	if e == nil {
		return nil, nil, err
	}
	return e.Value, &e.Version, nil
}

func (m *memory) Entry(ns, collection, key string) (*state.Entry, error) {
	if m.failing == ns && ns != "" {
		return nil, errDisk
	}
	e, ok := m.keys[place{ns, collection, key}]
	if !ok {
		return nil, nil
	}
	return &e, nil
}

func (m *memory) NoMetadata() bool {
	if m.plain {
		return true
	}
	for _, e := range m.keys {
		if len(e.Metadata) > 0 {
			return false
		}
	}
	return true
}

func (m *memory) Range(ns, start, end string) (state.Iterator, error) {
	if m.failing == ns && ns != "" {
		return nil, errDisk
	}
	it := &walk{}
	for p, e := range m.keys {
		if p.namespace == ns && p.collection == "" && p.key >= start && (end == "" || p.key < end) {
			it.left = append(it.left, ledger.KV{Key: p.key, Value: e.Value, Version: e.Version})
		}
	}
	slices.SortFunc(it.left, func(a, b ledger.KV) int { return cmp.Compare(a.Key, b.Key) })
	return it, nil
}

func entryOf(value string, metadata []byte) state.Entry {
	return state.Entry{Value: []byte(value), Metadata: metadata}
}

type walk struct {
	left []ledger.KV
	at   ledger.KV
}

func (w *walk) Next() bool {
	if len(w.left) == 0 {
		return false
	}
	w.at, w.left = w.left[0], w.left[1:]
	return true
}
func (w *walk) KV() ledger.KV { return w.at }
func (w *walk) Err() error    { return nil }
func (w *walk) Close() error  { return nil }

func show(r *Result) string {
	s := ""
	for i, c := range r.Codes {
		s += fmt.Sprintf("\n%d: %s %s", i, c, why(r, i))
	}
	return s
}

func why(r *Result, i int) string {
	if r.Findings[i] == nil {
		return ""
	}
	return r.Findings[i].Text
}
