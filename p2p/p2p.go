// Package p2p moves bytes between nodes: libp2p hosts whose peer id is derived
// from their MSP signing key, streams of framed messages, and gossip topics.
//
// It exports no libp2p type and knows nothing of blocks or certificates beyond
// comparing keys. A connection counts only after both sides have shown the MSP
// identity whose public key is the peer id; every stream and topic names a
// channel and is admitted by Membership.
//
// What it promises: until a peer is proven it is served nothing but the proof,
// and gossip does not know that it exists; no message of a topic leaves for a
// peer that Membership does not admit to it; a queue or a frame from outside
// is bounded, and a peer that stops reading holds up only its own streams.
// Nothing is kept on disk, so a crash leaves nothing behind.
package p2p

import (
	"crypto"
	"errors"
	"log/slog"
	"time"
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
	// Since is when it was connected and proven; with more than one connection,
	// the first of them.
	Since time.Time
}

// Protocol names what a stream is for, e.g. "deliver".
type Protocol string

// Membership decides who may do what; node fills it from the channel configs.
// It is called concurrently, and must not call back into the Host.
type Membership interface {
	// Known returns the organisation of an identity and its public key, or an
	// error when no channel of this node knows it. The error's text is shown to
	// the peer that is refused.
	Known(identity []byte) (mspID string, key crypto.PublicKey, err error)
	// Allow is nil when the identity may open the protocol on the channel. The
	// channel is "" for protocols between nodes of one organisation. The
	// error's text is shown to the peer that is refused.
	Allow(identity []byte, p Protocol, channel string) error
}

// Config of a Host.
type Config struct {
	// Identity is this node's serialized MSP identity; Sign signs with its
	// key (ECDSA P-256 over the SHA-256 of the message, as ASN.1; or Ed25519
	// over the message), hashing as libp2p expects. Public is that key.
	Identity []byte
	Public   crypto.PublicKey
	Sign     func(msg []byte) ([]byte, error)
	Listen   []string // multiaddrs, e.g. /ip4/127.0.0.1/tcp/8051
	// Announce replaces, when set, the addresses that other nodes are told,
	// for nodes that are reached through a forwarded port.
	Announce   []string
	Membership Membership
	Log        *slog.Logger
}

func (c Config) validate() error {
	switch {
	case len(c.Identity) == 0:
		return errors.New("p2p: no identity")
	case c.Sign == nil:
		return errors.New("p2p: no signer")
	case c.Membership == nil:
		return errors.New("p2p: no membership")
	case c.Log == nil:
		return errors.New("p2p: no log")
	}
	return nil
}

// RefusedError is a refusal by the other side, or by us when Here is set.
type RefusedError struct {
	Peer   ID
	Reason string
	// Here tells that this node refused the peer, not the peer this node.
	Here bool
}

// Error is a sentence that says who refused whom, and why.
func (e *RefusedError) Error() string {
	if e.Here {
		return "peer " + string(e.Peer) + " refused: " + e.Reason
	}
	return "peer " + string(e.Peer) + " refused this node: " + e.Reason
}

// ErrNotConnected is wrapped by errors about a peer that is not connected and
// proven, or no longer.
var ErrNotConnected = errors.New("peer is not connected")
