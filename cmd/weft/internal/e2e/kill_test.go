package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

var (
	killSeed = flag.Uint64("kill.seed", 0, "seed of the kills; 0 takes another one each time")
	kills    = flag.Int("kill.n", 50, "how often a peer is killed")
)

const (
	// maxKillGap is the longest time between two kills.
	maxKillGap = 3 * time.Second
	// killWorkers submit at the same time.
	killWorkers = 6
)

// Peers that are killed again and again while transactions run through them
// lose nothing that they acknowledged, and end up equal: the same height, the
// same codes, the same state, all of which follows from the blocks.
func TestPeersThatAreKilledLoseNothing(t *testing.T) {
	n := shared(t)
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: repeat with -kill.seed", seed)
	peers := must(n.access.ChannelPeers(channel1))(t)
	load := n.startLoad(t, peers)
	victims := newVictims(t, peers)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range *kills {
		pause(t, time.Duration(rng.Int64N(int64(maxKillGap))))
		victims.kill(t, rng)
	}
	victims.wait()
	before := load.count()
	eventually(t, "transactions go through after the last kill", func() error {
		if load.count() < before+20 {
			return fmt.Errorf("%d were acknowledged, %d before", load.count(), before)
		}
		return nil
	})
	acked := load.end(t)
	t.Logf("%d kills, %d transactions acknowledged, %d calls failed and promised nothing; a peer answers again after %s (median), %s (at most)",
		*kills, len(acked), load.failed.Load(), victims.took(0.5), victims.took(1))
	n.level(t)
	n.judgeLedgers(t, peers, acked)
}

// pause waits, as a test must that is about things that happen at any time.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(context.Cause(t.Context()))
	}
}

// victims are nodes of which one at a time is killed and started again.
type victims struct {
	wg sync.WaitGroup

	mu      sync.Mutex
	serving []*devnet.Node
	starts  []time.Duration
	news    chan struct{} // has something when a node serves again
}

func newVictims(t *testing.T, nodes []*devnet.Node) *victims {
	v := &victims{serving: slices.Clone(nodes), news: make(chan struct{}, 1)}
	t.Cleanup(v.wait) // no node is started behind the next test's back
	return v
}

// kill kills one of the nodes that serve, at random, and has it started again.
func (v *victims) kill(t *testing.T, rng *rand.Rand) {
	t.Helper()
	victim := v.take(rng)
	for victim == nil {
		select {
		case <-v.news:
			victim = v.take(rng)
		case <-t.Context().Done():
			t.Fatal(context.Cause(t.Context()))
		}
	}
	check(t, victim.Kill())
	v.wg.Go(func() {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := victim.Start(ctx); err != nil {
			t.Error(err)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.serving = append(v.serving, victim)
		v.starts = append(v.starts, time.Since(began))
		select {
		case v.news <- struct{}{}:
		default:
		}
	})
}

func (v *victims) take(rng *rand.Rand) *devnet.Node {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.serving) == 0 {
		return nil
	}
	i := rng.IntN(len(v.serving))
	victim := v.serving[i]
	v.serving = slices.Delete(v.serving, i, i+1)
	return victim
}

func (v *victims) wait() { v.wg.Wait() }

// took is how long starts took, up to that part of them.
func (v *victims) took(part float64) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.starts) == 0 {
		return 0
	}
	slices.Sort(v.starts)
	return v.starts[int(part*float64(len(v.starts)-1))].Round(time.Millisecond)
}

// killLoad submits transactions through all peers until it is ended.
type killLoad struct {
	sessions []*client.Session
	failed   atomic.Int64
	stop     atomic.Bool
	wg       sync.WaitGroup

	mu      sync.Mutex
	acked   []string
	invalid []string
}

func (n *network) startLoad(t *testing.T, peers []*devnet.Node) *killLoad {
	t.Helper()
	l := &killLoad{}
	for _, p := range peers {
		s := must(n.access.Session(t.Context(), p, p.Org, access.User1, channel1))(t)
		t.Cleanup(func() { _ = s.Close() })
		l.sessions = append(l.sessions, s)
	}
	prefix := names(t, 1)[0]
	for w := range killWorkers {
		l.wg.Go(func() { l.work(fmt.Sprintf("%s-%d", prefix, w), w) })
	}
	t.Cleanup(func() { l.stop.Store(true); l.wg.Wait() })
	return l
}

