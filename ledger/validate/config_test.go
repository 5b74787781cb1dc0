package validate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// without is a configuration in which an organisation is no member any more.
func (p *peerOf) without(org string) ledgertest.ConfigTx {
	return ledgertest.ConfigTx{From: p.cfg.Proto, Edit: func(g *common.ConfigGroup) {
		delete(g.Groups["Application"].Groups, org)
	}}
}

// Rule 16.
func TestAConfigurationHoldsFromTheNextBlockOn(t *testing.T) {
	p := newPeer(t, ledgertest.Definition{Name: "cc", Policy: "OR('Org3MSP.peer')"})
	p.commits(valid)(p.call(write("k", "1"), org3))
	envelope, config := p.ConfigTx(p.without("Org3"))
	r := p.commit(envelope)
	if r.Codes[0] != valid || r.Config == nil || r.Config.Sequence != config.Sequence || r.Config.Application["Org3MSP"] != nil {
		t.Fatalf("%s, config %+v", show(r), r.Config)
	}
	u := r.Updates[0]
	if u.Namespace != ConfigNamespace || u.Key != ConfigKey || !bytes.Contains(u.Value, ledgertest.Encode(config.ChannelGroup.Groups["Orderer"])) {
		t.Errorf("stored %+v", u)
	}
	p.commits(tooFew)(p.call(write("k", "2"), org3)) // no member any more
	if r := p.commit(p.call(write("k", "2"), org3)); r.Config != nil {
		t.Error("a block without configuration changed it")
	}
}

func TestABadConfigurationHalts(t *testing.T) {
	p := newPeer(t)
	for name, change := range map[string]func(*ledgertest.ConfigTx){
		"sequence":       func(c *ledgertest.ConfigTx) { c.Config = func(c *common.Config) { c.Sequence += 2 } },
		"not authorised": func(c *ledgertest.ConfigTx) { c.Admins = []ident.Signer{p.Client(org1)} },
		"another result": func(c *ledgertest.ConfigTx) {
			c.Config = func(c *common.Config) { delete(c.ChannelGroup.Groups["Application"].Groups, "Org2") }
		},
		"garbage": func(c *ledgertest.ConfigTx) { c.Data = func([]byte) []byte { return garbage } },
	} {
		c := p.without("Org3")
		change(&c)
		envelope, _ := p.ConfigTx(c)
		if r, err := p.finish(p.Parse(p.blocks.Peek(envelope))); err == nil || !strings.Contains(err.Error(), "configuration") {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

// Orderers never do this. Fabric judges in parallel then, and its outcome is
// any; this is the one that all of Weft's peers share.
func TestAConfigurationAmongOthersHoldsAfterTheBlock(t *testing.T) {
	p := newPeer(t, ledgertest.Definition{Name: "cc", Policy: "OR('Org3MSP.peer')"})
	one, config := p.ConfigTx(p.without("Org3"))
	two := p.without("Org2")
	two.From = config
	other, _ := p.ConfigTx(two)
	r := p.commit(p.call(write("k", "1"), org3), one, p.call(write("k", "2"), org3), other, p.call(write("k", "3"), org3))
	for i, c := range r.Codes {
		if c != valid {
			t.Errorf("transaction %d: %s", i, show(r))
		}
	}
	if len(p.cfg.Application) != 1 || p.cfg.Sequence != 2 {
		t.Errorf("the configuration is %d with %d organisations", p.cfg.Sequence, len(p.cfg.Application))
	}
	if r.Updates[0].Version != (ledger.Version{Block: p.blocks.Number() - 1, Tx: 3}) {
		t.Errorf("the stored configuration is of %v", r.Updates[0].Version)
	}
}

func TestTheIDOfAConfigurationIsNobodysDuplicate(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	call := p.Tx(ledgertest.Tx{Chaincode: "cc", Set: write("k", "1")})
	id := p.Parse(p.blocks.Peek(call)).Txs[0].TxID()
	c := p.without("Org3")
	c.Header = func(h *common.ChannelHeader) { h.TxId = id }
	envelope, _ := p.ConfigTx(c)
	p.commits(valid, valid)(envelope, call)
	c = p.without("Org2")
	c.Header = func(h *common.ChannelHeader) { h.TxId = id }
	envelope, _ = p.ConfigTx(c)
	p.commits(valid)(envelope) // though the ledger knows the id
}

// What was endorsed under one definition cannot be committed under the next:
// every endorsement carries a read of the sequence.
func TestAnUpgradeInvalidatesWhatWasEndorsedBefore(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	key := definition.SequenceKey("cc")
	call := func(at ledger.Version) []byte {
		set, ns := cc()
		set.NS(definition.Namespace).Read(key, ledgertest.At(at.Block, at.Tx))
		ns.Write("k", "1")
		return p.call(set, org1, org2, org3)
	}
	p.commits(valid)(call(ledger.Version{Block: 1}))
	upgrade := p.Define(ledgertest.Definition{Name: "cc", Version: "2", Sequence: 2, Policy: "AND('Org1MSP.peer','Org3MSP.peer')"})
	f := p.commits(valid, valid, conflict)(call(ledger.Version{Block: 1}), upgrade, call(ledger.Version{Block: 1}))
	if f.Namespace != definition.Namespace || f.Key != key || *f.Found != (ledger.Version{Block: 3, Tx: 1}) {
		t.Errorf("in the block of the upgrade: %+v", f)
	}
	f = p.commits(conflict)(call(ledger.Version{Block: 1}))
	if f.Key != key || *f.Read != (ledger.Version{Block: 1}) || *f.Found != (ledger.Version{Block: 3, Tx: 1}) {
		t.Errorf("after it: %+v", f)
	}
	p.commits(valid)(call(ledger.Version{Block: 3, Tx: 1}))
	set, ns := cc()
	ns.Write("k", "1")
	p.commits(tooFew, valid)(p.call(set, org1, org2), p.call(set, org1, org3)) // the new policy
}
