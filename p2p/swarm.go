package p2p

import (
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// newSwarm builds libp2p's connection layer: TCP, libp2p-TLS, yamux, limits.
// It is put together by hand because libp2p.New would bring identify with it,
// and derives QUIC keys from the raw private key, which ours does not give.
func newSwarm(self peer.ID, key *signerKey) (_ *swarm.Swarm, closeAll func() error, err error) {
	var closers []func() error
	closeAll = func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()

	limits, err := resourceLimits()
	if err != nil {
		return nil, nil, fmt.Errorf("set resource limits: %w", err)
	}
	closers = append(closers, limits.Close)
	store, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, nil, fmt.Errorf("open peer store: %w", err)
	}
	closers = append(closers, store.Close)
	if err := errors.Join(store.AddPrivKey(self, key), store.AddPubKey(self, key.public)); err != nil {
		return nil, nil, fmt.Errorf("keep the host's key: %w", err)
	}
	s, err := swarm.NewSwarm(self, store, eventbus.NewBus(),
		swarm.WithResourceManager(limits),
		swarm.WithDialRanker(swarm.NoDelayDialRanker),
		// These guess that a network is absent from failed dials; ours is
		// configured, and a peer that was down must be reachable at once.
		swarm.WithUDPBlackHoleSuccessCounter(nil),
		swarm.WithIPv6BlackHoleSuccessCounter(nil))
	if err != nil {
		return nil, nil, fmt.Errorf("start swarm: %w", err)
	}
	closers = append(closers, s.Close)

	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	tls, err := libp2ptls.New(libp2ptls.ID, key, muxers)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the TLS identity: %w", err)
	}
	up, err := upgrader.New([]sec.SecureTransport{tls}, muxers, nil, limits, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare connection upgrades: %w", err)
	}
	// Dialling from the listening port would let two nodes that dial each
	// other meet on one socket pair, and redials trip over TIME_WAIT.
	transport, err := tcp.NewTCPTransport(up, limits, nil, tcp.DisableReuseport())
	if err != nil {
		return nil, nil, fmt.Errorf("prepare TCP: %w", err)
	}
	if err := s.AddTransport(transport); err != nil {
		return nil, nil, fmt.Errorf("add TCP: %w", err)
	}
	return s, closeAll, nil
}
