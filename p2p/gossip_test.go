package p2p

import (
	"bufio"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

// joined is a topic on one host and what came in on it. The id of a message is
// what precedes the first space; "bad" in it makes it invalid.
type joined struct {
	*Topic
	got        chan string
	events     *pubsub.TopicEventHandler
	subscribed map[peer.ID]bool // as neighbours has heard
}

func join(t testing.TB, h *Host, name, channel string) *joined {
	t.Helper()
	j := &joined{got: make(chan string, 1024), subscribed: map[peer.ID]bool{}}
	var err error
	j.Topic, err = h.Join(TopicConfig{
		Name: name, Channel: channel, Protocol: "gossip",
		MessageID: func(data []byte) string { id, _, _ := strings.Cut(string(data), " "); return id },
		Validate: func(_ ID, data []byte) Verdict {
			if strings.Contains(string(data), "bad") {
				return Reject
			}
			return Accept
		},
		Receive: func(_ ID, data []byte) { j.got <- string(data) },
	})
	must(t, err)
	j.events, err = j.topic.EventHandler()
	must(t, err)
	return j
}

// neighbours waits until n others are subscribed. One that leaves and comes back
// may do so unheard: the router reports what has changed since it was asked.
func (j *joined) neighbours(t testing.TB, n int) {
	t.Helper()
	for end := soon(t); len(j.subscribed) != n; {
		e, err := j.events.NextPeerEvent(end)
		if err != nil {
			t.Fatalf("waited in vain for %d subscriptions to %s, there are %d", n, j.cfg.Name, len(j.subscribed))
		}
		if e.Type == pubsub.PeerJoin {
			j.subscribed[e.Peer] = true
		} else {
			delete(j.subscribed, e.Peer)
		}
	}
}

func (j *joined) publish(t testing.TB, msg string) {
	t.Helper()
	must(t, j.Publish(soon(t), []byte(msg)))
}

// reaches publishes until the other hears of it: what is written to a stream
// whose end has not been noticed yet is lost.
func (j *joined) reaches(t testing.TB, other *joined, msg string) {
	t.Helper()
	for try, end := 0, soon(t); ; try++ {
		if j.arrives(t, other, fmt.Sprintf("%s.%d", msg, try)) {
			return
		}
		if end.Err() != nil {
			t.Fatalf("waited in vain for %s", msg)
		}
	}
}

// arrives publishes once; false when the other has not heard of it soon.
func (j *joined) arrives(t testing.TB, other *joined, msg string) bool {
	t.Helper()
	j.publish(t, msg)
	for late := time.After(50 * time.Millisecond); ; {
		select {
		case got := <-other.got:
			if got == msg {
				return true
			} // else one of those before
		case <-late:
			return false
		}
	}
}

func (j *joined) expect(t testing.TB, want string) {
	t.Helper()
	if got := await(t, j.got, want); got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestGossipReachesEverybodyExactlyOnce(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1", "Org2", "Org3"}})
	var topics []*joined
	var hosts []*Host
	for i := range 3 {
		h := newHost(t, fmt.Sprintf("Org%d", i+1), m)
		topics = append(topics, join(t, h, "blocks", "c"))
		for _, other := range hosts {
			connect(t, h, other)
		}
		hosts = append(hosts, h)
	}
	for _, j := range topics {
		j.neighbours(t, 2)
	}
	const n = 40
	var wg sync.WaitGroup
	for i, j := range topics {
		wg.Go(func() {
			for k := range n {
				j.publish(t, fmt.Sprintf("%d.%d of host %d", i, k, i))
			}
		})
	}
	wg.Wait()
	for i, j := range topics {
		seen := map[string]bool{}
		for range 2 * n {
			msg := await(t, j.got, "a message")
			if seen[msg] {
				t.Fatalf("host %d got %q twice", i, msg)
			}
			seen[msg] = true
		}
	}
	topics[0].publish(t, "last")
	for _, j := range topics[1:] {
		j.expect(t, "last")
	}
}

// line connects three hosts of one channel in a row, joined to one topic.
func line(t *testing.T) []*joined {
	m := newRules(map[string][]string{"c": {"Org1"}})
	var topics []*joined
	var last *Host
	for range 3 {
		h := newHost(t, "Org1", m)
		j := join(t, h, "blocks", "c")
		if last != nil {
			connect(t, h, last)
			j.neighbours(t, 1)
			topics[len(topics)-1].neighbours(t, min(len(topics), 2))
		}
		topics, last = append(topics, j), h
	}
	return topics
}

func TestAnInvalidMessageIsNeitherDeliveredNorForwarded(t *testing.T) {
	topics := line(t)
	topics[0].publish(t, "1 bad")
	topics[0].publish(t, "2 good")
	topics[1].expect(t, "2 good")
	topics[2].expect(t, "2 good")
}

func TestABadCopySeenFirstDoesNotHideTheGoodOne(t *testing.T) {
	topics := line(t)
	topics[0].publish(t, "7 bad")
	topics[2].publish(t, "7 good")
	topics[1].expect(t, "7 good")
	topics[1].publish(t, "7 another copy of the same")
	topics[2].publish(t, "8 good")
	topics[1].expect(t, "8 good")
	topics[0].expect(t, "8 good") // it published 7 itself
}

func TestASubscriptionThatCameBeforeTheTopicIsNotLost(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a, b := newHost(t, "Org1", m), newHost(t, "Org1", m)
	first, other := join(t, a, "other", "c"), join(t, b, "other", "c")
	connect(t, a, b)
	early := join(t, a, "late", "c")
	first.neighbours(t, 1)
	other.neighbours(t, 1)
	first.publish(t, "the subscription went before this")
	other.expect(t, "the subscription went before this")
	late := join(t, b, "late", "c")
	late.neighbours(t, 1)
	late.publish(t, "1")
	early.expect(t, "1")

	late.events.Cancel()
	must(t, late.Leave())
	again := join(t, b, "late", "c")
	again.neighbours(t, 1)
	again.publish(t, "2")
	early.expect(t, "2")
}

func TestReconsiderOpensAndClosesTopics(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}, "other": {"Org1", "Org2"}})
	theirs := newRules(map[string][]string{"c": {"Org1", "Org2"}, "other": {"Org1", "Org2"}})
	down := make(chan Peer, 1)
	a := newHost(t, "Org1", m, func(h *Host) { h.OnPeer(nil, func(p Peer) { down <- p }) })
	b := newHost(t, "Org2", theirs)
	at, bt := join(t, a, "topic", "c"), join(t, b, "topic", "c")
	connect(t, a, b)
	bt.neighbours(t, 1)
	m.set("c", "Org1", "Org2")
	for len(at.topic.ListPeers()) == 0 { // b's subscription may still be on its way
		a.Reconsider()
	}
	at.neighbours(t, 1)
	at.publish(t, "welcome")
	bt.expect(t, "welcome")
	m.set("c", "Org1")
	a.Reconsider()
	await(t, down, "the end of the connection")
}

