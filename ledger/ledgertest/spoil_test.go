package ledgertest_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/ledgertest"
	"pgregory.net/rapid"
)

// spoil makes a transaction that no honest client or endorser makes.
type spoil struct {
	name  string
	apply func(*history, *ledgertest.Tx)
}

// String names it in the record of a failed run.
func (s spoil) String() string { return s.name }

var spoils = []spoil{
	{"type", func(h *history, t *ledgertest.Tx) {
		typ := oneOf(h, "type", common.HeaderType_CONFIG_UPDATE, common.HeaderType_MESSAGE, common.HeaderType(77))
		t.Header = func(c *common.ChannelHeader) { c.Type = int32(typ) }
	}},
	{"epoch", func(_ *history, t *ledgertest.Tx) { t.Header = func(c *common.ChannelHeader) { c.Epoch = 1 } }},
	{"channel", func(_ *history, t *ledgertest.Tx) {
		t.Header = func(c *common.ChannelHeader) { c.ChannelId = "channel2" }
	}},
	{"no id", func(_ *history, t *ledgertest.Tx) { t.Header = func(c *common.ChannelHeader) { c.TxId = "" } }},
	{"another's id", func(h *history, t *ledgertest.Tx) {
		id := ledgertest.TxID(h.n.Client(0), []byte{'h', byte(1 + h.upTo(20, "whose id"))})
		t.Header = func(c *common.ChannelHeader) { c.TxId = id }
	}},
	{"rogue creator", func(h *history, t *ledgertest.Tx) { t.Creator = h.rogue }},
	{"header extension", func(h *history, t *ledgertest.Tx) {
		name := oneOf(h, "asked for", "", "beta", "gamma")
		t.Extension = func(e *peer.ChaincodeHeaderExtension) { e.ChaincodeId.Name = name }
	}},
	{"no chaincode id", func(_ *history, t *ledgertest.Tx) {
		t.Extension = func(e *peer.ChaincodeHeaderExtension) { e.ChaincodeId = nil }
	}},
	{"no chaincode id in the action", func(_ *history, t *ledgertest.Tx) { t.Action = func(a *peer.ChaincodeAction) { a.ChaincodeId = nil } }},
	{"no version", func(_ *history, t *ledgertest.Tx) {
		t.Action = func(a *peer.ChaincodeAction) { a.ChaincodeId.Version = "" }
	}},
	{"event of another", func(_ *history, t *ledgertest.Tx) {
		t.Event = &peer.ChaincodeEvent{ChaincodeId: "beta", EventName: "e"}
	}},
	{"event", func(_ *history, t *ledgertest.Tx) {
		t.Event = &peer.ChaincodeEvent{ChaincodeId: t.Chaincode, EventName: "e"}
	}},
	{"broken event", func(_ *history, t *ledgertest.Tx) {
		t.Action = func(a *peer.ChaincodeAction) { a.Events = []byte{0xff} }
	}},
	{"namespace twice", func(_ *history, t *ledgertest.Tx) { t.Set.Again(t.Chaincode).Write("a", "1") }},
	{"proposal hash", func(_ *history, t *ledgertest.Tx) {
		t.Response = func(p *peer.ProposalResponsePayload) { p.ProposalHash = ledgertest.Hash("other") }
	}},
	{"no extension", func(_ *history, t *ledgertest.Tx) {
		t.Response = func(p *peer.ProposalResponsePayload) { p.Extension = nil }
	}},
	{"no proposal", func(_ *history, t *ledgertest.Tx) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) { c.ChaincodeProposalPayload = nil }
	}},
	{"no endorsed action", func(_ *history, t *ledgertest.Tx) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) { c.Action = nil }
	}},
	{"no action", func(_ *history, t *ledgertest.Tx) { t.Body = func(b *peer.Transaction) { b.Actions = nil } }},
	{"two actions", func(_ *history, t *ledgertest.Tx) {
		t.Body = func(b *peer.Transaction) { b.Actions = append(b.Actions, b.Actions[0]) }
	}},
	{"empty action", func(_ *history, t *ledgertest.Tx) {
		t.Body = func(b *peer.Transaction) { b.Actions[0] = &peer.TransactionAction{} }
	}},
	{"action of another", func(h *history, t *ledgertest.Tx) {
		t.Body = func(b *peer.Transaction) {
			b.Actions[0].Header = ledgertest.Encode(&common.SignatureHeader{Creator: h.n.Client(1).Serialized(), Nonce: []byte("x")})
		}
	}},
	{"no data", func(_ *history, t *ledgertest.Tx) { t.Data = func([]byte) []byte { return nil } }},
	{"endorsed twice", func(_ *history, t *ledgertest.Tx) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) {
			c.Action.Endorsements = append(c.Action.Endorsements, c.Action.Endorsements...)
		}
	}},
	{"endorsement of other bytes", func(_ *history, t *ledgertest.Tx) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) {
			c.Action.ProposalResponsePayload = append(c.Action.ProposalResponsePayload, 0x1a, 0)
		}
	}},
	{"endorsement signature", func(h *history, t *ledgertest.Tx) {
		f := h.spoiledSignature()
		t.Endorsed = func(c *peer.ChaincodeActionPayload) {
			for _, e := range c.Action.Endorsements {
				e.Signature = f(e.Signature)
			}
		}
	}},
	{"swapped endorsements", func(_ *history, t *ledgertest.Tx) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) {
			if e := c.Action.Endorsements; len(e) > 1 {
				e[0].Signature, e[1].Signature = e[1].Signature, e[0].Signature
			}
		}
	}},
	{"reversed endorsements", func(_ *history, t *ledgertest.Tx) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) { slices.Reverse(c.Action.Endorsements) }
	}},
	{"creator's signature", func(h *history, t *ledgertest.Tx) { t.Signature = h.spoiledSignature() }},
	{"results", func(h *history, t *ledgertest.Tx) { t.Results = h.mutation() }},
	{"action", func(h *history, t *ledgertest.Tx) { t.ActionRaw = h.mutation() }},
	{"transaction", func(h *history, t *ledgertest.Tx) { t.Data = h.mutation() }},
	{"payload", func(h *history, t *ledgertest.Tx) { t.Payload = h.mutation() }},
	{"envelope", func(h *history, t *ledgertest.Tx) { t.Envelope = h.mutation() }},
	{"response", func(h *history, t *ledgertest.Tx) {
		f := h.mutation()
		t.Endorsed = func(c *peer.ChaincodeActionPayload) {
			c.Action.ProposalResponsePayload = f(c.Action.ProposalResponsePayload)
		}
	}},
	{"action payload", func(h *history, t *ledgertest.Tx) {
		f := h.mutation()
		t.Body = func(b *peer.Transaction) { b.Actions[0].Payload = f(b.Actions[0].Payload) }
	}},
	{"extension bytes", func(h *history, t *ledgertest.Tx) {
		f := h.mutation()
		t.Header = func(c *common.ChannelHeader) { c.Extension = f(c.Extension) }
	}},
}

