package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/node/commit"
	"github.com/weft-network/weft/node/deliver"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/gateway"
	"github.com/weft-network/weft/node/gossip"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/node/ops"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// peerRole is a node as a peer: its channels, and the services over them.
type peerRole struct {
	n         *Node
	dir       string // of channels
	endorser  *endorse.Endorser
	gateway   *gateway.Server
	deliver   *deliver.Service
	chaincode *chaincode
	metrics   peerMetrics

	joins sync.Mutex // held by join: one at a time

	mu       sync.Mutex
	group    *group // set while running
	channels map[string]*peerChannel
}

// peerChannel is one channel of a peer with what feeds it.
type peerChannel struct {
	*commit.Channel
	gossip *gossip.Channel
	told   *channel.Config // the one that the log told of; only committed uses it

	mu      sync.Mutex
	remotes map[p2p.ID]*endorse.Remote
	orders  map[p2p.ID]*broadcaster
	first   string // endpoint of the orderer to try first: the leader, as far as known
}

func newPeer(n *Node, dir string) (*peerRole, error) {
	p := &peerRole{n: n, dir: filepath.Join(dir, "channels"), channels: map[string]*peerChannel{}}
	p.metrics = newPeerMetrics(n.metrics, func(each func(string, int)) {
		for _, pc := range p.all() {
			each(pc.ID(), pc.Pending())
		}
	})
	var err error
	if p.chaincode, err = newChaincode(p, dir); err != nil {
		return nil, err
	}
	p.endorser = endorse.New(endorse.Config{
		Signer: n.signer, LocalMSPs: n.local, Channel: p.endorseChannel,
		System: p.chaincode.system, Chaincodes: p.chaincode.lifecycle,
		Now: n.cfg.Now, Log: n.log, Concurrent: n.cfg.Peer.EndorserConcurrency, Timeout: n.cfg.Peer.ExecuteTimeout,
	})
	p.gateway = gateway.New(gateway.Config{
		MSPID: n.cfg.MSPID, Channel: p.commitChannel, Endorsers: p.endorsers, Own: p.own, Orderers: p.orderers,
		SystemChaincode: func(name string) bool { return p.chaincode.system[name] != nil },
		Profile:         p.chaincode.runtime.Profile(),
		Now:             n.cfg.Now, Log: n.log,
	})
	p.deliver = deliver.New(deliver.Config{Channel: p.deliverChannel, Resource: peerResource, Now: n.cfg.Now, Log: n.log})
	p.handle()
	if err := p.openAll(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func peerResource(c *channel.Config, k deliver.Kind) string {
	if k == deliver.Filtered {
		return c.ACL("event/FilteredBlock")
	}
	return c.ACL("event/Block")
}

// handle registers the protocols that a peer answers.
func (p *peerRole) handle() {
	host := p.n.mesh.Host()
	host.Handle(mesh.Endorse, func(ctx context.Context, s *p2p.Stream) { p.endorser.ServePeer(ctx, s) })
	p.n.handleDeliver()
	p.n.mesh.OnPeer(func(p2p.Peer) { p.pokeAll() }, func(gone p2p.Peer) {
		for _, pc := range p.all() {
			pc.forget(gone.ID)
		}
		p.pokeAll()
	})
}

// forget drops the streams to a peer that has gone: it may come back with
// another certificate, which is another id.
func (pc *peerChannel) forget(id p2p.ID) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if r := pc.remotes[id]; r != nil {
		go r.Close() // it may wait for a dial
	}
	delete(pc.remotes, id)
	delete(pc.orders, id)
}

// join prefix of a channel folder that is not complete.
const joining = ".joining-"

// openAll opens the channels that the peer has joined.
func (p *peerRole) openAll() error {
	if err := os.MkdirAll(p.dir, 0o750); err != nil {
		return err
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(p.dir, e.Name())
		if strings.HasPrefix(e.Name(), joining) {
			// A join that a crash interrupted: nothing was promised.
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			continue
		}
		if _, err := p.open(path); err != nil {
			return fmt.Errorf("channel %s: %w", e.Name(), err)
		}
	}
	return nil
}

// open opens one channel's ledger and joins its topics.
func (p *peerRole) open(path string) (*peerChannel, error) {
	pc := &peerChannel{remotes: map[p2p.ID]*endorse.Remote{}, orders: map[p2p.ID]*broadcaster{}}
	ch, err := commit.Open(p.commitConfig(path, pc))
	if err != nil {
		return nil, err
	}
	pc.Channel, pc.told = ch, ch.Config()
	id := ch.ID()
	p.n.mesh.AddChannel(mesh.Channel{ID: id, Config: ch.Config})
	streams := p.metrics.streams.WithLabelValues(id) // shown from the start, as 0
	diverged := p.metrics.diverged.WithLabelValues(id)
	pc.gossip, err = gossip.Join(gossip.Config{
		Channel: ch, Mesh: p.n.mesh, Signer: p.n.signer, Endpoint: p.n.cfg.Endpoint,
		Chaincodes:   func() []*wire.InstalledChaincode { return p.chaincode.installed(id) },
		Streams:      func(change int) { streams.Add(float64(change)) },
		OnState:      func(info *wire.StateInfo) { p.chaincode.compare(id, info) },
		OnDivergence: func(*gossip.Divergence) { diverged.Inc() },
		Now:          p.n.cfg.Now, Log: p.n.log,
	})
	if err != nil {
		p.n.mesh.RemoveChannel(id)
		return nil, errors.Join(err, ch.Close())
	}
	p.metrics.height.WithLabelValues(id).Set(float64(ch.Ledger().Height()))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.channels[id] = pc
	return pc, nil
}

func (p *peerRole) commitConfig(path string, pc *peerChannel) commit.Config {
	return commit.Config{Dir: path, Workers: p.n.cfg.Peer.ValidatorWorkers, Log: p.n.log, Fatal: p.n.cfg.Fatal, OnCommit: func(done *commit.Committed) { p.committed(pc, done) }}
}

// committed tells metrics, gossip and the log of a block, and the mesh of a new
// configuration.
func (p *peerRole) committed(pc *peerChannel, done *commit.Committed) {
	id, number := pc.ID(), done.Block.Header.Number
	p.metrics.committed(id, done)
	for i, code := range done.Codes {
		if code != 0 {
			p.n.log.Info("invalid transaction", "channel", id, "block", number, "tx", done.Block.Txs[i].TxID(), "code", code, "why", done.Findings[i].Text)
		}
	}
	p.n.log.Debug("block committed", "channel", id, "block", number, "transactions", len(done.Codes))
	p.chaincode.committed(done.Block)
	if done.Config != nil {
		p.n.log.Info("a new configuration is in force", "channel", id, "block", number,
			"sequence", done.Config.Sequence, "changes", changedText(pc.told, done.Config))
		pc.told = done.Config
		p.n.mesh.Reconfigured()
		pc.gossip.Reconfigured()
	}
	pc.gossip.Committed()
}

// maxChanges is how many lines of what a configuration changes go into the log.
const maxChanges = 20

// changedText says in words what a new configuration changes.
func changedText(before, after *channel.Config) string {
	lines := before.Diff(after)
	if more := len(lines) - maxChanges; more > 0 {
		lines = append(lines[:maxChanges], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "; ")
}

// join makes this peer a member of a channel from its genesis block. A crash on
// the way leaves nothing.
func (p *peerRole) join(genesis *common.Block) error {
	conf, err := channel.FromBlock(genesis)
	if err != nil {
		return fmt.Errorf("the genesis block is not usable: %w", err)
	}
	if conf.Application[p.n.cfg.MSPID] == nil {
		return fmt.Errorf("%s is not a member of channel %s", p.n.cfg.MSPID, conf.ID)
	}
	p.joins.Lock()
	defer p.joins.Unlock()
	if _, exists := p.get(conf.ID); exists {
		return fmt.Errorf("cannot create ledger from genesis block: ledger [%s] already exists with state [ACTIVE]", conf.ID)
	}
	path := filepath.Join(p.dir, conf.ID)
	if err := create(filepath.Join(p.dir, joining+conf.ID), path, genesis); err != nil {
		return err
	}
	pc, err := p.open(path)
	if err != nil {
		return errors.Join(err, os.RemoveAll(path)) // else the next start would join
	}
	p.n.log.Info("joined a channel", "channel", conf.ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.group != nil {
		p.startChannel(pc)
	}
	return nil
}

// create writes a channel's first block in a folder aside and moves it into
// place: the move is what makes the peer a member.
func create(aside, path string, genesis *common.Block) error {
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	ch, err := commit.Open(commit.Config{Dir: aside, Genesis: genesis, Workers: 1})
	if err == nil {
		err = ch.Close()
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	return os.Rename(aside, path)
}

// run serves the channels until ctx ends.
func (p *peerRole) run(ctx context.Context) error {
	g := &group{ctx: ctx}
	p.mu.Lock()
	p.group = g
	for _, pc := range p.channels {
		p.startChannel(pc)
	}
	p.mu.Unlock()
	g.start(func(ctx context.Context) { p.chaincode.preload(ctx) })
	<-ctx.Done()
	p.mu.Lock()
	p.group = nil
	p.mu.Unlock()
	g.wg.Wait()
	return nil
}

// startChannel runs a channel's committer and gossip. A channel that halts
// stays open for reading and says so in its health; the others go on.
func (p *peerRole) startChannel(pc *peerChannel) {
	p.group.start(func(ctx context.Context) {
		if err := pc.Run(ctx); err != nil {
			p.n.log.Error("channel halted", "err", err)
		}
	})
	p.group.start(func(ctx context.Context) {
		if err := pc.gossip.Run(ctx); err != nil {
			p.n.log.Error("gossip of a channel ended", "channel", pc.ID(), "err", err)
		}
	})
}

func (p *peerRole) get(id string) (*peerChannel, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pc, ok := p.channels[id]
	return pc, ok
}

func (p *peerRole) all() []*peerChannel {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*peerChannel, 0, len(p.channels))
	for _, pc := range p.channels {
		list = append(list, pc)
	}
	slices.SortFunc(list, func(a, b *peerChannel) int { return compareText(a.ID(), b.ID()) })
	return list
}

func (p *peerRole) pokeAll() {
	for _, pc := range p.all() {
		pc.gossip.Poke()
	}
}

func (p *peerRole) endorseChannel(id string) (endorse.Channel, bool) {
	pc, ok := p.get(id)
	return pc, ok
}

func (p *peerRole) deliverChannel(id string) (deliver.Channel, bool) {
	pc, ok := p.get(id)
	return pc, ok
}

func (p *peerRole) commitChannel(id string) (*commit.Channel, bool) {
	pc, ok := p.get(id)
	if !ok {
		return nil, false
	}
	return pc.Channel, true
}

// own is this peer for the gateway, if it can endorse the chaincode.
func (p *peerRole) own(id, chaincode string) (gateway.Endorser, bool) {
	pc, ok := p.get(id)
	if !ok || p.chaincode.system[chaincode] == nil && !p.chaincode.runs(id, chaincode) {
		return gateway.Endorser{}, false
	}
	return p.self(pc), true
}

func (p *peerRole) self(pc *peerChannel) gateway.Endorser {
	return gateway.Endorser{
		MSPID: p.n.cfg.MSPID, Endpoint: p.n.cfg.Endpoint, Local: true, Height: pc.Ledger().Height(),
		Process: p.endorser.ProcessParts, Query: p.endorser.Evaluate,
	}
}

// endorsers lists this peer and the channel's other live peers for the gateway.
func (p *peerRole) endorsers(id string) []gateway.Endorser {
	pc, ok := p.get(id)
	if !ok {
		return nil
	}
	self := p.self(pc)
	self.Chaincodes, self.Profiles = gossip.Chaincodes(p.chaincode.installed(id))
	list := []gateway.Endorser{self}
	for _, m := range pc.gossip.Members() {
		list = append(list, gateway.Endorser{
			MSPID: m.MSPID, Endpoint: m.Endpoint, Height: m.Height, Chaincodes: m.Chaincodes, Profiles: m.Profiles,
			Process: func(ctx context.Context, sp *peer.SignedProposal, _ *endorse.Parts) (*peer.ProposalResponse, error) {
				return p.remote(pc, m.ID).ProcessAt(ctx, sp, pc.Ledger().Height())
			},
		})
	}
	return list
}

func (p *peerRole) remote(pc *peerChannel, id p2p.ID) *endorse.Remote {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	r := pc.remotes[id]
	if r == nil {
		ch := pc.ID()
		r = endorse.NewRemote(func(ctx context.Context) (endorse.Stream, error) {
			return p.n.mesh.Host().Open(ctx, id, mesh.Endorse, ch)
		})
		pc.remotes[id] = r
	}
	return r
}

// orderers lists the connected orderers of a channel, the leader in front when
// it is known: it need not pass envelopes on.
func (p *peerRole) orderers(id string) []gateway.Orderer {
	pc, ok := p.get(id)
	if !ok {
		return nil
	}
	var list []gateway.Orderer
	for _, o := range p.n.mesh.Orderers(id) {
		if !o.Connected {
			continue
		}
		g := gateway.Orderer{MSPID: o.MSPID, Endpoint: o.Endpoint, Broadcast: p.broadcast(pc, o)}
		if pc.preferred() == o.Endpoint {
			list = slices.Insert(list, 0, g)
		} else {
			list = append(list, g)
		}
	}
	return list
}

func (pc *peerChannel) preferred() string {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	return pc.first
}

func (p *peerRole) broadcast(pc *peerChannel, o mesh.Contact) func(context.Context, *common.Envelope) (common.Status, string, error) {
	pc.mu.Lock()
	b := pc.orders[o.Peer]
	if b == nil {
		b = newBroadcaster(p.n.mesh.Host(), o.Peer, pc.ID())
		pc.orders[o.Peer] = b
	}
	pc.mu.Unlock()
	return func(ctx context.Context, env *common.Envelope) (common.Status, string, error) {
		reply, err := b.Broadcast(ctx, env)
		if err != nil {
			pc.prefer(o.Endpoint, "")
			return 0, "", err
		}
		st := common.Status(reply.Status)
		switch {
		case reply.Leader != "":
			pc.prefer("", reply.Leader)
		case st == common.Status_SUCCESS:
			pc.prefer("", o.Endpoint)
		default:
			pc.prefer(o.Endpoint, "")
		}
		return st, reply.Info, nil
	}
}

// prefer tries the orderer at endpoint first from now on. When that is "", it
// only stops preferring the one at no.
func (pc *peerChannel) prefer(no, endpoint string) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if endpoint != "" || pc.first == no {
		pc.first = endpoint
	}
}

// health is the first channel that has halted.
func (p *peerRole) health() error {
	for _, pc := range p.all() {
		if err := pc.Halted(); err != nil {
			return fmt.Errorf("channel %s is halted: %w", pc.ID(), err)
		}
		if err := pc.Stalled(); err != nil {
			return fmt.Errorf("channel %s waits for room on the disk: %w", pc.ID(), err)
		}
	}
	return nil
}

// agreement is the first channel whose state differs from another peer's.
func (p *peerRole) agreement() error {
	for _, pc := range p.all() {
		if all := pc.gossip.Divergences(); len(all) > 0 {
			return fmt.Errorf("channel %s: %w", pc.ID(), all[0])
		}
	}
	return nil
}

func (p *peerRole) status() []ops.Channel {
	var list []ops.Channel
	for _, pc := range p.all() {
		l := pc.Ledger()
		c := ops.Channel{ID: pc.ID(), Height: l.Height(), LastHash: l.LastHash(), CommitHash: l.CommitHash(), Leader: pc.gossip.Leading()}
		if c.Source = "gossip"; c.Leader {
			c.Source = "orderer"
		}
		if all := pc.gossip.Divergences(); len(all) > 0 {
			c.Error = all[0].Error()
		}
		if err := errors.Join(pc.Halted(), pc.Stalled()); err != nil {
			c.Error = err.Error()
		}
		c.Chaincodes, c.Profiles = gossip.Chaincodes(p.chaincode.installed(pc.ID()))
		for _, m := range pc.gossip.Members() {
			c.Peers = append(c.Peers, ops.Member{MSPID: m.MSPID, Endpoint: m.Endpoint, Height: m.Height, Chaincodes: m.Chaincodes, Profiles: m.Profiles})
		}
		list = append(list, c)
	}
	return list
}

func (p *peerRole) close() error {
	var errs []error
	for _, pc := range p.all() {
		pc.mu.Lock()
		for _, r := range pc.remotes {
			r.Close()
		}
		pc.mu.Unlock()
		errs = append(errs, pc.Close())
	}
	p.mu.Lock()
	p.channels = map[string]*peerChannel{}
	p.mu.Unlock()
	if p.chaincode != nil {
		errs = append(errs, p.chaincode.close())
	}
	return errors.Join(errs...)
}