func (l *killLoad) work(prefix string, first int) {
	for i := first; !l.stop.Load(); i++ {
		s := l.sessions[i%len(l.sessions)]
		if !s.Connected() {
			time.Sleep(pollInterval) // all peers may be down
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		r, err := s.Submit(ctx, client.NewRequest("asset", "Create", fmt.Sprintf("%s-%d", prefix, i), "Ada", "1"))
		cancel()
		if err != nil {
			l.failed.Add(1)
			time.Sleep(pollInterval)
			continue
		}
		l.mu.Lock()
		if r.Valid() {
			l.acked = append(l.acked, r.TxID)
		} else {
			l.invalid = append(l.invalid, fmt.Sprintf("%s is %s", r.TxID, r.Code))
		}
		l.mu.Unlock()
	}
}

func (l *killLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// end lets the transactions under way finish, and returns what was acknowledged.
func (l *killLoad) end(t *testing.T) []string {
	t.Helper()
	l.stop.Store(true)
	l.wg.Wait()
	if len(l.invalid) > 0 {
		t.Errorf("transactions that conflict with none are invalid: %s", strings.Join(l.invalid, ", "))
	}
	return l.acked
}

// sameHeight waits until all these nodes have the same blocks, and returns how
// many.
func (n *network) sameHeight(t *testing.T, nodes ...*devnet.Node) (want uint64) {
	t.Helper()
	eventually(t, "all have the same height", func() error {
		want = 0
		heights := make([]uint64, len(nodes))
		for i, node := range nodes {
			st, err := node.Status(t.Context())
			if err != nil {
				return err
			}
			for _, c := range st.Channels {
				if c.ID == channel1 {
					heights[i] = c.Height
				}
			}
			want = max(want, heights[i])
		}
		for i, node := range nodes {
			if heights[i] != want {
				return fmt.Errorf("%s has %d blocks of %d", node.Name, heights[i], want)
			}
		}
		return nil
	})
	return want
}

// judgeLedgers stops the nodes and compares what each peer has on disk.
func (n *network) judgeLedgers(t *testing.T, peers []*devnet.Node, acked []string) {
	t.Helper()
	orderers := n.Orderers()
	n.comeBack(t, append(orderers, peers...)...)
	for _, o := range orderers { // a transaction whose client gave up may be ordered at any time
		check(t, stopNode(o))
	}
	n.sameHeight(t, peers...)
	for _, p := range peers {
		check(t, stopNode(p))
	}
	var first ledgerFacts
	for i, p := range peers {
		facts := n.ledgerFacts(t, p)
		if i == 0 {
			first = facts
		}
		if facts.Height != first.Height || facts.CommitHash != first.CommitHash || facts.Hash != first.Hash {
			t.Errorf("%s is at %+v, %s at %+v", p.Name, facts.verified, peers[0].Name, first.verified)
		}
		for tx, code := range facts.codes {
			if first.codes[tx] != code {
				t.Errorf("%s is %s on %s and %s on %s", tx, code, p.Name, first.codes[tx], peers[0].Name)
			}
		}
		for _, tx := range acked {
			if facts.codes[tx] != "VALID" {
				t.Errorf("acknowledged transaction %s is %q on %s", tx, facts.codes[tx], p.Name)
			}
		}
		noLeftovers(t, p.DataDir())
	}
}

// verified is what weft ledger verify says of a ledger.
type verified struct {
	Height           uint64
	Hash, CommitHash string
}

type ledgerFacts struct {
	verified
	codes map[string]string
}

// ledgerFacts verifies a stopped peer's ledger and reads its codes.
func (n *network) ledgerFacts(t *testing.T, p *devnet.Node) ledgerFacts {
	t.Helper()
	of := []string{"--dir", n.Dir, "-o", "json", "--peer", p.Name, "--channel", channel1}
	f := ledgerFacts{codes: map[string]string{}}
	check(t, json.Unmarshal([]byte(succeeds(t, weft, append([]string{"ledger", "verify"}, of...)...)), &f.verified))
	lines := json.NewDecoder(strings.NewReader(succeeds(t, weft, append([]string{"ledger", "export", "--tx"}, of...)...)))
	for lines.More() {
		var tx struct{ TransactionID, Code string }
		check(t, lines.Decode(&tx))
		f.codes[tx.TransactionID] = tx.Code
	}
	return f
}

// noLeftovers fails the test if a node left files that it only needs while it
// writes others.
func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		for _, suffix := range []string{".tmp", ".cut", ".discarded"} {
			if strings.HasSuffix(path, suffix) {
				t.Errorf("%s was left behind", path)
			}
		}
		return err
	}))
}
