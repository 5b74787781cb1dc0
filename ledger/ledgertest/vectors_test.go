package ledgertest_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"github.com/weft-network/weft/ledger/merkle"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
)

// vectors reads one kind of those in testdata/fabric.json, which Fabric's own
// code printed: each kind names the file and the functions, the whole names the
// commit.
func vectors[T any](t *testing.T, kind string) []T {
	t.Helper()
	raw, err := os.ReadFile("testdata/fabric.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors map[string]struct{ Cases json.RawMessage }
	}
	var cases []T
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file.Vectors[kind].Cases, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatalf("there are no vectors of %s", kind)
	}
	return cases
}

// octets are written in hexadecimal.
type octets []byte

func (o *octets) UnmarshalText(s []byte) error {
	var err error
	*o, err = hex.DecodeString(string(s))
	return err
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %x, in Fabric %x", what, got, want)
	}
}

func TestHeadersAreFabrics(t *testing.T) {
	for _, v := range vectors[struct {
		Number                      string
		Previous, Data, Bytes, Hash octets
	}](t, "header") {
		n, err := strconv.ParseUint(v.Number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		h := &common.BlockHeader{Number: n, PreviousHash: v.Previous, DataHash: v.Data}
		same(t, "header "+v.Number, block.HeaderBytes(h), v.Bytes)
		same(t, "hash of header "+v.Number, block.HeaderHash(h), v.Hash)
	}
}

func TestDataHashesAreFabrics(t *testing.T) {
	for _, v := range vectors[struct {
		Envelopes []octets
		Hash      octets
	}](t, "data") {
		d := &common.BlockData{}
		for _, e := range v.Envelopes {
			d.Data = append(d.Data, e)
		}
		same(t, fmt.Sprintf("hash of %x", v.Envelopes), block.DataHash(d), v.Hash)
	}
}

func TestTransactionIDsAreFabrics(t *testing.T) {
	for _, v := range vectors[struct {
		Nonce, Creator octets
		ID             string
	}](t, "transaction id") {
		if got := ident.TxID(v.Nonce, v.Creator); got != v.ID {
			t.Errorf("the id of %x and %x is %s, in Fabric %s", v.Nonce, v.Creator, got, v.ID)
		}
	}
}

// A commit hash covers the update bytes; the model, which makes both from
// bytes, is held to the same vectors.
func TestCommitHashesAreFabrics(t *testing.T) {
	type update struct {
		Namespace, Collection string
		Key, Value, Metadata  octets
		Block, Tx             uint64
	}
	for i, v := range vectors[struct {
		Previous, Codes, Bytes, Hash octets
		Updates                      []update
	}](t, "commit hash") {
		var batch state.Batch
		pending := map[modeltest.Key]*modeltest.Value{}
		for _, u := range v.Updates {
			batch = append(batch, state.Update{
				Namespace: u.Namespace, Collection: u.Collection, Key: string(u.Key), Value: u.Value, Metadata: u.Metadata,
				Delete: len(u.Value) == 0, Version: ledger.Version{Block: u.Block, Tx: u.Tx},
			})
			pending[modeltest.Key{Namespace: u.Namespace, Collection: u.Collection, Name: string(u.Key)}] = &modeltest.Value{Value: string(u.Value), Block: u.Block, Tx: u.Tx}
		}
		slices.SortFunc(batch, func(a, b state.Update) int {
			return slices.Compare([]string{a.Namespace, a.Collection, a.Key}, []string{b.Namespace, b.Collection, b.Key})
		})
		codes := make([]ledger.Code, len(v.Codes))
		for i, c := range v.Codes {
			codes[i] = ledger.Code(c)
		}
		same(t, fmt.Sprintf("commit hash %d", i), state.CommitHash(v.Previous, codes, batch), v.Hash)
		same(t, fmt.Sprintf("commit hash %d of the model", i), modeltest.CommitHash(v.Previous, codes, pending), v.Hash)
	}
}

func TestSignaturePoliciesAreFabrics(t *testing.T) {
	for _, v := range vectors[struct {
		Words string
		Bytes octets
	}](t, "signature policy") {
		env, err := policy.Parse(v.Words)
		if err != nil {
			t.Errorf("%s: %v", v.Words, err)
			continue
		}
		same(t, v.Words, ledgertest.Encode(env), v.Bytes)
	}
}

func TestKeyMetadataIsFabrics(t *testing.T) {
	for _, v := range vectors[struct {
		Entries []struct {
			Name  string
			Value octets
		}
		Bytes octets
	}](t, "key metadata") {
		var entries []ledger.MetadataEntry
		for _, e := range v.Entries {
			entries = append(entries, ledger.MetadataEntry{Name: e.Name, Value: e.Value})
		}
		raw, err := state.EncodeMetadata(entries)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint(v.Entries), raw, v.Bytes)
	}
}

