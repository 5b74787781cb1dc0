package p2p

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"

	"github.com/weft-network/weft/internal/porttest"
)

func TestAPeerThatComesBackGossipsAgain(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a := newHost(t, "Org1", m)
	at := join(t, a, "topic", "c")
	cfg := testConfig(t, "Org1", newSigner(t), m)
	cfg.Listen = []string{fmt.Sprint("/ip4/127.0.0.1/tcp/", porttest.P2P.Free(t))} // each takes the same port
	for i := range 8 {                                                             // more often than the router itself would try
		b, err := New(cfg)
		must(t, err)
		stop := run(t, b)
		bt := join(t, b, "topic", "c")
		connect(t, b, a) // a may not have seen yet that the last one ended
		at.reaches(t, bt, fmt.Sprintf("%d", i))
		bt.reaches(t, at, fmt.Sprintf("re%d", i))
		if i%2 == 0 {
			a.Drop(b.ID())
		}
		stop()
	}
}

// resident of a small network that comes back with the same key and port.
type resident struct {
	cfg   Config
	h     *Host
	topic *joined
	stop  func()
}

func (r *resident) start(t *testing.T) {
	t.Helper()
	h, err := New(r.cfg)
	must(t, err)
	r.h, r.stop, r.topic = h, run(t, h), join(t, h, "topic", "c")
}

// act does to a host what may end or begin connections. What it has only begun is
// added to wg.
func (r *resident) act(t *testing.T, n int, other *resident, wg *sync.WaitGroup) {
	h, id := r.h, other.h.ID()
	switch {
	case n < 5:
		wg.Go(func() { h.Connect(soon(t), id, other.cfg.Listen) }) // it may not be there just now
	case n < 7:
		wg.Go(func() { h.Drop(id) })
	case n < 8:
		wg.Go(h.Reconsider)
	default:
		r.stop()
		r.start(t)
	}
}

