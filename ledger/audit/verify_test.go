package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/validate"
)

func verify(t *testing.T, dir string) *audit.Verification {
	t.Helper()
	v, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Workers: 2, Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAGoodLedgerPassesEveryCheckAndNoByteOfItChanges(t *testing.T) {
	for kind, checks := range map[audit.Kind]int{audit.Peer: 8, audit.Orderer: 5} {
		n := newNode(t, kind)
		n.history()
		commitHash, hash := n.chain.CommitHash(), n.chain.LastHash()
		dir := n.close()
		before := fingerprint(t, dir)
		temp := t.TempDir()
		v, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Workers: 2, Temp: temp})
		if err != nil {
			t.Fatal(err)
		}
		if after := fingerprint(t, dir); after != before {
			t.Errorf("%s: the ledger was changed", kind)
		}
		if left, _ := os.ReadDir(temp); len(left) > 0 {
			t.Errorf("%s: %s was left behind", kind, left[0].Name())
		}
		if v.Fault() != nil || len(v.Results) != checks || len(v.Notes) > 0 {
			t.Errorf("%s: %d checks, fault %v, notes %q", kind, len(v.Results), v.Fault(), v.Notes)
		}
		for _, r := range v.Results {
			if !r.Complete || r.Checked == 0 {
				t.Errorf("%s: %s: %d %s checked, complete %t", kind, r.Check, r.Checked, r.Unit, r.Complete)
			}
		}
		if v.Kind != kind || v.Channel != "channel1" || v.Height != 15 || v.Transactions != 28 ||
			!bytes.Equal(v.CommitHash, commitHash) || !bytes.Equal(v.Hash, hash) || !bytes.Equal(v.Genesis, ledger.HeaderHash(n.net.Genesis.Header)) {
			t.Errorf("%s: %+v", kind, v)
		}
	}
}

// A peer that notes what is not so, or takes what it must not, is found out by
// the check that is about that, at the block where it began.
func TestALieIsFoundWhereItWasTold(t *testing.T) {
	for name, c := range map[string]struct {
		check, says string
		forge       func(n *node) func(*common.Block)
		lie         func(*ledger.Block, *validate.Result)
	}{
		"an invalid transaction is called valid": {
			check: audit.CheckCodes, says: "its code is VALID, but validation gives MVCC_READ_CONFLICT",
			lie: func(b *ledger.Block, r *validate.Result) {
				for i, code := range r.Codes {
					if code == peer.TxValidationCode_MVCC_READ_CONFLICT {
						r.Codes[i] = peer.TxValidationCode_VALID
					}
				}
			},
		},
		"a valid transaction is called invalid": {
			check: audit.CheckCodes, says: "its code is BAD_PAYLOAD, but validation gives VALID",
			lie: func(b *ledger.Block, r *validate.Result) {
				if b.Header.Number == 3 {
					r.Codes[0] = peer.TxValidationCode_BAD_PAYLOAD
				}
			},
		},
		"another value is written": {
			check: audit.CheckCommit, says: "its commit hash is",
			lie: func(b *ledger.Block, r *validate.Result) {
				if b.Header.Number == 3 {
					r.Updates[0].Value = []byte("a fortune")
				}
			},
		},
		"nobody signed": {
			check: audit.CheckSignatures, says: "under configuration 0",
			forge: func(*node) func(*common.Block) {
				return func(b *common.Block) {
					if b.Header.Number == 3 {
						b.Metadata.Metadata[common.BlockMetadataIndex_SIGNATURES] = nil
					}
				}
			},
		},
		"a peer signed": {
			check: audit.CheckSignatures, says: "under configuration 0",
			forge: func(n *node) func(*common.Block) {
				return func(b *common.Block) {
					if b.Header.Number == 3 {
						n.check(block.Sign(b, n.net.Peer(0), 0, nil))
					}
				}
			},
		},
		"the data is other than the header says": {
			check: audit.CheckData, says: "its header says",
			forge: func(n *node) func(*common.Block) {
				return func(b *common.Block) {
					if b.Header.Number == 3 {
						b.Data.Data = append(b.Data.Data, b.Data.Data[0])
					}
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, audit.Peer)
			n.lie = c.lie
			if c.forge != nil {
				n.forge = c.forge(n)
			}
			n.history()
			v := verify(t, n.close())
			f := v.Fault()
			if f == nil || f.Block == nil || *f.Block != 3 || !strings.Contains(f.Error(), c.says) {
				t.Fatalf("the fault is %v", f)
			}
			passed := true
			for _, r := range v.Results {
				if r.Check == c.check {
					passed = false
					if r.Fault != f {
						t.Errorf("it was found by another check: %+v", v.Results)
					}
				}
				if r.Check == audit.CheckLog || r.Unit != "blocks" {
					continue
				}
				if want := map[bool]uint64{true: 4, false: 3}[passed]; r.Checked != want || r.Complete {
					t.Errorf("%s: %d checked (complete: %t), want %d", r.Check, r.Checked, r.Complete, want)
				}
			}
		})
	}
}

