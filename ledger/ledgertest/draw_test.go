package ledgertest_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"pgregory.net/rapid"
)

var (
	everyNamespace = []string{"alpha", "beta", "gamma", "_lifecycle"}
	everyKey       = []string{"a", "b", "c", "d", "\x00x\x00y\x00"}
	everyColl      = []string{"own", "plain", "_implicit_org_Org1MSP", "_implicit_org_Org3MSP", "missing", ""}
	everyReference = []string{"/Channel/Application/Endorsement", "/Channel/Application/Writers", "/Channel/Application/Org1/Endorsement", "/Channel/Nobody", "/Elsewhere/Readers"}
)

func oneOf[T any](h *history, label string, all ...T) T {
	return rapid.SampledFrom(all).Draw(h.t, label)
}

// chance is true n times in a hundred.
func (h *history) chance(n int, label string) bool {
	return rapid.IntRange(0, 99).Draw(h.t, label) >= 100-n
}

func (h *history) upTo(n int, label string) int { return rapid.IntRange(0, n).Draw(h.t, label) }

// words draws a signature policy.
func (h *history) words(depth int) string {
	if depth == 0 || h.chance(40, "leaf") {
		return fmt.Sprintf("'%s.%s'", oneOf(h, "org", "Org1MSP", "Org2MSP", "Org3MSP"), oneOf(h, "role", "peer", "peer", "peer", "member", "admin", "client"))
	}
	var rules []string
	for range 1 + h.upTo(2, "rules") {
		rules = append(rules, h.words(depth-1))
	}
	return fmt.Sprintf("OutOf(%d, %s)", h.upTo(len(rules), "n"), strings.Join(rules, ", "))
}

// policy draws one as a definition or a collection writes it; gates first,
// since a lone principal is no policy in words.
func (h *history) policy() string {
	switch h.upTo(9, "policy") {
	case 0, 1:
		return oneOf(h, "reference", everyReference...)
	case 2, 3:
		return ""
	case 4, 5, 6:
		return "OR('Org1MSP.peer', 'Org2MSP.peer', 'Org3MSP.peer')"
	case 7:
		return "OutOf(2, 'Org1MSP.member', 'Org1MSP.peer', 'Org2MSP.member')"
	}
	return "OR(" + h.words(2) + ")"
}

// definitions is a block that defines alpha and beta, never gamma.
func (h *history) definitions() content {
	var all []ledgertest.Definition
	for _, name := range []string{"alpha", "beta"} {
		d := ledgertest.Definition{Name: name, Policy: h.policy(), Collections: []*peer.StaticCollectionConfig{
			h.n.Collection("own", "OR('Org1MSP.member')", "OR("+h.words(1)+")"),
			h.n.Collection("plain", "OR('Org2MSP.member')", ""),
		}}
		if h.chance(3, "broken policy") {
			d.Parameter = oneOf(h, "parameter", []byte{0xff}, []byte{}, ledgertest.Encode(&peer.ApplicationPolicy{}))
		}
		all = append(all, d)
	}
	t := h.n.Defining(all...)
	t.Nonce = h.nonce()
	return content{envelopes: [][]byte{h.seal(t)}}
}

// nonce is the next of this history: what it signs is the same each time.
func (h *history) nonce() []byte {
	h.serial++
	return []byte{'h', byte(h.serial)}
}

func (h *history) seal(t ledgertest.Tx) []byte {
	raw := h.n.Tx(t)
	h.sent = append(h.sent, sent{t, raw})
	return raw
}

// draw is the next block.
func (h *history) draw() content {
	if h.chance(15, "config block") {
		return h.drawConfig()
	}
	c := content{}
	for range 1 + h.upTo(4, "transactions") {
		c.envelopes = append(c.envelopes, h.drawTx())
	}
	if h.chance(5, "block is spoiled") {
		c.change = oneOf(h, "spoiled block", spoiledBlocks...)
	}
	// Some envelopes are so broken that no block may hold them. A chain that was
	// checked by others judges them all the same.
	c.facts.Trusted = c.change == nil && h.chance(30, "trusted")
	return c
}

