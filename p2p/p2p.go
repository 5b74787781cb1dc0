// Package p2p moves bytes between nodes: libp2p hosts whose peer id is derived
// from their MSP signing key, streams of framed messages, and gossip topics.
//
// It exports no libp2p type and knows nothing of blocks or certificates beyond
// comparing keys. A connection counts only after both sides have shown the MSP
// identity whose public key is the peer id; every stream and topic names a
// channel and is admitted by Membership.
package p2p

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
)

// ID is a node's libp2p peer id, in text form.
type ID string

// Peer is a connected node that has proven its identity.
type Peer struct {
	ID ID
	// Identity is the serialized MSP identity whose key is ID's.
	Identity []byte
	MSPID    string
	Addrs    []string
}

// Protocol names what a stream is for, e.g. "deliver".
type Protocol string

// Membership decides who may do what; node fills it from the channel configs.
// It is called concurrently.
type Membership interface {
	// Known returns the organisation of an identity and its public key, or an
	// error when no channel of this node knows it.
	Known(identity []byte) (mspID string, key crypto.PublicKey, err error)
	// Allow is nil when the identity may open the protocol on the channel. The
	// channel is "" for protocols between nodes of one organisation.
	Allow(identity []byte, p Protocol, channel string) error
}

// Config of a Host.
type Config struct {
	// Identity is this node's serialized MSP identity; Signer signs with its
	// key (ECDSA P-256, or Ed25519) over the message, hashing as libp2p expects.
	Identity   []byte
	Public     crypto.PublicKey
	Sign       func(msg []byte) ([]byte, error)
	Listen     []string // multiaddrs, e.g. /ip4/127.0.0.1/tcp/8051
	Membership Membership
	Log        *slog.Logger
}

// Host is a running libp2p node.
type Host struct{}

// IDFromKey derives the peer id of a public key.
func IDFromKey(key crypto.PublicKey) (ID, error) { return "", errors.New("not built yet") }

// New starts listening. Handlers are registered before Run.
func New(cfg Config) (*Host, error) { return nil, errors.New("not built yet") }

// ID and Addrs (multiaddrs without the peer id) of this host.
func (h *Host) ID() ID { return "" }

// Addrs that the host listens on.
func (h *Host) Addrs() []string { return nil }

// Connect dials a peer and completes the identity exchange.
func (h *Host) Connect(ctx context.Context, id ID, addrs []string) (Peer, error) {
	return Peer{}, errors.New("not built yet")
}

// Peers are the proven, connected peers.
func (h *Host) Peers() []Peer { return nil }

// OnPeer calls up and down when a proven peer connects and when its last
// connection ends; the calls are ordered per peer. Before Run only.
func (h *Host) OnPeer(up, down func(Peer)) {}

// Drop closes the connections to a peer.
func (h *Host) Drop(id ID) {}

// Reconsider asks Membership again about every connected peer and drops those
// that are no longer known; call it after a channel configuration changed.
func (h *Host) Reconsider() {}

// Stream is a bidirectional, ordered flow of frames of at most MaxFrame bytes.
// One goroutine may send while another receives.
type Stream struct{}

// MaxFrame bounds one frame: a block at Fabric's largest message, 100 MiB.
const MaxFrame = 100 << 20

// Send writes one frame and flushes.
func (s *Stream) Send(msg []byte) error { return errors.New("not built yet") }

// Recv reads one frame; io.EOF when the other side closed.
func (s *Stream) Recv() ([]byte, error) { return nil, errors.New("not built yet") }

// Peer at the other end.
func (s *Stream) Peer() Peer { return Peer{} }

// Channel that the stream was opened for.
func (s *Stream) Channel() string { return "" }

// CloseSend tells the other side that nothing more follows.
func (s *Stream) CloseSend() error { return nil }

// Close ends both directions at once.
func (s *Stream) Close() error { return nil }

// Handle registers the handler of a protocol; it owns the stream, which is
// closed when it returns. Before Run only.
func (h *Host) Handle(p Protocol, f func(ctx context.Context, s *Stream)) {}

// Open opens a stream to a proven peer. A refusal by the other side is an
// error that carries its reason.
func (h *Host) Open(ctx context.Context, to ID, p Protocol, channel string) (*Stream, error) {
	return nil, errors.New("not built yet")
}

// Topic is a joined gossip topic.
type Topic struct{}

// TopicConfig of Join.
type TopicConfig struct {
	// Name is the topic's public name: a hash, never the channel's name.
	Name string
	// Channel is given to Membership with Protocol to admit subscribers.
	Channel  string
	Protocol Protocol
	// MessageID identifies a message; equal ids are delivered once.
	MessageID func(data []byte) string
	// Validate decides, before forwarding, whether a message is delivered and
	// passed on. It must not block long.
	Validate func(from ID, data []byte) Verdict
	// Receive gets every accepted message of others, in one goroutine.
	Receive func(from ID, data []byte)
}

// Verdict on a gossip message.
type Verdict int

// Accept delivers and forwards; Ignore drops silently; Reject drops and counts
// against the sender.
const (
	Accept Verdict = iota
	Ignore
	Reject
)

// MaxGossip is the largest gossip message, in bytes.
const MaxGossip = 1 << 20

// Join subscribes to a topic.
func (h *Host) Join(cfg TopicConfig) (*Topic, error) { return nil, errors.New("not built yet") }

// Publish sends to the topic.
func (t *Topic) Publish(ctx context.Context, data []byte) error { return errors.New("not built yet") }

// Leave unsubscribes.
func (t *Topic) Leave() error { return nil }

// Run serves until ctx ends, then closes the host and returns.
func (h *Host) Run(ctx context.Context) error { return nil }
