package endorse_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/endorse/endorsetest"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/build"
)

var cacheDir string // of machine code, for all tests

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "weft-endorse-test-")
	if err != nil {
		panic(err)
	}
	cacheDir = filepath.Join(dir, "compiled")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// probe is Fabric chaincode that makes whatever calls it is told, compiled once.
var probe = sync.OnceValues(func() (*wasm.Module, error) {
	code, err := build.Chaincode(context.Background(), filepath.Join("..", "..", "wasm", "testdata", "probe"), "", build.Options{})
	if err != nil {
		return nil, err
	}
	r, err := wasm.New(wasm.Config{CacheDir: cacheDir})
	if err != nil {
		return nil, err
	}
	return r.Load(context.Background(), "probe:1", code.Code)
})

// stage is a channel on which Fabric chaincode runs as WebAssembly, and each
// endorsed transaction is validated and committed in a block of its own.
type stage struct {
	*world
	t   *testing.T
	ids []string // of the transactions, by their number
}

// The chaincodes of a stage: the probe, and the same under another name.
func newStage(t *testing.T, edits ...func(*definition.Definition)) *stage {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles a large module, which takes minutes under the race detector")
	}
	m, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{world: newWorld(t), t: t}
	s.config.Chaincodes = loaded{"probe": m, "other": m}
	for _, name := range []string{"probe", "other"} {
		d := definition.Definition{Name: name, Version: "1.0", Sequence: 1}
		for _, edit := range edits {
			edit(&d)
		}
		s.channel.Define(d)
	}
	return s
}

// call is one call of a method of the stub.
func call(words ...string) string {
	raw, err := json.Marshal(words)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// request is the next proposal: a second after the one before.
func (s *stage) request(args ...string) endorsetest.Request {
	return endorsetest.Request{
		Signer: s.user.Signer(), Channel: "channel1", Chaincode: "probe", Args: endorsetest.Args(args...),
		Number: uint64(len(s.ids)), At: endorsetest.Now().Add(time.Duration(len(s.ids)) * time.Second),
	}
}

// endorsedBy has peers of these organisations endorse.
func (s *stage) endorsedBy(sp *peer.SignedProposal, orgs ...*catest.Org) []*peer.ProposalResponse {
	s.t.Helper()
	var all []*peer.ProposalResponse
	for _, org := range orgs {
		config := s.config
		config.Signer = org.Peer("peer0").Signer()
		resp, err := endorse.New(config).Process(s.t.Context(), sp)
		if err != nil || resp.Endorsement == nil {
			s.t.Fatalf("%s: %v, %v", org.Spec.MSPID, resp, err)
		}
		all = append(all, resp)
	}
	return all
}

// do makes calls in one transaction of all organisations' and commits it; it
// answers what they answered, what the transaction read and wrote, and what
// became of it.
func (s *stage) do(calls ...string) (answers, set string, code ledger.Code) {
	s.t.Helper()
	responses, envelope := s.prepare([]*catest.Org{s.org1, s.org2}, calls...)
	code = s.channel.Submit(envelope)[0]
	return s.words(string(responses[0].Response.Payload)), s.words(told(s.t, responses[0])), code
}

// prepare has calls endorsed and made a transaction.
func (s *stage) prepare(orgs []*catest.Org, calls ...string) ([]*peer.ProposalResponse, []byte) {
	s.t.Helper()
	sp := s.request(append([]string{"do"}, calls...)...).Sign(s.t)
	p, err := endorse.Unpack(sp)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ids = append(s.ids, p.TxID)
	responses := s.endorsedBy(sp, orgs...)
	for _, r := range responses {
		if !bytes.Equal(r.Payload, responses[0].Payload) {
			s.t.Fatal("two peers endorse different bytes")
		}
	}
	return responses, endorsetest.Transaction(s.t, s.user.Signer(), sp, responses...)
}

// words gives transactions their numbers in place of their ids and times.
func (s *stage) words(text string) string {
	for i, id := range s.ids {
		at := endorsetest.Now().Add(time.Duration(i) * time.Second).Unix()
		text = strings.ReplaceAll(text, fmt.Sprintf("%s@%d", id, at), fmt.Sprint("t", i))
		text = strings.ReplaceAll(text, id, fmt.Sprint("t", i))
	}
	return strings.TrimSpace(strings.ReplaceAll(text, "\x00", "·"))
}

// told tells the read-write set of a response, without the definitions read.
func told(t *testing.T, r *peer.ProposalResponse) string {
	t.Helper()
	var lines []string
	sets := rwsets(t, action(t, r).Results)
	for _, name := range []string{"other", "probe"} {
		prefix := strings.TrimPrefix(name+": ", "probe: ")
		for _, line := range setLines(sets[name]) {
			lines = append(lines, prefix+line)
		}
	}
	return strings.Join(lines, "\n")
}

func setLines(set *kvrwset.KVRWSet) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, r := range set.GetReads() {
		say("read %s%s", r.Key, at(r.Version))
	}
	for _, q := range set.GetRangeQueriesInfo() {
		line := fmt.Sprintf("range %s to %s, exhausted %t:", q.StartKey, q.EndKey, q.ItrExhausted)
		for _, r := range q.GetRawReads().GetKvReads() {
			line += " " + r.Key + at(r.Version)
		}
		if h := q.GetReadsMerkleHashes(); h != nil {
			line += fmt.Sprintf(" %d hashes of level %d", len(h.MaxLevelHashes), h.MaxLevel)
		}
		lines = append(lines, line)
	}
	for _, w := range set.GetWrites() {
		say("write %s=%s%s", w.Key, w.Value, map[bool]string{true: "(delete)"}[w.IsDelete])
	}
	for _, m := range set.GetMetadataWrites() {
		for _, e := range m.Entries {
			say("metadata %s: %s=%s", m.Key, e.Name, e.Value)
		}
	}
	return lines
}

func at(v *kvrwset.Version) string {
	if v == nil {
		return "@none"
	}
	return fmt.Sprintf("@%d", v.BlockNum)
}