// silent is an event emitter that keeps a router from greeting anybody.
type silent struct{}

func (silent) Emit(any) error { return nil }
func (silent) Close() error   { return nil }

// TestANonMemberGetsNothing: Org3 shares channel2 with the host and knows the
// name of channel1's topic. Whatever its gossip client says, it hears channel2
// only, and what it publishes on channel1 is not heard.
func TestANonMemberGetsNothing(t *testing.T) {
	m := newRules(map[string][]string{"channel1": {"Org1", "Org2"}, "channel2": {"Org1", "Org3"}})
	host, member := newHost(t, "Org1", m), newHost(t, "Org2", m)
	host1, host2 := join(t, host, "topic1", "channel1"), join(t, host, "topic2", "channel2")
	member1 := join(t, member, "topic1", "channel1")
	connect(t, member, host)
	host1.neighbours(t, 1)
	member1.neighbours(t, 1)

	heard := make(chan *pb.RPC, 1024)
	org3 := newHost(t, "Org3", m, func(h *Host) {
		h.gossip.arrived = silent{}
		h.gossip.handle = func(s network.Stream) {
			for r := bufio.NewReader(s); ; {
				var rpc pb.RPC
				if readMessage(r, 2*MaxGossip, &rpc) != nil {
					return
				}
				heard <- &rpc
			}
		}
	})
	connect(t, org3, host)
	raw, err := org3.openGossip(soon(t), host.self)
	must(t, err)
	sub := func(topic string) *pb.RPC_SubOpts {
		return &pb.RPC_SubOpts{Topicid: &topic, Subscribe: proto.Bool(true)}
	}
	one, two := "topic1", "topic2"
	marked := sub(one)
	marked.RequestsPartial = proto.Bool(true)
	must(t, writeMessage(raw, &pb.RPC{
		Subscriptions: []*pb.RPC_SubOpts{sub(one), marked, sub(two)},
		Publish:       []*pb.Message{{Topic: &one, Data: []byte("intruder")}},
		Control:       &pb.ControlMessage{Graft: []*pb.ControlGraft{{TopicID: &one}, {TopicID: &two}}},
	}))
	host2.neighbours(t, 1)

	secret := "secret of channel1"
	member1.publish(t, secret)
	host1.expect(t, secret)
	host1.publish(t, "another secret")
	member1.expect(t, "another secret")
	id := messageID(&pb.Message{Topic: &one, Data: []byte(secret)})
	must(t, writeMessage(raw, &pb.RPC{Control: &pb.ControlMessage{
		Iwant: []*pb.ControlIWant{{MessageIDs: []string{id}}},
	}}))
	must(t, writeMessage(raw, &pb.RPC{Publish: []*pb.Message{{Topic: &two, Data: []byte("the wish was read")}}}))
	host2.expect(t, "the wish was read")
	host2.publish(t, "channel2 only")
	for {
		rpc := await(t, heard, "the message of channel2")
		for _, msg := range rpc.Publish {
			if msg.GetTopic() != two {
				t.Fatalf("org3 heard %q", msg.Data)
			}
			if string(msg.Data) == "channel2 only" {
				return
			}
		}
		for _, ihave := range rpc.GetControl().GetIhave() {
			if ihave.GetTopicID() != two {
				t.Fatalf("org3 was told of messages on %s", ihave.GetTopicID())
			}
		}
	}
}

func TestAStrangerIsServedNothingBeforeTheProof(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	host := newHost(t, "Org1", m, echo)
	key := newSigner(t)
	cfg := testConfig(t, "Org1", key, m)
	stranger, err := New(cfg) // never run: it does not answer, nor say hello
	must(t, err)
	t.Cleanup(func() { stranger.Close() })
	targets, err := parseAddrs(host.Addrs())
	must(t, err)
	stranger.swarm.Peerstore().AddAddrs(host.self, targets, 1<<40)
	conn, err := stranger.swarm.DialPeer(soon(t), host.self)
	must(t, err)
	var streams []network.Stream
	for i := range maxWaiting + 8 {
		s, err := conn.NewStream(soon(t))
		must(t, err)
		p := Protocol("echo").id()
		if i%2 == 0 {
			p = gossipProtocol
		}
		if err := negotiate(s, p); err != nil && i < maxWaiting {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	if len(host.Peers()) != 0 {
		t.Error("the stranger is a peer")
	}
	host.Drop(stranger.ID())
	for _, s := range streams {
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Error("a stream of a stranger was answered")
		}
	}
}