func TestRangeSummariesAreFabrics(t *testing.T) {
	for _, v := range vectors[struct {
		Degree  uint32
		Results int
		Summary octets
	}](t, "range summary") {
		tree, err := merkle.New(v.Degree)
		if err != nil {
			t.Fatal(err)
		}
		var results []*kvrwset.KVRead
		for i := range v.Results {
			key, at := fmt.Sprintf("key%04d", i), ledger.Version{Block: uint64(i), Tx: uint64(i % 7)}
			tree.Add(key, at)
			results = append(results, &kvrwset.KVRead{Key: key, Version: ledgertest.At(at.Block, at.Tx)})
		}
		what := fmt.Sprintf("the summary of %d results of degree %d", v.Results, v.Degree)
		if _, sum := tree.Done(); sum != nil || len(v.Summary) > 0 {
			same(t, what, ledgertest.Encode(sum), v.Summary)
		}
		if sum := modeltest.Summary(int(v.Degree), results); sum != nil || len(v.Summary) > 0 {
			same(t, what+" by the model", ledgertest.Encode(sum), v.Summary)
		}
	}
}

// Hashes of proposals, as transactions carry them: one with the right hash gets
// past rule 7, one with another does not.
func TestProposalHashesAreFabrics(t *testing.T) {
	n := ledgertest.New(t)
	for _, v := range vectors[struct {
		ChannelHeader   octets `json:"channel header"`
		SignatureHeader octets `json:"signature header"`
		Committed, Hash octets
	}](t, "proposal hash") {
		same(t, "the proposal hash", ledgertest.ProposalHash(v.ChannelHeader, v.SignatureHeader, v.Committed), v.Hash)
	}
	good := n.Tx(ledgertest.Tx{Chaincode: "cc"})
	bad := n.Tx(ledgertest.Tx{Chaincode: "cc", Endorsed: func(c *peer.ChaincodeActionPayload) { c.ChaincodeProposalPayload[0] ^= 1 }})
	if tx := ledger.ParseTx(good); tx.Rule != 0 {
		t.Errorf("refused: %s", tx.Why)
	}
	if tx := ledger.ParseTx(bad); tx.Rule != ledger.RuleTransaction {
		t.Errorf("another proposal is not noticed: rule %d", tx.Rule)
	}
}

