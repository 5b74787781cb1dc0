package node

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/node/admin"
	"github.com/weft-network/weft/node/deliver"
	"github.com/weft-network/weft/node/gossip"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/node/ops"
	"github.com/weft-network/weft/node/order"
	"github.com/weft-network/weft/node/order/raft"
	"github.com/weft-network/weft/p2p"
)

// ordererRole is a node as an orderer. It serves orderer.AtomicBroadcast.
type ordererRole struct {
	ab.UnimplementedAtomicBroadcastServer
	n       *Node
	reg     *order.Registrar
	blocks  *deliver.Service
	written *prometheus.CounterVec
	batch   *prometheus.HistogramVec
}

func newOrderer(n *Node, dir string) (*ordererRole, error) {
	o := &ordererRole{n: n}
	o.written = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "blockcutter_transactions_total", Help: "Transactions put into blocks by this orderer."}, []string{"channel"})
	o.batch = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "blockcutter_block_fill_duration", Help: "The time from first transaction enqueing to the block being cut in seconds.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
	}, []string{"channel"})
	n.metrics.MustRegister(o.written, o.batch)
	cert, err := leaf(n.cfg.TLS)
	if err != nil {
		return nil, err
	}
	o.reg, err = order.Open(order.Config{
		Dir: dir, Signer: n.signer, TLSCert: cert, Consensus: o.raft, Dial: o.dial, Now: n.cfg.Now, Fatal: n.cfg.Fatal, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	for _, info := range o.reg.List() {
		o.announce(info.Name)
	}
	o.blocks = deliver.New(deliver.Config{
		Channel:  o.channel,
		Resource: func(*channel.Config, deliver.Kind) string { return "/Channel/Readers" },
		Leaderless: func(id string) <-chan struct{} {
			if c, ok := o.reg.Channel(id); ok {
				return c.Consensus().Leaderless()
			}
			return nil
		},
		Now: n.cfg.Now, Log: n.log,
	})
	o.handle()
	return o, nil
}

// leaf is the node's TLS server certificate, by which channel configurations
// know it as a consenter.
func leaf(files TLS) (*x509.Certificate, error) {
	pair, err := loadPair("tls", files)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(pair.Certificate[0])
}

// raft makes the consensus of a channel.
func (o *ordererRole) raft(c *order.Channel, id uint64, dir string) (order.Consensus, error) {
	written, gather := o.written.WithLabelValues(c.ID()), o.batch.WithLabelValues(c.ID())
	return raft.New(raft.Config{
		Dir: dir, ID: id, Ledger: c, Genesis: c.Genesis(), Settings: c.Config, Send: c.Send, Forward: c.Forward,
		Fetch: func(ctx context.Context, from, to uint64, f func(*common.Block) error) error {
			return o.fetch(ctx, c.ID(), from, to, f)
		},
		Observe: func(b raft.Ordered) {
			written.Add(float64(b.Messages))
			if b.Agree > 0 {
				gather.Observe(b.Gather.Seconds())
			}
		},
		Now: o.n.cfg.Now, Log: o.n.log.With("channel", c.ID()),
	})
}

// announce makes a channel's members known to the mesh.
func (o *ordererRole) announce(id string) {
	if c, ok := o.reg.Channel(id); ok {
		o.n.mesh.AddChannel(mesh.Channel{ID: id, Config: c.Config})
	}
}

// dial opens a stream to another consenter, once it has proven to be the one.
func (o *ordererRole) dial(ctx context.Context, p p2p.Protocol, c *order.Channel, to uint64) (order.Stream, error) {
	id := o.n.mesh.ConsenterPeer(c.ID(), to)
	if id == "" {
		return nil, fmt.Errorf("consenter %d of channel %s has not been reached yet", to, c.ID())
	}
	return o.n.mesh.Host().Open(ctx, id, p, c.ID())
}

// handle registers the protocols that an orderer answers.
func (o *ordererRole) handle() {
	host := o.n.mesh.Host()
	host.Handle(mesh.Broadcast, func(ctx context.Context, s *p2p.Stream) {
		o.ended("broadcast", s, o.reg.ServeStream(ctx, s.Channel(), s))
	})
	host.Handle(mesh.Raft, func(ctx context.Context, s *p2p.Stream) {
		if from := o.consenter(s); from != 0 {
			o.ended("raft", s, o.reg.ServeRaft(s.Channel(), from, s))
		}
	})
	host.Handle(mesh.Submit, func(ctx context.Context, s *p2p.Stream) {
		if o.consenter(s) != 0 {
			o.ended("submit", s, o.reg.ServeSubmit(ctx, s.Channel(), s))
		}
	})
	o.n.handleDeliver()
}

// consenter is the consenter at the other end of a stream: the peer that
// answered at that consenter's address with its TLS certificate. A peer that
// this node has not identified yet is refused and will come again.
func (o *ordererRole) consenter(s *p2p.Stream) uint64 {
	return o.n.mesh.Consenter(s.Channel(), s.Peer().ID)
}

func (o *ordererRole) ended(what string, s *p2p.Stream, err error) {
	if err != nil {
		o.n.log.Debug("stream ended", "protocol", what, "channel", s.Channel(), "peer", s.Peer().ID, "err", err)
	}
}

// fetch takes blocks from the other orderers of a channel, one after the other
// until one has them.
func (o *ordererRole) fetch(ctx context.Context, id string, from, to uint64, f func(*common.Block) error) error {
	err := errors.New("no other orderer is connected")
	for _, c := range o.n.mesh.Orderers(id) {
		if !c.Connected {
			continue
		}
		if err = o.fetchFrom(ctx, c.Peer, id, &from, to, f); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (o *ordererRole) fetchFrom(ctx context.Context, peer p2p.ID, id string, from *uint64, to uint64, f func(*common.Block) error) error {
	s, err := o.n.mesh.Host().Open(ctx, peer, mesh.Deliver, id)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	return gossip.Receive(s, *from, to, func(_ []byte, b *common.Block) error {
		if err := f(b); err != nil {
			return err
		}
		*from = b.Header.Number + 1
		return nil
	})
}

// Broadcast takes envelopes from clients.
func (o *ordererRole) Broadcast(st ab.AtomicBroadcast_BroadcastServer) error {
	return o.reg.ServeBroadcast(st)
}

// Deliver serves blocks to clients.
func (o *ordererRole) Deliver(st ab.AtomicBroadcast_DeliverServer) error {
	return o.blocks.Orderer(st)
}

func (o *ordererRole) channel(id string) (deliver.Channel, bool) {
	c, ok := o.reg.Channel(id)
	return c, ok
}

func (o *ordererRole) ledger(id string) *chain.Chain {
	c, ok := o.reg.Channel(id)
	if !ok {
		return nil
	}
	return c.Ledger()
}

// participation is the registrar as the admin API uses it: what is joined there
// becomes known to the mesh.
type participation struct {
	*order.Registrar
	o *ordererRole
}

// Join joins a channel and makes its members known.
func (p participation) Join(genesis *common.Block) (order.Info, error) {
	info, err := p.Registrar.Join(genesis)
	if err == nil {
		p.o.announce(info.Name)
	}
	return info, err
}

// Remove leaves a channel and forgets its members.
func (p participation) Remove(id string) error {
	err := p.Registrar.Remove(id)
	if err == nil {
		p.o.n.mesh.RemoveChannel(id)
	}
	return err
}

func (o *ordererRole) adminHandler() http.Handler {
	return admin.Handler(participation{o.reg, o}, o.n.log)
}

func (o *ordererRole) run(ctx context.Context) error { return o.reg.Run(ctx) }

func (o *ordererRole) status() []ops.Channel {
	var list []ops.Channel
	for _, info := range o.reg.List() {
		c, ok := o.reg.Channel(info.Name)
		if !ok {
			continue
		}
		leader := c.Consensus().Leader()
		s := ops.Channel{
			ID: info.Name, Height: info.Height, LastHash: c.LastHash(),
			Leader: leader == c.Number(), RaftLeader: leader, Source: "consensus",
		}
		if info.Status == "failed" {
			s.Error = "consensus of this channel has stopped: see the log"
		}
		list = append(list, s)
	}
	return list
}

func (o *ordererRole) close() error {
	if o.reg == nil {
		return nil
	}
	return o.reg.Close()
}
