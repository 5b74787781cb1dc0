package validate

import (
	"reflect"
	"slices"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// peerOf is a peer of a network of Org1, Org2 and Org3: it validates and
// commits the blocks that the test makes.
type peerOf struct {
	*ledgertest.Network
	t      testing.TB
	blocks *ledgertest.Blocks
	cfg    *channel.Config
	state  *memory
}

func newPeer(t testing.TB, definitions ...ledgertest.Definition) *peerOf {
	return peerOn(t, ledgertest.New(t, "Org1", "Org2", "Org3"), definitions...)
}

func peerOn(t testing.TB, n *ledgertest.Network, definitions ...ledgertest.Definition) *peerOf {
	p := &peerOf{Network: n, t: t, blocks: n.Blocks(), cfg: n.Config, state: &memory{ids: map[string]bool{}}}
	if len(definitions) > 0 {
		p.commits(valid)(n.Define(definitions...))
	}
	return p
}

func (p *peerOf) finish(b *ledger.Block) (*Result, error) {
	set, err := Prepare(p.t.Context(), b, p.cfg, 2)
	if err != nil {
		p.t.Fatal(err)
	}
	return set.Finish(p.state)
}

// commit validates and applies a block of the envelopes, and checks that a
// replay gives the same.
func (p *peerOf) commit(envelopes ...[]byte) *Result {
	p.t.Helper()
	b := p.Parse(p.blocks.Next(envelopes...))
	r, err := p.finish(b)
	if err != nil {
		p.t.Fatal(err)
	}
	block.SetCodes(b.Block, r.Codes)
	again, err := Updates(b, p.state)
	if err != nil || !reflect.DeepEqual(again, r.Updates) {
		p.t.Fatalf("a replay gives %+v, %v, not %+v", again, err, r.Updates)
	}
	p.state.apply(r.Updates)
	for _, t := range b.Txs {
		p.state.ids[t.TxID()] = true
	}
	if r.Config != nil {
		p.cfg = r.Config
	}
	return r
}

// commits is commit that checks the codes, and gives the last finding.
func (p *peerOf) commits(codes ...ledger.Code) func(envelopes ...[]byte) *ledger.Finding {
	return func(envelopes ...[]byte) *ledger.Finding {
		p.t.Helper()
		r := p.commit(envelopes...)
		if !slices.Equal(r.Codes, codes) {
			p.t.Fatalf("want %v, got%s", codes, show(r))
		}
		return r.Findings[len(r.Findings)-1]
	}
}

// call is a transaction of cc, endorsed by peers of those organisations.
func (p *peerOf) call(set *ledgertest.RWSet, orgs ...int) []byte {
	t := ledgertest.Tx{Chaincode: "cc", Set: set, Endorsers: []ident.Signer{}}
	for _, i := range orgs {
		t.Endorsers = append(t.Endorsers, p.Peer(i))
	}
	return p.Tx(t)
}

// cc is a read-write set with the part of cc.
func cc() (*ledgertest.RWSet, *ledgertest.Namespace) {
	set := ledgertest.NewRWSet()
	return set, set.NS("cc")
}

func write(key, value string) *ledgertest.RWSet {
	set, ns := cc()
	ns.Write(key, value)
	return set
}

// own puts a key under the policy of one organisation.
func (p *peerOf) own(words string) []byte { return ledgertest.Encode(p.Policy(words)) }

func describes(key string, policy []byte) *ledgertest.RWSet {
	set, ns := cc()
	if policy == nil {
		ns.Metadata(key)
	} else {
		ns.Metadata(key, ledgertest.ValidationParameter(policy))
	}
	return set
}

const (
	org1, org2, org3 = 0, 1, 2
	both             = "AND('Org1MSP.peer','Org2MSP.peer')"
)
