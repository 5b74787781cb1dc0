package ledgertest_test

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"google.golang.org/protobuf/proto"
)

// drawConfig is a block with a change of the configuration, allowed or not.
func (h *history) drawConfig() content {
	t := ledgertest.ConfigTx{From: h.config, Edit: oneOf(h, "edit", h.edits()...)}
	c := content{}
	if h.chance(40, "bad config") {
		c.facts.BadConfig = true
		oneOf(h, "bad", badConfigs...)(h, &t)
	}
	raw, after := h.n.ConfigTx(t)
	c.envelopes, c.after = [][]byte{raw}, after
	return c
}

type edit = func(*common.ConfigGroup)

// edits are changes that every administrator together may make, whatever was
// changed before.
func (h *history) edits() []edit {
	application := func(f edit) edit { return func(g *common.ConfigGroup) { f(g.Groups["Application"]) } }
	return []edit{
		func(g *common.ConfigGroup) { // another size of blocks
			size := &orderer.BatchSize{}
			v := g.Groups["Orderer"].Values["BatchSize"]
			if err := proto.Unmarshal(v.Value, size); err != nil {
				h.t.Fatal(err)
			}
			size.MaxMessageCount++
			v.Value = ledgertest.Encode(size)
		},
		application(func(g *common.ConfigGroup) { // another endorsement policy
			meta := &common.ImplicitMetaPolicy{SubPolicy: "Endorsement", Rule: common.ImplicitMetaPolicy_ANY}
			old := &common.ImplicitMetaPolicy{}
			if err := proto.Unmarshal(g.Policies["Endorsement"].Policy.Value, old); err != nil {
				h.t.Fatal(err)
			}
			if old.Rule == meta.Rule {
				meta.Rule = common.ImplicitMetaPolicy_ALL
			}
			g.Policies["Endorsement"].Policy.Value = ledgertest.Encode(meta)
		}),
		application(func(g *common.ConfigGroup) { // no lifecycle policy, or one again
			if p := g.Policies["LifecycleEndorsement"]; p != nil {
				delete(g.Policies, "LifecycleEndorsement")
				return
			}
			g.Policies["LifecycleEndorsement"] = &common.ConfigPolicy{ModPolicy: "Admins", Policy: g.Policies["Endorsement"].Policy}
		}),
		application(func(g *common.ConfigGroup) { // Org1's clients endorse, and its peers again
			p := g.Groups["Org1"].Policies["Endorsement"]
			now, before := ledgertest.Encode(h.n.Policy("OR('Org1MSP.client')")), ledgertest.Encode(h.n.Policy("OR('Org1MSP.peer')"))
			if string(p.Policy.Value) == string(now) {
				now = before
			}
			p.Policy.Value = now
		}),
		application(func(g *common.ConfigGroup) { // Org3 leaves, or comes back
			if g.Groups["Org3"] != nil {
				delete(g.Groups, "Org3")
				return
			}
			org := proto.Clone(h.n.Config.Proto.ChannelGroup.Groups["Application"].Groups["Org3"]).(*common.ConfigGroup)
			g.Groups["Org3"] = org
		}),
		application(func(g *common.ConfigGroup) { // Org2's second peer is revoked, or good again
			v := g.Groups["Org2"].Values["MSP"]
			outer, cfg := &msp.MSPConfig{}, &msp.FabricMSPConfig{}
			if err := proto.Unmarshal(v.Value, outer); err != nil {
				h.t.Fatal(err)
			}
			if err := proto.Unmarshal(outer.Config, cfg); err != nil {
				h.t.Fatal(err)
			}
			if len(cfg.RevocationList) > 0 {
				cfg.RevocationList = nil
			} else {
				cfg.RevocationList = [][]byte{h.crl}
			}
			outer.Config = ledgertest.Encode(cfg)
			v.Value = ledgertest.Encode(outer)
		}),
	}
}

// badConfigs spoil a change so that it must halt the channel.
var badConfigs = []func(*history, *ledgertest.ConfigTx){
	func(h *history, t *ledgertest.ConfigTx) { t.Admins = []ident.Signer{h.n.Client(0)} },
	func(_ *history, t *ledgertest.ConfigTx) { t.Admins = []ident.Signer{} },
	func(h *history, t *ledgertest.ConfigTx) { t.Admins = []ident.Signer{h.rogue} },
	func(_ *history, t *ledgertest.ConfigTx) { t.Config = func(c *common.Config) { c.Sequence++ } },
	func(_ *history, t *ledgertest.ConfigTx) {
		t.Config = func(c *common.Config) { c.ChannelGroup.Groups["Application"].Version += 7 }
	},
	func(_ *history, t *ledgertest.ConfigTx) {
		t.Config = func(c *common.Config) { delete(c.ChannelGroup.Groups["Application"].Groups, "Org1") }
	},
	func(_ *history, t *ledgertest.ConfigTx) {
		t.Update = func(u *common.ConfigUpdate) { u.ChannelId = "channel2" }
	},
	func(_ *history, t *ledgertest.ConfigTx) {
		t.Update = func(u *common.ConfigUpdate) { u.ReadSet.Version++ }
	},
	func(_ *history, t *ledgertest.ConfigTx) { t.Update = func(u *common.ConfigUpdate) { u.WriteSet = nil } },
	func(_ *history, t *ledgertest.ConfigTx) { t.Data = func([]byte) []byte { return []byte{0xff} } },
}