func (h *history) drawTx() []byte {
	if len(h.sent) > 0 && h.chance(7, "again") {
		old := rapid.SampledFrom(h.sent).Draw(h.t, "sent")
		if h.chance(50, "the same") {
			return old.raw
		}
		t := h.plain()
		t.Nonce, t.Creator = old.tx.Nonce, old.tx.Creator
		return h.seal(t)
	}
	t := h.plain()
	if h.chance(25, "spoiled") {
		rapid.SampledFrom(spoils).Draw(h.t, "spoil").apply(h, &t)
	}
	return h.seal(t)
}

// plain is a transaction as clients and endorsers make them, if not always on
// the newest state and not always with the right endorsers.
func (h *history) plain() ledgertest.Tx {
	t := ledgertest.Tx{
		Chaincode: oneOf(h, "chaincode", "alpha", "alpha", "alpha", "alpha", "alpha", "beta", "beta", "gamma"),
		Nonce:     h.nonce(), Endorsers: h.endorsers(), Creator: h.n.Client(h.upTo(2, "client")), Set: ledgertest.NewRWSet(),
	}
	if h.chance(8, "a peer is the client") {
		t.Creator = h.signers[6] // may be revoked
	}
	h.fill(t.Set.NS(t.Chaincode), t.Chaincode)
	if h.chance(15, "calls another") {
		name := oneOf(h, "called", "alpha", "beta", "beta", "_lifecycle", "gamma")
		h.fill(t.Set.NS(name), name)
	}
	if h.chance(10, "defines") {
		t = h.n.Defining(ledgertest.Definition{Name: oneOf(h, "defined", "alpha", "beta", "gamma"), Policy: h.policy(), Sequence: int64(2 + h.upTo(3, "sequence"))})
		t.Nonce, t.Endorsers, t.Creator = h.nonce(), h.endorsers(), h.n.Client(0)
	}
	return t
}

func (h *history) endorsers() []ident.Signer {
	if h.chance(70, "all peers") {
		return h.signers[:3]
	}
	some := []ident.Signer{}
	for range h.upTo(4, "endorsers") {
		some = append(some, rapid.SampledFrom(h.signers).Draw(h.t, "endorser"))
	}
	return some
}

// fill draws what a transaction does in one namespace.
func (h *history) fill(ns *ledgertest.Namespace, name string) {
	for range h.upTo(2, "reads") {
		key := oneOf(h, "read", everyKey...)
		ns.Read(key, h.version(modeltest.Key{Namespace: name, Name: key}))
	}
	for _, key := range h.keys("writes") {
		ns.Write(key, oneOf(h, "value", "1", "2", "longer than a word", ""))
	}
	if h.chance(30, "metadata") {
		for _, key := range h.keys("metadata of") {
			ns.Metadata(key, h.entries()...)
		}
	}
	if h.chance(20, "range") {
		h.query(ns, name)
	}
	if h.chance(25, "collection") {
		coll := oneOf(h, "name of collection", everyColl...)
		h.fillCollection(ns.Coll(coll), name, coll)
	}
}

// keys draws some, seldom one of them twice.
func (h *history) keys(label string) []string {
	var keys []string
	for range h.upTo(3, label) {
		if key := oneOf(h, "key", everyKey...); !slices.Contains(keys, key) || h.chance(20, "once more") {
			keys = append(keys, key)
		}
	}
	return keys
}

func (h *history) fillCollection(c *ledgertest.Collection, ns, coll string) {
	if h.chance(50, "hashed read") {
		key := oneOf(h, "private key", everyKey...)
		c.Read(key, h.version(modeltest.Key{Namespace: ns, Collection: coll, Name: string(ledgertest.Hash(key))}))
	}
	for _, key := range h.keys("hashed writes") {
		switch h.upTo(4, "hashed write") {
		case 0:
			c.Delete(key)
		default:
			c.Write(key, oneOf(h, "private value", "1", "2", "")) // the hash of nothing deletes
		}
	}
	if h.chance(20, "hashed metadata") {
		c.Metadata(oneOf(h, "private metadata of", everyKey...), h.entries()...)
	}
}

