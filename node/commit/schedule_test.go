package commit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/store/storetest"
)

// history makes a chain in which what becomes of a transaction depends on the
// blocks just before its own, in every way there is: values and deletes, ranges,
// transaction ids, policies of keys, definitions, the configuration.
type history struct {
	*ledgertest.Network
	t       *testing.T
	rng     *rand.Rand
	blocks  *ledgertest.Blocks
	written map[string][]*kvrwset.Version // versions that keys may have had
	sent    [][]byte
	config  *common.Config
}

func newHistory(t *testing.T, seed uint64) *history {
	n := ledgertest.New(t)
	return &history{
		Network: n, t: t, rng: rand.New(rand.NewPCG(seed, 0)), blocks: n.Blocks(),
		written: map[string][]*kvrwset.Version{}, config: n.Config.Proto,
	}
}

func (h *history) chain(count int) []*common.Block {
	list := []*common.Block{h.blocks.Next(h.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer','Org2MSP.peer')"}))}
	for len(list) < count {
		if h.rng.IntN(6) == 0 {
			var env []byte
			env, h.config = h.ConfigTx(ledgertest.ConfigTx{From: h.config, Edit: channeltest.BatchSize(h.t, uint32(10+len(list)))})
			list = append(list, h.blocks.Next(env))
			continue
		}
		envelopes := make([][]byte, 1+h.rng.IntN(6))
		for i := range envelopes {
			envelopes[i] = h.tx(uint64(i))
		}
		list = append(list, h.blocks.Next(envelopes...))
	}
	return list
}

func (h *history) tx(index uint64) []byte {
	if len(h.sent) > 0 && h.rng.IntN(8) == 0 {
		return h.sent[max(0, len(h.sent)-1-h.rng.IntN(8))] // its id is taken, perhaps by a block in flight
	}
	set := ledgertest.NewRWSet()
	if h.rng.IntN(10) == 0 {
		d := ledgertest.Definition{Name: "cc", Version: fmt.Sprint(h.rng.IntN(100)), Policy: []string{"OR('Org1MSP.peer','Org2MSP.peer')", "AND('Org1MSP.peer','Org2MSP.peer')"}[h.rng.IntN(2)]}
		return h.send(h.Define(d))
	}
	ns := set.NS("cc")
	for _, key := range h.keys(h.rng.IntN(3)) {
		ns.Read(key, h.version(key))
	}
	if h.rng.IntN(4) == 0 {
		start := h.key()
		ns.Range(start, start+"~", &kvrwset.KVRead{Key: start, Version: h.version(start)})
	}
	for _, key := range h.keys(1 + h.rng.IntN(2)) {
		switch h.rng.IntN(6) {
		case 0:
			ns.Delete(key)
		case 1:
			ns.Metadata(key, ledgertest.ValidationParameter(ledgertest.Encode(h.Policy([]string{"OR('Org1MSP.peer')", "OR('Org2MSP.peer')"}[h.rng.IntN(2)]))))
		default:
			ns.Write(key, fmt.Sprint(h.rng.Uint64()))
		}
		h.written[key] = append(h.written[key], ledgertest.At(h.blocks.Number(), index))
	}
	endorsers := [][]ident.Signer{h.Peers(), {h.Peer(0)}, {h.Peer(1)}, {}}[h.rng.IntN(10)%4]
	return h.send(h.Tx(ledgertest.Tx{Chaincode: "cc", Set: set, Endorsers: endorsers}))
}

func (h *history) send(env []byte) []byte {
	h.sent = append(h.sent, env)
	return env
}

func (h *history) key() string { return fmt.Sprintf("k%d", h.rng.IntN(6)) }

func (h *history) keys(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = h.key()
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// version is one that the key had, most likely a new one.
func (h *history) version(key string) *kvrwset.Version {
	all := h.written[key]
	if len(all) == 0 || h.rng.IntN(8) == 0 {
		return nil
	}
	return all[max(0, len(all)-1-h.rng.IntN(2))]
}

// schedule is one way in which a chain reaches a peer.
type schedule struct {
	workers int
	order   []int // of arrival
	senders int
	// slow is for how many turns of other goroutines the ledger is held up now
	// and then: what makes queues grow.
	slow int
	// The power fails when this block is committed, never when it is 0; of what
	// was not synced that many percent stay.
	cut, stays int
	// oneByOne commits each block before the next comes.
	oneByOne bool
}

// outcome is all that blocks leave on a ledger that must not depend on how they
// came.
type outcome struct {
	codes    [][]ledger.Code
	findings [][]*ledger.Finding
	hashes   [][]byte
	sequence uint64
}

// run brings the chain to a new peer and returns what it has of it in the end.
func (h *history) run(blocks []*common.Block, s schedule) *outcome {
	h.t.Helper()
	disk := storetest.NewJournalledDisk()
	if s.cut > 0 {
		first := s
		s.cut = 0
		disk = h.leg(disk, blocks, first)
	}
	h.leg(disk, blocks, s)
	c, err := Open(Config{Dir: "ledger", FS: disk})
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	o := &outcome{sequence: c.Config().Sequence}
	for n := range blocks {
		done, err := c.Block(uint64(n) + 1)
		if err != nil {
			h.t.Fatal(err)
		}
		findings := make([]*ledger.Finding, len(done.Codes))
		for i := range findings {
			if findings[i], err = c.Ledger().Finding(uint64(n)+1, i); err != nil && !errors.Is(err, chain.ErrNotFound) {
				h.t.Fatal(err)
			}
		}
		o.codes, o.findings = append(o.codes, done.Codes), append(o.findings, findings)
		o.hashes = append(o.hashes, block.CommitHash(done.Block.Block))
	}
	return o
}

// leg runs a peer on a disk until all blocks are committed or the power fails,
// and returns the disk as it is left then. What the peer told of is still there.
func (h *history) leg(disk *storetest.Disk, blocks []*common.Block, s schedule) *storetest.Disk {
	h.t.Helper()
	rng := rand.New(rand.NewPCG(h.rng.Uint64(), 1))
	left := disk
	ctx, cut := context.WithCancel(h.t.Context())
	defer cut()
	c, err := Open(Config{Dir: "ledger", Genesis: proto.CloneOf(h.Genesis), FS: disk, Workers: s.workers, OnCommit: func(done *Committed) {
		for range s.slow * rng.IntN(2) {
			runtime.Gosched()
		}
		if done.Block.Header.Number == uint64(s.cut) {
			left = disk.Crash(s.stays, rng)
			cut()
		}
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	stop := run(h.t, c)
	parts := make([][]int, s.senders)
	for i, n := range s.order {
		parts[i%s.senders] = append(parts[i%s.senders], n)
	}
	var senders sync.WaitGroup
	for _, part := range parts {
		senders.Go(func() {
			for _, n := range part {
				if err := c.OfferWait(ctx, proto.CloneOf(blocks[n])); err != nil && ctx.Err() == nil {
					h.t.Errorf("offer block %d: %v", n+1, err)
				}
				if s.oneByOne {
					await(h.t, c, uint64(n)+2)
				}
			}
		})
	}
	senders.Wait()
	if s.cut == 0 {
		await(h.t, c, uint64(len(blocks))+1)
	} else {
		<-ctx.Done()
	}
	if err := errors.Join(stop(), c.Close()); err != nil {
		h.t.Error(err)
	}
	return left
}

func inOrder(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// What becomes of a chain is the same for any number of workers, any order of
// arrival, any length of the queues, any number of blocks that share an fsync,
// and a power cut at any time.
func TestAnyScheduleGivesTheSameLedger(t *testing.T) {
	histories, schedules, length := 6, 5, 40
	if testing.Short() {
		histories, schedules = 2, 3
	}
	seen := map[ledger.Code]int{}
	for i := range histories {
		h := newHistory(t, uint64(i)+1)
		blocks := h.chain(length)
		want := h.run(blocks, schedule{workers: 1, senders: 1, order: inOrder(length), oneByOne: true})
		for _, codes := range want.codes {
			for _, code := range codes {
				seen[code]++
			}
		}
		for range schedules {
			s := schedule{workers: 1 + h.rng.IntN(4), senders: 1 + h.rng.IntN(3), slow: h.rng.IntN(500), order: h.rng.Perm(length)}
			if h.rng.IntN(2) == 0 {
				s.cut, s.stays = 1+h.rng.IntN(length), 50*h.rng.IntN(3)
			}
			got := h.run(blocks, s)
			if s.cut > 0 {
				got.findings = want.findings // not part of the ledger: a power cut may take them
			}
			if diff := want.diff(got); diff != "" {
				t.Fatalf("history %d, %+v: %s", i+1, s, diff)
			}
		}
	}
	for _, code := range []ledger.Code{
		peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT, peer.TxValidationCode_PHANTOM_READ_CONFLICT,
		peer.TxValidationCode_DUPLICATE_TXID, peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE,
	} {
		if seen[code] == 0 {
			t.Errorf("no transaction was %s: %v", code, seen)
		}
	}
}

func (o *outcome) diff(got *outcome) string {
	for n := range o.codes {
		switch {
		case !slices.Equal(o.codes[n], got.codes[n]):
			return fmt.Sprintf("block %d: codes %v, one at a time %v", n+1, got.codes[n], o.codes[n])
		case !bytes.Equal(o.hashes[n], got.hashes[n]):
			return fmt.Sprintf("block %d: commit hash %x, one at a time %x", n+1, got.hashes[n], o.hashes[n])
		}
		if !reflect.DeepEqual(o.findings[n], got.findings[n]) {
			return fmt.Sprintf("block %d: findings %s, one at a time %s", n+1, show(got.findings[n]), show(o.findings[n]))
		}
	}
	if o.sequence != got.sequence {
		return fmt.Sprintf("configuration %d, one at a time %d", got.sequence, o.sequence)
	}
	return ""
}

func show(findings []*ledger.Finding) string {
	raw, _ := json.Marshal(findings)
	return string(raw)
}