// mutation draws a change of any bytes.
func (h *history) mutation() func([]byte) []byte {
	kind, at := h.upTo(4, "mutation"), rapid.Uint16().Draw(h.t, "at")
	bit := byte(1) << h.upTo(7, "bit")
	return func(raw []byte) []byte {
		if len(raw) == 0 {
			return raw
		}
		i := int(at) % len(raw)
		switch kind {
		case 0:
			return raw[:i]
		case 1:
			return append(slices.Clone(raw), 0xff)
		case 2:
			return append(slices.Clone(raw), 0xf8, 0x07, 1) // a field that nobody knows
		case 3:
			return slices.Concat(raw[:i], raw[i+1:])
		}
		raw = bytes.Clone(raw)
		raw[i] ^= bit
		return raw
	}
}

// spoiledSignature draws a change of a signature; one of them leaves it good.
func (h *history) spoiledSignature() func([]byte) []byte {
	return oneOf(h, "signature", none, noisy, flipped, high)
}

func none([]byte) []byte { return nil }

func noisy(sig []byte) []byte { return append(slices.Clone(sig), 1, 2, 3) }

func flipped(sig []byte) []byte {
	sig = bytes.Clone(sig)
	sig[len(sig)-1] ^= 1
	return sig
}

// high is the other signature that the key could have made.
func high(sig []byte) []byte {
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &rs); err != nil {
		panic(err)
	}
	rs.S.Sub(elliptic.P256().Params().N, rs.S)
	raw, err := asn1.Marshal(rs)
	if err != nil {
		panic(err)
	}
	return raw
}