func (h *history) entries() []*kvrwset.KVMetadataEntry {
	var all []*kvrwset.KVMetadataEntry
	for range h.upTo(2, "entries") {
		switch h.upTo(5, "entry") {
		case 0:
			all = append(all, &kvrwset.KVMetadataEntry{Name: "other", Value: []byte("value")})
		case 1:
			all = append(all, ledgertest.ValidationParameter(nil))
		default:
			all = append(all, ledgertest.ValidationParameter(ledgertest.Encode(h.n.Policy("OR("+h.words(1)+")"))))
		}
	}
	return all
}

// version is the one that the key has, mostly.
func (h *history) version(k modeltest.Key) *kvrwset.Version {
	v, ok := h.m.State[k]
	if h.chance(10, "stale") {
		return oneOf(h, "wrong version", nil, ledgertest.At(v.Block, v.Tx+1), ledgertest.At(v.Block+1, v.Tx), ledgertest.At(0, 0))
	}
	if !ok {
		return nil
	}
	return ledgertest.At(v.Block, v.Tx)
}

// query draws a range query with the results of now, mostly.
func (h *history) query(ns *ledgertest.Namespace, name string) {
	q := &kvrwset.RangeQueryInfo{StartKey: oneOf(h, "start", "", "a", "b", "c"), EndKey: oneOf(h, "end", "", "b", "d", "z"), ItrExhausted: true}
	var results []*kvrwset.KVRead
	for k, v := range h.m.State {
		// A private write in a collection without a name makes a public key of a
		// hash, and no read-write set can name that.
		if k.Namespace == name && k.Collection == "" && utf8.ValidString(k.Name) && k.Name >= q.StartKey && (q.EndKey == "" || k.Name < q.EndKey) {
			results = append(results, &kvrwset.KVRead{Key: k.Name, Version: ledgertest.At(v.Block, v.Tx)})
		}
	}
	slices.SortFunc(results, func(a, b *kvrwset.KVRead) int { return strings.Compare(a.Key, b.Key) })
	if len(results) > 0 && h.chance(40, "stopped early") {
		results = results[:1+h.upTo(len(results)-1, "taken")]
		q.ItrExhausted, q.EndKey = false, results[len(results)-1].Key
	}
	if len(results) > 0 && h.chance(10, "result missing") {
		results = slices.Delete(slices.Clone(results), 0, 1)
	}
	q.ReadsInfo = &kvrwset.RangeQueryInfo_RawReads{RawReads: &kvrwset.QueryReads{KvReads: results}}
	if h.chance(40, "summary") {
		if sum := modeltest.Summary(2, results); sum != nil {
			q.ReadsInfo = &kvrwset.RangeQueryInfo_ReadsMerkleHashes{ReadsMerkleHashes: sum}
		}
	}
	ns.KV.RangeQueriesInfo = append(ns.KV.RangeQueriesInfo, q)
}

// spoiledBlocks are blocks that an orderer would not make.
var spoiledBlocks = []func(*common.Block){
	func(b *common.Block) { b.Header.Number++ },
	func(b *common.Block) { b.Header.PreviousHash = bytes.Repeat([]byte{1}, 32) },
	func(b *common.Block) { b.Header.DataHash = bytes.Repeat([]byte{1}, 32) },
	func(b *common.Block) { b.Metadata.Metadata = b.Metadata.Metadata[:4] },
	func(b *common.Block) { b.Metadata.Metadata[0] = nil },
	func(b *common.Block) { b.Metadata.Metadata[0][len(b.Metadata.Metadata[0])-1] ^= 1 },
	func(b *common.Block) { b.Data.Data = append(b.Data.Data, b.Data.Data[0]) },
	func(b *common.Block) { b.Data.Data[0] = append(slices.Clone(b.Data.Data[0]), 0x1a, 0) },
	func(b *common.Block) {
		first := b.Data.Data[0]
		b.Data.Data = append([][]byte{first[:len(first)/2], first[len(first)/2:]}, b.Data.Data[1:]...)
	},
}
