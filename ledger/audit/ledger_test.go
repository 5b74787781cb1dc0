package audit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/validate"
)

// node is a peer, or an orderer, that commits what a test gives it.
type node struct {
	t      testing.TB
	kind   audit.Kind
	net    *ledgertest.Network
	blocks *ledgertest.Blocks
	dir    string
	chain  *chain.Chain
	cfg    *channel.Config
	// lie changes what the node notes of a block, if it is set.
	lie func(b *ledger.Block, r *validate.Result)
	// forge changes a block on its way to the node.
	forge func(*common.Block)
}

func newNode(t testing.TB, kind audit.Kind) *node {
	t.Helper()
	net := ledgertest.New(t)
	n := &node{t: t, kind: kind, net: net, blocks: net.Blocks(), dir: t.TempDir(), cfg: net.Config}
	o := chain.Options{NoSync: true, SegmentBytes: 40_000}
	if kind == audit.Peer {
		o.Replay = validate.Updates
	}
	var err error
	n.chain, err = chain.Open(n.dir, o)
	n.check(err)
	t.Cleanup(func() { _ = n.chain.Close() })
	genesis := net.Parse(net.Genesis)
	genesis.Block = &common.Block{Header: genesis.Header, Data: genesis.Data, Metadata: &common.BlockMetadata{Metadata: make([][]byte, block.Slots)}}
	n.take(genesis)
	return n
}

func (n *node) check(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// commit has the node commit a block of envelopes.
func (n *node) commit(envelopes ...[]byte) {
	n.t.Helper()
	b := n.blocks.Next(envelopes...)
	if n.forge != nil {
		n.forge(b)
	}
	n.take(n.net.Parse(b))
}

func (n *node) take(b *ledger.Block) {
	n.t.Helper()
	if n.kind == audit.Orderer {
		n.check(n.chain.Append(b, chain.Commit{}))
		return
	}
	p, err := validate.Prepare(context.Background(), b, n.cfg, 1)
	n.check(err)
	s := n.chain.Snapshot()
	r, err := p.Finish(s)
	n.check(err)
	n.check(s.Close())
	if n.lie != nil {
		n.lie(b, r)
	}
	block.SetCodes(b.Block, r.Codes)
	if r.Config != nil {
		n.cfg = r.Config
	}
	n.check(n.chain.Append(b, chain.Commit{Updates: r.Updates, Findings: r.Findings}))
}

func (n *node) close() string {
	n.t.Helper()
	n.check(n.chain.Close())
	return n.dir
}

// put is a transaction that writes one key, read at a version before.
func (n *node) put(key, value string, read ...uint64) []byte {
	n.t.Helper()
	set := ledgertest.NewRWSet()
	if len(read) == 2 {
		set.NS("cc").Read(key, ledgertest.At(read[0], read[1]))
	}
	set.NS("cc").Write(key, value)
	return n.net.Tx(ledgertest.Tx{Chaincode: "cc", Set: set, Args: [][]byte{[]byte("put"), []byte(key)}})
}

// endorsedBy is a transaction with those endorsers only.
func (n *node) endorsedBy(signers ...ident.Signer) []byte {
	n.t.Helper()
	set := ledgertest.NewRWSet()
	set.NS("cc").Write("x", "y")
	return n.net.Tx(ledgertest.Tx{Chaincode: "cc", Set: set, Endorsers: signers})
}

// history commits a bit of everything: definitions, writes, a conflict, a
// policy that fails, a configuration, deletes.
func (n *node) history() {
	n.t.Helper()
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "AND('Org1MSP.peer','Org2MSP.peer')"}))
	n.commit(n.put("a", "1"), n.put("b", "1"))
	n.commit(n.put("a", "2", 2, 0), n.put("a", "3", 2, 0), n.endorsedBy(n.net.Peer(0)))
	raw, _ := n.net.ConfigTx(ledgertest.ConfigTx{From: n.net.Config.Proto, Edit: func(g *common.ConfigGroup) {
		delete(g.Groups["Application"].Groups["Org2"].Values, "AnchorPeers")
	}})
	n.commit(raw)
	for i := range 10 {
		n.commit(n.put(fmt.Sprintf("k%d", i%7), fmt.Sprint(i)), n.put("b", ""))
	}
}

// copied is a copy of a directory.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// fingerprint is a hash over every path and byte below a directory.
func fingerprint(t *testing.T, dir string) [32]byte {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %s %d\n", path, info.Mode(), info.Size())
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		h.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}
