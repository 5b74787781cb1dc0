package p2p

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

// gossipProtocol is gossipsub under a name of our own: floodsub, which knows no
// peer filter, is not offered, and no public network is joined by accident.
const gossipProtocol = protocol.ID("/weft/gossip/1")

// gossip is one gossipsub router. It sees the world through gossipHost, in
// which a peer exists only once it is proven, and what peers send through
// inspect, in which a topic exists for a peer only when Membership allows it.
type gossip struct {
	h       *Host
	ps      *pubsub.PubSub
	bus     event.Bus
	arrived event.Emitter         // tells the router of a proven peer
	handle  network.StreamHandler // the router's, set while it is built

	// joining makes each Join and Leave one step to the next.
	joining sync.Mutex

	// mu is never held while links.mu is wanted, nor while Membership is asked.
	mu       sync.Mutex
	topics   map[string]*Topic
	inbound  map[peer.ID]*inbound
	outbound map[peer.ID]*outbound
	// allowed remembers Membership's answers until the next Reconsider.
	allowed map[peer.ID]map[string]bool
	epoch   int
}

func newGossip(h *Host) (*gossip, error) {
	g := &gossip{
		h: h, bus: eventbus.NewBus(),
		topics:   map[string]*Topic{},
		inbound:  map[peer.ID]*inbound{},
		outbound: map[peer.ID]*outbound{},
		allowed:  map[peer.ID]map[string]bool{},
	}
	var err error
	if g.arrived, err = g.bus.Emitter(new(event.EvtPeerIdentificationCompleted)); err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	if g.ps, err = pubsub.NewGossipSub(h.ctx, &gossipHost{g: g}, g.options()...); err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	return g, nil
}

func (g *gossip) options() []pubsub.Option {
	params := pubsub.DefaultGossipSubParams()
	params.HeartbeatInterval = gossipHeartbeat
	// A channel may be rejoined soon after it was left.
	params.UnsubscribeBackoff = 2 * time.Second
	params.PruneBackoff = 10 * time.Second
	params.Connectors = 1 // they never have work: nobody is dialled
	params.SlowHeartbeatWarning = 0
	quiet := debugOnly(g.h.log)
	return []pubsub.Option{
		pubsub.WithGossipSubProtocols([]protocol.ID{gossipProtocol}, gossipFeatures),
		pubsub.WithGossipSubParams(params),
		// The messages carry their own signatures, and no author.
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		// What we publish goes to all our neighbours of the topic at once, so
		// a young mesh delays nothing.
		pubsub.WithFloodPublish(true),
		pubsub.WithPeerExchange(false),
		pubsub.WithPeerFilter(g.admits),
		pubsub.WithAppSpecificRpcInspector(g.inspect),
		pubsub.WithPeerScore(scoreParams()),
		pubsub.WithMaxMessageSize(MaxGossip + gossipOverhead),
		pubsub.WithMaxControlMessageSize(gossipOverhead),
		pubsub.WithValidateQueueSize(validateQueue),
		pubsub.WithPeerOutboundQueueSize(gossipQueue),
		pubsub.WithLogger(quiet),
		pubsub.WithRPCLogger(discardLog()),
	}
}

func gossipFeatures(f pubsub.GossipSubFeature, p protocol.ID) bool {
	return p == gossipProtocol && f != pubsub.GossipSubFeatureExtensions
}

// scoreParams count invalid messages (squared, forgotten over ten minutes) and
// breaches of the gossip protocol. A peer below the last threshold is ignored.
// Sharing an address is no offence: whole networks run on one machine.
func scoreParams() (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	params := &pubsub.PeerScoreParams{
		SkipAtomicValidation:      true,
		Topics:                    map[string]*pubsub.TopicScoreParams{}, // written to at Join
		AppSpecificScore:          func(peer.ID) float64 { return 0 },
		DecayInterval:             10 * time.Second,
		DecayToZero:               0.1,
		RetainScore:               10 * time.Minute,
		BehaviourPenaltyWeight:    -1,
		BehaviourPenaltyThreshold: 10,
		BehaviourPenaltyDecay:     pubsub.ScoreParameterDecayWithBase(time.Minute, 10*time.Second, 0.1),
	}
	thresholds := &pubsub.PeerScoreThresholds{
		SkipAtomicValidation: true,
		GossipThreshold:      -100,
		PublishThreshold:     -500,
		GraylistThreshold:    -1000,
	}
	return params, thresholds
}

