package p2p

import (
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// What a peer has subscribed to is kept here, in inbound.wants, and not only in
// the router, which forgets it with our stream to the peer and never hears what
// Membership did not admit at the time. Whatever changes, a topic that is joined
// or left, an answer of Membership, a new stream to the peer, the router is made
// to look again (inbound.recall), and it finds what is true when it looks: wanted,
// admitted, and reached, for without a stream to the peer the router would drop
// what it has for it. So the order of such changes does not matter.

// hear notes what a peer says of its subscriptions; a look notes nothing. It returns
// what the router is told instead: what is true now; news are the topics among it
// that the router did not count the peer to. The router calls it, by inspect, in one
// goroutine for all peers.
func (g *gossip) hear(id peer.ID, subs []*pb.RPC_SubOpts) (told []*pb.RPC_SubOpts, news []string) {
	for _, sub := range subs {
		topic, look := sub.GetTopicid(), sub.GetRequestsPartial()
		switch {
		case look && topic == "":
			g.begin(id)
			continue
		case topic == "" || len(topic) > maxTopicName:
			continue
		case !look:
			g.note(id, topic, sub.GetSubscribe())
		}
		subscribed, isNew := g.settle(id, topic, g.admits(id, topic))
		told = append(told, &pb.RPC_SubOpts{Topicid: &topic, Subscribe: &subscribed})
		if isNew {
			news = append(news, topic)
		}
	}
	return told, news
}

// begin forgets what a peer has said on an older stream.
func (g *gossip) begin(id peer.ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if in := g.inbound[id]; in != nil {
		clear(in.wants)
	}
}

func (g *gossip) note(id peer.ID, topic string, subscribed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := g.inbound[id]
	if in == nil {
		return
	}
	_, known := in.wants[topic]
	switch {
	case !subscribed:
		delete(in.wants, topic)
	case !known && len(in.wants) < maxSubscriptions:
		in.wants[topic] = false
	}
}

// settle decides whether the router counts a peer to a topic, and whether that is
// new.
func (g *gossip) settle(id peer.ID, topic string, admitted bool) (subscribed, isNew bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := g.inbound[id]
	if in == nil {
		return false, false
	}
	before, wanted := in.wants[topic]
	if !wanted {
		return false, false
	}
	subscribed = admitted && g.outbound[id] != nil
	in.wants[topic] = subscribed
	return subscribed, subscribed && !before
}

// recall makes the router look again at who is subscribed to a topic.
func (g *gossip) recall(topic string) {
	for _, in := range g.subscribers(topic) {
		in.recall(topic)
	}
}

// recallPeer makes the router, which has forgotten a peer, look again at all that
// the peer is subscribed to.
func (g *gossip) recallPeer(id peer.ID) {
	g.mu.Lock()
	in := g.inbound[id]
	var topics []string
	if in != nil {
		for topic := range in.wants {
			in.wants[topic] = false
			topics = append(topics, topic)
		}
	}
	g.mu.Unlock()
	if len(topics) > 0 {
		in.recall(topics...)
	}
}

func (g *gossip) subscribers(topic string) (out []*inbound) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, in := range g.inbound {
		if _, ok := in.wants[topic]; ok {
			out = append(out, in)
		}
	}
	return out
}
