package block_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Headers and hashes of a ledger that Fabric wrote
// (internal/ledgerutil/testdata/sample_prod).
func TestHeaderHashesAreFabrics(t *testing.T) {
	for _, v := range []struct {
		number           uint64
		prev, data, hash string
	}{
		{0, "", "2aaa2d6e91d8b6ca889004b975328e114f9169c30fe437284385095cd5584104", "c4a1491ab9a62e9125b3cbab3a782ea1f56e24c608620d85bb940585d059a2a1"},
		{1, "c4a1491ab9a62e9125b3cbab3a782ea1f56e24c608620d85bb940585d059a2a1", "f38eb85e2157d17b41a4220a356ec22111851951df646ab1b30c3c8ad1627575", "e785e7c8a054685b73763ab79750bd7e4ffe4fe377992f96a3618e19ea6b29d9"},
		{7, "72eacca7e750be47a4bc8ead206df62336ccb4dde06c85f9d4d03a9f87414811", "dea1b63f3bb144a17221ea9aa54087a0995748c0ce2e724d87e8bea4c747de03", "ba00545bfd2681a2453c26b281ea932fedf53bc40c5dd5a9091ab8df8fc4d371"},
	} {
		h := &common.BlockHeader{Number: v.number, PreviousHash: unhex(v.prev), DataHash: unhex(v.data)}
		if got := hex.EncodeToString(block.HeaderHash(h)); got != v.hash {
			t.Errorf("block %d: hash %s, Fabric has %s", v.number, got, v.hash)
		}
	}
}