func topicScore() *pubsub.TopicScoreParams {
	return &pubsub.TopicScoreParams{
		SkipAtomicValidation:           true,
		TopicWeight:                    1,
		TimeInMeshQuantum:              time.Second, // divides, though its weight is 0
		InvalidMessageDeliveriesWeight: -10,
		InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecayWithBase(10*time.Minute, 10*time.Second, 0.1),
	}
}

// forget drops what is remembered of a peer that has gone.
func (g *gossip) forget(id peer.ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.allowed, id)
	g.epoch++ // an answer that is on its way is of a peer that has gone
}

// admits tells whether a peer may take part in a topic that is joined here.
func (g *gossip) admits(id peer.ID, topic string) bool {
	for {
		g.mu.Lock()
		t := g.topics[topic]
		ok, known := g.allowed[id][topic]
		epoch := g.epoch
		g.mu.Unlock()
		if t == nil {
			return false
		}
		if known {
			return ok
		}
		p, proven := g.h.links.peer(id)
		if !proven {
			return false
		}
		ok = g.h.cfg.Membership.Allow(p.Identity, t.cfg.Protocol, t.cfg.Channel) == nil
		if g.remember(id, topic, ok, epoch) {
			return ok
		}
	}
}

// remember keeps an answer; false when Membership may have changed since it
// was given: then it must not be used, for reconsider would not know of it.
func (g *gossip) remember(id peer.ID, topic string, ok bool, epoch int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.epoch != epoch {
		return false
	}
	if g.allowed[id] == nil {
		g.allowed[id] = map[string]bool{}
	}
	g.allowed[id][topic] = ok
	return true
}

// inspect changes what a peer sends before the router sees it. Messages on
// topics that are not the peer's are taken out, before they are noted as seen.
// And whoever is newly subscribed is grafted: else the mesh would form at the next
// heartbeat only, and a message that came to be forwarded before would stop.
// The router prunes what is too much, and holds a graft against a peer that it
// pruned a moment ago: nobody is grafted again who is subscribed already.
func (g *gossip) inspect(id peer.ID, rpc *pubsub.RPC) error {
	rpc.Publish = slices.DeleteFunc(rpc.Publish, func(m *pb.Message) bool {
		return !g.admits(id, m.GetTopic())
	})
	if len(rpc.Subscriptions) > maxSubscriptions {
		return fmt.Errorf("%w: %d in one message", pubsub.ErrTooManySubscriptions, len(rpc.Subscriptions))
	}
	var news []string
	rpc.Subscriptions, news = g.hear(id, rpc.Subscriptions)
	for _, topic := range news {
		if rpc.Control == nil {
			rpc.Control = &pb.ControlMessage{}
		}
		rpc.Control.Graft = append(rpc.Control.Graft, &pb.ControlGraft{TopicID: &topic})
	}
	return nil
}

// reconsider asks Membership again about every peer and topic. A peer that has
// lost a topic is dropped, which takes it out of the router's every list; one
// that has gained a topic it had subscribed to is now subscribed.
func (g *gossip) reconsider() {
	g.mu.Lock()
	before := g.allowed
	g.allowed = map[peer.ID]map[string]bool{}
	g.epoch++
	g.mu.Unlock()
	for id, topics := range before {
		for topic, was := range topics {
			if was && !g.admits(id, topic) && g.joined(topic) {
				g.h.log.Info("dropping a peer that may no longer read a topic", "peer", id)
				g.h.swarm.ClosePeer(id)
				break
			}
		}
	}
	g.mu.Lock()
	names := slices.Collect(maps.Keys(g.topics))
	g.mu.Unlock()
	for _, name := range names {
		g.recall(name)
	}
}

func (g *gossip) joined(topic string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.topics[topic] != nil
}

// messageID is the router's: it tells copies apart by every byte. A message
// id that the sender can claim would let a bad copy, seen first, hide the good
// one; equal claimed ids are sorted out after validation, by Topic.first.
func messageID(m *pb.Message) string {
	h := sha256.New()
	h.Write([]byte(m.GetTopic()))
	h.Write([]byte{0})
	h.Write(m.GetData())
	return string(h.Sum(nil))
}

var errGossipTooLarge = errors.New("gossip message too large")
