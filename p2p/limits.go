package p2p

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
)

const (
	// MaxFrame bounds one frame: a block at Fabric's largest message, 100 MiB.
	MaxFrame = 100 << 20

	// MaxGossip is the largest gossip message, in bytes.
	MaxGossip = 1 << 20

	// maxHello bounds the messages of the proof: a certificate in PEM with room
	// for large keys and sixteen addresses.
	maxHello = 64 << 10
	// maxAddrs and maxAddrLen bound what a peer says of where it listens.
	maxAddrs   = 16
	maxAddrLen = 256
	// maxReason bounds a reason shown to or by a peer.
	maxReason = 512
	// maxChannel bounds a channel's name; Fabric allows 249 bytes.
	maxChannel = 256
	// maxOpen bounds the first frames of a stream: a channel name or a reason.
	maxOpen = 4 << 10

	// helloTimeout is what a new connection has to prove itself. Two round
	// trips and two certificate checks take milliseconds; a loaded machine more.
	helloTimeout = 10 * time.Second
	// openTimeout bounds the negotiation of a stream and its Open exchange.
	openTimeout = 10 * time.Second
	// writeTimeout is how long a write may wait without progress on a peer
	// that does not read.
	writeTimeout = 30 * time.Second
	// refusalTimeout is what a refused peer has to read the reason.
	refusalTimeout = 2 * time.Second
	// lingerTimeout is how long a closed stream still takes what the other
	// side sends, before it is reset.
	lingerTimeout = time.Second

	// maxUnproven bounds connections whose proof is outstanding, so that
	// strangers cannot use up the connections meant for members.
	maxUnproven = 64
	// maxWaiting bounds streams that wait for their connection to be proven:
	// gossip, and the first streams of an eager peer.
	maxWaiting = 16
	// maxStreams bounds the streams of one protocol that one peer has open
	// here. A node needs one per channel and purpose.
	maxStreams = 128

	// maxTopicName bounds a topic's name; ours are hashes in text.
	maxTopicName = 128
	// maxSubscriptions bounds the topics that one peer may be subscribed to,
	// two or three per channel.
	maxSubscriptions = 1024
	// gossipOverhead is what the gossip protocol adds to a message, and room
	// for control messages next to it.
	gossipOverhead = 64 << 10
	// acceptedIDs is how many accepted message ids a topic remembers.
	acceptedIDs = 8192
	// receiveQueue is how many accepted messages wait for a topic's Receive;
	// more are dropped, and the receiver catches up by other means.
	receiveQueue = 128
	// validateQueue is how many messages wait for validation.
	validateQueue = 128
	// gossipQueue is how many gossip messages wait for one peer to read them.
	gossipQueue = 128
	// gossipHeartbeat repairs the mesh of a topic.
	gossipHeartbeat = 700 * time.Millisecond
	// gossipRetry is the pause between attempts at a gossip stream to a peer.
	gossipRetry = time.Second
)

// resourceLimits are libp2p's own, a backstop behind ours: they hold for peers
// in every state, and count the memory of stream windows.
func resourceLimits() (network.ResourceManager, error) {
	bound := func(conns, streams int, memory int64) rcmgr.ResourceLimits {
		return rcmgr.BaseLimit{
			Conns: conns, ConnsInbound: conns, ConnsOutbound: conns, FD: conns,
			Streams: 2 * streams, StreamsInbound: streams, StreamsOutbound: streams,
			Memory: memory,
		}.ToResourceLimits()
	}
	limits := rcmgr.PartialLimitConfig{
		System:      bound(512, 8192, 1<<30),
		Transient:   bound(128, 512, 128<<20),
		PeerDefault: bound(8, 1024, 256<<20),
	}
	return rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(limits.Build(rcmgr.InfiniteLimits)),
		rcmgr.WithMetricsDisabled(),
		// Several nodes may share an address behind a gateway.
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: 64}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: 64}}),
		rcmgr.WithConnRateLimiters(dialRate()))
}

// dialRate bounds how fast one network opens connections, since each costs a
// TLS handshake. Loopback is exempt: whole networks run there.
func dialRate() *rate.Limiter {
	perSubnet := rate.Limit{RPS: 10, Burst: 128}
	return &rate.Limiter{
		NetworkPrefixLimits: []rate.PrefixLimit{
			{Prefix: netip.MustParsePrefix("127.0.0.0/8")},
			{Prefix: netip.MustParsePrefix("::1/128")},
		},
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: perSubnet}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: perSubnet}},
			GracePeriod:      time.Minute,
		},
	}
}