// What the simulator makes of the same reads and writes.
func TestReadWriteSetsAreFabrics(t *testing.T) {
	type row struct {
		Kind  string
		Bytes octets
	}
	for _, v := range vectors[row](t, "read-write set") {
		set, err := ledger.ParseRWSet(v.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(set); got != strings.TrimSpace(rwsets[v.Kind]) {
			t.Errorf("%s:\n%s", v.Kind, got)
		}
		if v.Kind == "public" {
			same(t, "the simulator's read-write set", simulate(t), v.Bytes)
		}
	}
}

func simulate(t *testing.T) []byte {
	s := sim.New(fixed{
		{"_lifecycle", "namespaces/fields/cc/Sequence"}: {Block: 2},
		{"cc", "b"}: {Block: 3, Tx: 1},
	})
	for _, read := range [][2]string{{"cc", "b"}, {"cc", "a"}, {"_lifecycle", "namespaces/fields/cc/Sequence"}} {
		if _, err := s.Get(read[0], read[1]); err != nil {
			t.Fatal(err)
		}
	}
	it, err := s.Range("cc", "a", "c")
	if err != nil {
		t.Fatal(err)
	}
	for it.Next() {
	}
	for _, err := range []error{
		it.Close(), s.Put("cc", "b", []byte("new")), s.Delete("cc", "a"),
		s.PutMetadata("cc", "b", "VALIDATION_PARAMETER", []byte("policy")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := s.Results()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// describe writes a set down, one line for each thing in it.
func describe(set *ledger.RWSet) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	at := func(v *ledger.Version) string {
		if v == nil {
			return "absent"
		}
		return fmt.Sprintf("%d:%d", v.Block, v.Tx)
	}
	for _, ns := range set.Namespaces {
		for _, r := range ns.Reads {
			add("%s read %s %s", ns.Namespace, r.Key, at(r.Version))
		}
		for _, q := range ns.Ranges {
			add("%s range %s %s %d", ns.Namespace, q.StartKey, q.EndKey, len(q.GetRawReads().GetKvReads()))
		}
		for _, w := range ns.Writes {
			add("%s write %s %q %t", ns.Namespace, w.Key, w.Value, w.Delete)
		}
		for _, m := range ns.Metadata {
			add("%s metadata %s %s", ns.Namespace, m.Key, m.Entries)
		}
		for _, c := range ns.Collections {
			for _, r := range c.Reads {
				add("%s/%s read %.2x %s", ns.Namespace, c.Name, r.KeyHash, at(r.Version))
			}
			for _, w := range c.Writes {
				add("%s/%s write %.2x %.2x %t %t", ns.Namespace, c.Name, w.KeyHash, w.ValueHash, w.Delete, w.Purge)
			}
			for _, m := range c.Metadata {
				add("%s/%s metadata %.2x %s", ns.Namespace, c.Name, m.KeyHash, m.Entries)
			}
		}
	}
	return strings.Join(lines, "\n")
}

const publicSet = `
_lifecycle read namespaces/fields/cc/Sequence 2:0
cc read a absent
cc read b 3:1
cc range a c 1
cc write a "" true
cc write b "new" false
cc metadata b [{VALIDATION_PARAMETER policy}]
`

var rwsets = map[string]string{"public": publicSet, "collections": publicSet + `cc/other metadata 8e35 [{VALIDATION_PARAMETER policy}]
cc/secret read 5ad3 absent
cc/secret read 148d 4:0
cc/secret write 283b  true false
cc/secret write 148d 715d false false
cc/secret write 06ff  true true`}

// fixed are keys with the value "value".
type fixed map[[2]string]ledger.Version

func (f fixed) Get(ns, key string) ([]byte, *ledger.Version, error) {
	v, ok := f[[2]string{ns, key}]
	if !ok {
		return nil, nil, nil
	}
	return []byte("value"), &v, nil
}

func (f fixed) Entry(ns, _, key string) (*state.Entry, error) {
	value, v, err := f.Get(ns, key)
	if v == nil {
		return nil, err
	}
	return &state.Entry{Value: value, Version: *v}, nil
}

func (f fixed) NoMetadata() bool { return true }

func (f fixed) Range(ns, start, end string) (state.Iterator, error) {
	w := &walk{}
	for k, v := range f {
		if k[0] == ns && k[1] >= start && (end == "" || k[1] < end) {
			w.left = append(w.left, ledger.KV{Key: k[1], Value: []byte("value"), Version: v})
		}
	}
	slices.SortFunc(w.left, func(a, b ledger.KV) int { return strings.Compare(a.Key, b.Key) })
	return w, nil
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