// TestEachHearsEachOtherWhateverWasBefore: three hosts connect, drop each other
// and restart, without waiting for what comes of it; then each must hear each
// other. Connect alone is called again: it does nothing when they are connected.
func TestEachHearsEachOtherWhateverWasBefore(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	var hosts []*resident
	for range 3 {
		r := &resident{cfg: testConfig(t, "Org1", newSigner(t), m)}
		r.cfg.Listen = []string{fmt.Sprint("/ip4/127.0.0.1/tcp/", porttest.P2P.Free(t))}
		r.start(t)
		hosts = append(hosts, r)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 10 {
		var wg sync.WaitGroup
		for range 16 {
			i := rng.IntN(3)
			hosts[i].act(t, rng.IntN(10), hosts[(i+1+rng.IntN(2))%3], &wg)
		}
		wg.Wait()
		for i, from := range hosts {
			from.hearsFrom(t, hosts[(i+1)%3], fmt.Sprintf("%d.%d.next", round, i))
			from.hearsFrom(t, hosts[(i+2)%3], fmt.Sprintf("%d.%d.last", round, i))
		}
	}
}

func (r *resident) hearsFrom(t *testing.T, other *resident, msg string) {
	t.Helper()
	end := soon(t)
	for try := 0; ; try++ {
		_, err := r.h.Connect(end, other.h.ID(), other.cfg.Listen)
		if err == nil && other.topic.arrives(t, r.topic, fmt.Sprintf("%s.%d", msg, try)) {
			return
		}
		if end.Err() != nil {
			t.Fatalf("waited in vain for %s: %v", msg, err)
		}
	}
}

// forgetful is an event emitter that loses the first so many events, as the router
// does that has not let go of an older stream.
type forgetful struct {
	event.Emitter
	lose int
}

func (f *forgetful) Emit(e any) error {
	if f.lose--; f.lose >= 0 {
		return nil
	}
	return f.Emitter.Emit(e)
}

func TestAPeerIsShownToTheRouterUntilItActs(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a := newHost(t, "Org1", m, func(h *Host) { h.gossip.arrived = &forgetful{h.gossip.arrived, 1} })
	b := newHost(t, "Org1", m)
	at, bt := join(t, a, "topic", "c"), join(t, b, "topic", "c")
	connect(t, a, b)
	bt.neighbours(t, 1)
	at.neighbours(t, 1)
}

// TestTheRouterLetsGoOfAnOlderStreamFirst: else what it does when it hears of the
// older one's end, which is to forget the peer's subscriptions, would hit those
// of the newer.
func TestTheRouterLetsGoOfAnOlderStreamFirst(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	events := make(chan string, 8)
	a := newHost(t, "Org1", m, func(h *Host) {
		h.gossip.handle = func(s network.Stream) {
			events <- "begin"
			for r := bufio.NewReader(s); ; {
				if readMessage(r, MaxGossip, &pb.RPC{}) != nil {
					break
				}
			}
			events <- "end"
		}
	})
	b := newHost(t, "Org1", m, func(h *Host) { h.gossip.arrived = silent{} })
	connect(t, b, a)
	for i, want := range []string{"begin", "end begin", "end begin"} {
		_, err := b.openGossip(soon(t), a.self)
		must(t, err)
		for _, want := range strings.Fields(want) {
			if got := await(t, events, want); got != want {
				t.Fatalf("stream %d: %s before %s", i, got, want)
			}
		}
	}
}

// TestTheRouterFindsWhatIsTrueWhenItLooks whatever was said or joined before, in
// whatever order.
func TestTheRouterFindsWhatIsTrueWhenItLooks(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	quiet := func(h *Host) { h.gossip.arrived = silent{} }
	a, b := newHost(t, "Org1", m, quiet), newHost(t, "Org1", m, quiet)
	connect(t, a, b)
	g, id := a.gossip, b.self
	in := newInbound(nil)
	in.out.Close() // only what is given to inspect below is heard
	g.inbound[id] = in
	said := func(topic string, subscribed bool) *pubsub.RPC {
		return &pubsub.RPC{RPC: pb.RPC{Subscriptions: []*pb.RPC_SubOpts{{Topicid: &topic, Subscribe: &subscribed}}}}
	}
	looked := func(topics ...string) *pubsub.RPC {
		var rpc pubsub.RPC
		must(t, readMessage(bufio.NewReader(bytes.NewReader(look(topics...))), maxOpen, &rpc.RPC))
		return &rpc
	}
	finds := func(rpc *pubsub.RPC, want ...standing) {
		t.Helper()
		must(t, g.inspect(id, rpc))
		var got []standing
		for _, sub := range rpc.Subscriptions {
			switch grafts := rpc.GetControl().GetGraft(); {
			case !sub.GetSubscribe():
				got = append(got, absent)
			case slices.ContainsFunc(grafts, func(g *pb.ControlGraft) bool { return g.GetTopicID() == sub.GetTopicid() }):
				got = append(got, grafted)
			default:
				got = append(got, subscribed)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the router finds %v, want %v", got, want)
		}
	}
	finds(said("topic", true), absent) // not joined here
	topic := join(t, a, "topic", "c")
	finds(looked("topic"), absent) // what is published would not reach it
	stream := g.opened(id, nil)
	finds(looked("topic", "other"), grafted, absent)
	finds(looked("topic"), subscribed)
	finds(said("topic", true), subscribed)
	m.set("c")
	g.forget(id) // what Membership said
	finds(looked("topic"), absent)
	finds(said("topic", true), absent)
	m.set("c", "Org1")
	g.forget(id)
	finds(looked("topic"), grafted)
	finds(said("topic", false), absent)
	finds(looked("topic"), absent)
	finds(said("topic", true), grafted)
	g.lost(id, stream)
	finds(looked("topic"), absent)
	finds(said("topic", true), absent)
	g.opened(id, nil)
	g.recallPeer(id)
	finds(looked("topic"), grafted)
	g.recallPeer(id) // the router has forgotten it
	finds(looked("topic"), grafted)
	finds(looked("")) // a new stream from it
	finds(looked("topic"), absent)
	finds(said("topic", true), grafted)
	topic.events.Cancel()
	must(t, topic.Leave())
	finds(looked("topic"), absent)
}

// standing is what the router is told of a peer and a topic.
type standing string

const (
	absent     standing = "absent"
	subscribed standing = "subscribed"
	grafted    standing = "subscribed and grafted"
)