func TestNumbersAboveInt64AreEncodedAsPositive(t *testing.T) {
	got := block.HeaderBytes(&common.BlockHeader{Number: math.MaxUint64})
	if want := unhex("300f" + "020900ffffffffffffffff" + "0400" + "0400"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestDataHashIsOverTheConcatenation(t *testing.T) {
	cut := &common.BlockData{Data: [][]byte{[]byte("ab"), []byte("c")}}
	whole := &common.BlockData{Data: [][]byte{[]byte("abc")}}
	if !bytes.Equal(block.DataHash(cut), block.DataHash(whole)) {
		t.Error("the hash depends on where envelopes are cut")
	}
}

func envelope(payload string) []byte {
	raw, err := proto.Marshal(&common.Envelope{Payload: []byte(payload), Signature: []byte("s")})
	if err != nil {
		panic(err)
	}
	return raw
}

// signers is a policy that names the common names it wants to see.
type signers []string

func (s signers) Evaluate(ids []*ident.Identity) error {
	var got []string
	for _, id := range ids {
		got = append(got, id.Cert.Subject.CommonName)
	}
	if !slices.Equal(got, s) {
		return errors.New("signed by " + strings.Join(got, ", "))
	}
	return nil
}

type chain struct {
	set  *ident.Set
	sign ident.Signer
	prev []byte
}

func newChain(t *testing.T) chain {
	org := catest.NewOrderer(t)
	return chain{catest.Set(t, org), org.Orderer("orderer0").Signer(), []byte("the hash before")}
}

func (c chain) block(t *testing.T) *common.Block {
	b := block.New(7, c.prev, [][]byte{envelope("one"), envelope("two")})
	if err := block.Sign(b, c.sign, 3, []byte("raft")); err != nil {
		t.Fatal(err)
	}
	return b
}

func (c chain) check(t *testing.T, b *common.Block) error {
	p, err := ledger.ParseBlock(b)
	if err != nil {
		return err
	}
	return block.Check(p, 7, c.prev, c.set, signers{c.sign.Certificate().Subject.CommonName})
}

func TestASignedBlockChecksAndTellsWhatItWasSignedWith(t *testing.T) {
	c := newChain(t)
	b := c.block(t)
	if err := c.check(t, b); err != nil {
		t.Fatal(err)
	}
	if n, err := block.LastConfig(b); n != 3 || err != nil {
		t.Errorf("last config %d, %v", n, err)
	}
	if md, err := block.ConsenterMetadata(b); string(md) != "raft" || err != nil {
		t.Errorf("consenter metadata %q, %v", md, err)
	}
	b.Metadata.Metadata[common.BlockMetadataIndex_SIGNATURES] = nil
	if n, err := block.LastConfig(b); n != 3 || err != nil {
		t.Errorf("last config of the unsigned slot %d, %v", n, err)
	}
}

func TestATamperedBlockIsRefused(t *testing.T) {
	c := newChain(t)
	rehash := func(b *common.Block) { b.Header.DataHash = block.DataHash(b.Data) }
	for name, tamper := range map[string]func(b *common.Block){
		"its number":         func(b *common.Block) { b.Header.Number++ },
		"its previous hash":  func(b *common.Block) { b.Header.PreviousHash = []byte("x") },
		"its data hash":      func(b *common.Block) { b.Data.Data[0] = envelope("three") },
		"metadata slots":     func(b *common.Block) { b.Metadata.Metadata = b.Metadata.Metadata[:4] },
		"more than 16":       func(b *common.Block) { b.Metadata.Metadata = append(b.Metadata.Metadata, make([][]byte, 12)...) },
		"more than 1048576":  func(b *common.Block) { b.Metadata.Metadata[3] = make([]byte, 1<<20) },
		"canonical encoding": func(b *common.Block) { b.Data.Data[0] = append(b.Data.Data[0], envelope("x")...); rehash(b) },
		"no signature": func(b *common.Block) {
			b.Data.Data[0], _ = proto.Marshal(&common.Envelope{Payload: []byte("p")})
			rehash(b)
		},
		"no payload":                    func(b *common.Block) { b.Data.Data[1] = []byte{}; rehash(b) },
		"transaction 0: proto":          func(b *common.Block) { b.Data.Data[0] = []byte{0xff}; rehash(b) },
		"block validation policy":       func(b *common.Block) { b.Data.Data[0] = envelope("three"); rehash(b) },
		"signature metadata":            func(b *common.Block) { b.Metadata.Metadata[0] = []byte{0xff} },
		"signed by":                     func(b *common.Block) { b.Metadata.Metadata[0] = []byte{} },
		"more than 256":                 func(b *common.Block) { b.Metadata.Metadata[0] = manySignatures() },
		"signature 0: signature header": func(b *common.Block) { b.Metadata.Metadata[0] = badSignatureHeader() },
	} {
		b := c.block(t)
		tamper(b)
		err := c.check(t, b)
		// protobuf varies the space in its messages.
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "\u00a0", " "), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manySignatures() []byte {
	md := &common.Metadata{Signatures: make([]*common.MetadataSignature, 257)}
	for i := range md.Signatures {
		md.Signatures[i] = &common.MetadataSignature{}
	}
	raw, _ := proto.Marshal(md)
	return raw
}

func badSignatureHeader() []byte {
	raw, _ := proto.Marshal(&common.Metadata{Signatures: []*common.MetadataSignature{{SignatureHeader: []byte{0xff}}}})
	return raw
}

func TestMetadataComesBackAsItWasSet(t *testing.T) {
	b := &common.Block{}
	if block.Codes(b) != nil || block.CommitHash(b) != nil {
		t.Error("a block without metadata has codes or a commit hash")
	}
	codes := []ledger.Code{peer.TxValidationCode_VALID, peer.TxValidationCode_INVALID_OTHER_REASON}
	block.SetCodes(b, codes)
	block.SetCommitHash(b, []byte("hash"))
	if !slices.Equal(block.Codes(b), codes) || string(block.CommitHash(b)) != "hash" {
		t.Errorf("codes %v, commit hash %q", block.Codes(b), block.CommitHash(b))
	}
	if len(b.Metadata.Metadata) != block.Slots {
		t.Errorf("%d slots", len(b.Metadata.Metadata))
	}
}

func FuzzCheckBlock(f *testing.F) {
	set, err := ident.NewSet()
	if err != nil {
		f.Fatal(err)
	}
	good, _ := proto.Marshal(block.New(7, []byte("p"), [][]byte{envelope("one")}))
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := &common.Block{}
		if proto.Unmarshal(raw, b) != nil {
			return
		}
		_, _ = block.LastConfig(b)
		_, _ = block.ConsenterMetadata(b)
		_, _ = block.ChannelID(b)
		_, _ = block.Codes(b), block.CommitHash(b)
		p, err := ledger.ParseBlock(b)
		if err != nil {
			return
		}
		if block.Check(p, b.Header.Number, b.Header.PreviousHash, set, signers{"nobody"}) == nil {
			t.Fatal("a block that nobody signed was accepted")
		}
	})
}
