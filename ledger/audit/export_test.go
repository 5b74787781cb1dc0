package audit_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ledgertest"
)

func export(t *testing.T, b audit.Blocks, form audit.Form, from, to uint64) []string {
	t.Helper()
	var out bytes.Buffer
	if err := audit.Export(t.Context(), b, &out, form, from, to, nil); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestABlockIsALine(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	lines := export(t, n.chain, audit.FormBlocks, 0, math.MaxUint64)
	if len(lines) != 15 {
		t.Fatalf("%d lines of 15 blocks", len(lines))
	}
	for i, line := range lines {
		var b audit.Block
		n.check(json.Unmarshal([]byte(line), &b))
		raw, err := n.chain.Block(uint64(i))
		n.check(err)
		if b.Number != uint64(i) || !bytes.Equal(b.Hash, block.HeaderHash(raw.Header)) || !bytes.Equal(b.CommitHash, block.CommitHash(raw)) ||
			len(b.Transactions) != len(raw.Data.Data) || b.Bytes != proto.Size(raw) {
			t.Errorf("block %d is %s", i, line)
		}
		if i > 0 && (len(b.Signers) != 1 || b.Signers[0].MSPID != "OrdererMSP") {
			t.Errorf("block %d is signed by %v", i, b.Signers)
		}
	}
	if some := export(t, n.chain, audit.FormFabric, 3, 4); len(some) != 2 || !strings.Contains(some[0], `"header":{`) || !json.Valid([]byte(some[1])) {
		t.Errorf("in Fabric's form: %.200s", some)
	}
	if none := export(t, n.chain, audit.FormBlocks, 15, 20); len(none) != 1 || none[0] != "" {
		t.Errorf("beyond the newest: %q", none)
	}
}

func TestATransactionIsALineWithAllThatItDid(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"}))
	set := ledgertest.NewRWSet()
	set.NS("cc").Read("a", ledgertest.At(1, 2)).Read("absent", nil).Write("bin", "\xff\x00").Write("text", "é\x00").Delete("gone").
		Range("", "z").Metadata("m", ledgertest.ValidationParameter([]byte{0xff})).Coll("secret").Read("k", nil).Write("k", "v")
	n.commit(n.net.Tx(ledgertest.Tx{Chaincode: "cc", Set: set, Args: [][]byte{[]byte("f"), {0xff}}}))
	lines := export(t, n.chain, audit.FormTransactions, 2, 2)
	for _, want := range []string{
		`"block":2,`, `"index":0,`, `"type":"ENDORSER_TRANSACTION"`, `"code":"`, `"creator":{"mspID":"Org1MSP","name":"`,
		`"chaincode":"cc","version":"1"`, `"arguments":["f",{"base64":"/w=="}]`, `"response":{"status":200}`,
		`{"key":"a","version":{"block":1,"index":2}},{"key":"absent","version":null}`,
		`{"key":"bin","value":{"base64":"/wA="}},{"key":"text","value":"é\u0000"},{"key":"gone","delete":true}`,
		`"ranges":[{"start":"","end":"z","exhausted":true}]`,
		`"metadata":[{"key":"m","entries":[{"name":"VALIDATION_PARAMETER","value":{"base64":"/w=="}}]}]`,
		`"collections":[{"collection":"secret","reads":[{"keyHash":"`, `"valueHash":"`,
	} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("there is no %s in\n%s", want, lines[0])
		}
	}
}

// What outsiders made is printed as far as it goes.
func TestNonsenseIsPrintedAsFarAsItGoes(t *testing.T) {
	good := ledgertest.New(t)
	tx := good.Tx(ledgertest.Tx{Chaincode: "cc"})
	for _, envelopes := range [][][]byte{{{}}, {{0xff}}, {tx[:len(tx)-1]}, {tx[:len(tx)/2], tx}, {bytes.Repeat([]byte{0x0a}, 300)}} {
		b := block.New(7, nil, envelopes)
		d, err := audit.Decode(b)
		if err != nil || len(d.Transactions) != len(envelopes) || d.Transactions[0].Problem == "" {
			t.Errorf("%v, %+v", err, d)
			continue
		}
		if _, err := json.Marshal(d); err != nil {
			t.Error(err)
		}
	}
	for _, b := range []*common.Block{nil, {}, {Header: &common.BlockHeader{}}} {
		if _, err := audit.Decode(b); err == nil {
			t.Errorf("%v was decoded", b)
		}
	}
}

func FuzzDecode(f *testing.F) {
	n := ledgertest.New(f)
	set := ledgertest.NewRWSet()
	set.NS("cc").Write("k", "v")
	for _, envelope := range [][]byte{n.Tx(ledgertest.Tx{Chaincode: "cc", Set: set}), n.Genesis.Data.Data[0], {}} {
		raw, err := proto.Marshal(block.New(1, nil, [][]byte{envelope}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := &common.Block{}
		if proto.Unmarshal(raw, b) != nil {
			return
		}
		d, err := audit.Decode(b)
		if err != nil {
			return
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &audit.Block{}); err != nil {
			t.Fatal(err)
		}
	})
}