// rewrite changes the blocks of a closed ledger, with checksums that are right.
func rewrite(t *testing.T, dir string, change func(blocks []*common.Block) []*common.Block) {
	t.Helper()
	var blocks []*common.Block
	if _, err := chain.ReadLog(dir, chain.Options{}, func(_ uint64, raw []byte, _, _ uint64) error {
		b := &common.Block{}
		blocks = append(blocks, b)
		return proto.Unmarshal(raw, b)
	}); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "blocks")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	log, err := store.OpenLog(folder, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range change(blocks) {
		raw, err := proto.Marshal(b)
		if err == nil {
			_, err = log.Append(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABrokenHashChainIsFound(t *testing.T) {
	for _, kind := range []audit.Kind{audit.Peer, audit.Orderer} {
		n := newNode(t, kind)
		n.history()
		good := n.close()
		for name, change := range map[string]func([]*common.Block) []*common.Block{
			"a block is missing":  func(b []*common.Block) []*common.Block { return slices.Delete(b, 5, 6) },
			"two are exchanged":   func(b []*common.Block) []*common.Block { b[5], b[6] = b[6], b[5]; return b },
			"one is there twice":  func(b []*common.Block) []*common.Block { return slices.Insert(b, 5, b[4]) },
			"a link is forged":    func(b []*common.Block) []*common.Block { b[5].Header.PreviousHash = make([]byte, 32); return b },
			"one has no contents": func(b []*common.Block) []*common.Block { b[5] = &common.Block{Header: b[5].Header}; return b },
		} {
			dir := copied(t, good)
			rewrite(t, dir, change)
			v := verify(t, dir)
			if f := v.Fault(); f == nil || v.Height != 5 || f.Block == nil || *f.Block != 5 {
				t.Errorf("%s, %s: height %d, fault %v", kind, name, v.Height, f)
			}
		}
	}
}

func TestADamagedBlockFileIsNamedWithItsOffset(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	dir := n.close()
	file := filepath.Join(dir, "blocks", "0000000002.seg")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	v := verify(t, dir)
	f := v.Fault()
	if f == nil || v.Results[0].Fault != f || !strings.Contains(f.Error(), file+" at offset ") {
		t.Fatalf("the fault is %v", f)
	}
	for _, r := range v.Results[1:6] {
		if r.Checked < 3 || r.Complete || r.Fault != nil {
			t.Errorf("of the blocks before it: %+v", r)
		}
	}
}

// edit changes the index of a closed ledger.
func edit(t *testing.T, dir string, change func(db *store.DB, batch *store.Batch)) {
	t.Helper()
	db, err := store.OpenDB(filepath.Join(dir, "index"))
	if err != nil {
		t.Fatal(err)
	}
	batch := db.NewBatch()
	change(db, batch)
	if err := errors.Join(db.Apply(batch, true), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// entry finds an entry of the index by a part of its key.
func entry(t *testing.T, db *store.DB, prefix byte, part string) (key, value []byte) {
	t.Helper()
	if err := db.Scan(nil, nil, func(k, v []byte) bool {
		if k[0] == prefix && bytes.Contains(k, []byte(part)) {
			key, value = slices.Clone(k), slices.Clone(v)
		}
		return true
	}); err != nil || key == nil {
		t.Fatalf("no %c with %q (%v)", prefix, part, err)
	}
	return key, value
}

func TestAnIndexThatIsNotWhatTheBlocksGiveIsFound(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	good := n.close()
	for name, c := range map[string]struct {
		check, says string
		change      func(db *store.DB, batch *store.Batch)
	}{
		"a value is another": {audit.CheckState, `key "k3" of namespace "cc" is "x" of block 8, index 0, but the blocks give "3" of block 8`, func(db *store.DB, batch *store.Batch) {
			k, v := entry(t, db, 's', "cck3")
			v[len(v)-1] = 'x'
			batch.Set(k, v)
		}},
		"a key is missing": {audit.CheckState, `key "k3" of namespace "cc" is missing`, func(db *store.DB, batch *store.Batch) {
			k, _ := entry(t, db, 's', "cck3")
			batch.Delete(k)
		}},
		"a key was slipped in": {audit.CheckState, `key "k3!" of namespace "cc" is there, but the blocks give none`, func(db *store.DB, batch *store.Batch) {
			k, v := entry(t, db, 's', "cck3")
			batch.Set(append(k, '!'), v)
		}},
		"a transaction is missing": {audit.CheckIndexes, "the entry of transaction", func(db *store.DB, batch *store.Batch) {
			k, _ := entry(t, db, 't', "")
			batch.Delete(k)
		}},
		"a history is forged": {audit.CheckIndexes, `the history of key "k`, func(db *store.DB, batch *store.Batch) {
			k, _ := entry(t, db, 'w', "k")
			batch.Delete(k)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, good)
			edit(t, dir, c.change)
			v := verify(t, dir)
			f := v.Fault()
			if f == nil || !strings.Contains(f.Error(), c.says) {
				t.Fatalf("the fault is %v", f)
			}
			for _, r := range v.Results {
				if complete := r.Check != c.check; r.Complete != complete {
					t.Errorf("%s is complete: %t", r.Check, r.Complete)
				}
			}
		})
	}
}

func TestAnIndexThatIsBehindOrGoneIsNoLie(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	dir := n.close()
	index := filepath.Join(dir, "index")
	early := copied(t, index) // the blocks are synced, what derives from them is not
	c, err := chain.Open(dir, chain.Options{Replay: validate.Updates})
	if err != nil {
		t.Fatal(err)
	}
	n.chain = c
	n.commit(n.put("late", "1"))
	n.commit(n.put("later", "1"))
	n.close()
	if err := errors.Join(os.RemoveAll(index), os.Rename(early, index)); err != nil {
		t.Fatal(err)
	}
	v := verify(t, dir)
	if v.Fault() != nil || v.Height != 17 || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "height 15 of 17") {
		t.Errorf("height %d, fault %v, notes %q", v.Height, v.Fault(), v.Notes)
	}
	for _, r := range v.Results {
		if !r.Complete {
			t.Errorf("%s is not complete", r.Check)
		}
	}
	if err := os.RemoveAll(index); err != nil {
		t.Fatal(err)
	}
	if f := verify(t, dir).Fault(); f == nil || !strings.Contains(f.Error(), "weft ledger rebuild") {
		t.Errorf("without an index: %v", f)
	}
}

func TestVerificationEndsWhenItIsCancelled(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	dir := n.close()
	ctx, cancel := context.WithCancel(t.Context())
	o := audit.VerifyOptions{Temp: t.TempDir(), Progress: func(what string, done, _ uint64) {
		if what == "blocks validated" && done == 3 {
			cancel()
		}
	}}
	if _, err := audit.Verify(ctx, dir, o); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := audit.Verify(t.Context(), filepath.Join(dir, "nowhere"), audit.VerifyOptions{}); err == nil {
		t.Error("a directory that is not there was verified")
	}
}
