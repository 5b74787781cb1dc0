package raft

import (
	"fmt"

	"github.com/weft-network/weft/node/order"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// core is the protocol of one consenter: Raft, and the leader's making of
// blocks. Messages, ticks and results go in; work comes out. It is not safe for
// concurrent use and does no I/O but reading the log's copy in memory.
type core struct {
	id   uint64
	cfg  *Config
	opts options
	rn   *raft.RawNode
	lead leading

	leader, term uint64
	isLeader     bool
	metLeader    bool // since the start
	startTicks   int
	preferred    bool // campaigns first when a channel starts
}

// work is what must be done after something went into the core.
type work struct {
	send  []*pb.Message // to other consenters, at once
	save  []*pb.Message // in order, by the saver
	apply []*pb.Message // in order, by the applier
}

func newCore(cfg *Config, opts options, log *diskLog, applied uint64) (*core, error) {
	c := &core{id: cfg.ID, cfg: cfg, opts: opts}
	rn, err := raft.NewRawNode(&raft.Config{
		ID:                        cfg.ID,
		ElectionTick:              opts.election,
		HeartbeatTick:             opts.heartbeat,
		Storage:                   log,
		Applied:                   applied,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             maxEntriesPerMessage,
		MaxCommittedSizePerReady:  16 * maxEntriesPerMessage,
		MaxInflightMsgs:           max(16, 2*opts.inFlight),
		CheckQuorum:               true,
		PreVote:                   true,
		DisableProposalForwarding: true,
		Logger:                    logger{cfg.Log},
	})
	if err != nil {
		return nil, fmt.Errorf("start Raft: %w", err)
	}
	c.rn = rn
	c.lead = newLeading(order.Pace{Window: min(paceWindow, opts.inFlight), Max: opts.inFlight})
	n := uint64(len(cfg.Settings().Consenters))
	c.preferred = cfg.ID == 1+spread(cfg.Settings().ID)%n
	if n == 1 {
		// Nobody else can lead, so there is nothing to wait for.
		if err := rn.Campaign(); err != nil {
			return nil, fmt.Errorf("start Raft: %w", err)
		}
	}
	return c, nil
}

// spread turns a channel's name into a number, so that the channels of a young
// network are led by different orderers.
func spread(channelID string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(channelID) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// startTick is how often the preferred consenter asks for votes at the start.
// Asking is harmless: a pre-vote is refused while there is a leader.
const startTick = 2

func (c *core) tick() {
	c.rn.Tick()
	c.lead.tick(c.opts)
	if c.metLeader || !c.preferred || c.startTicks > 10*c.opts.election {
		return
	}
	if c.startTicks++; c.startTicks%startTick == 0 {
		if err := c.rn.Campaign(); err != nil {
			c.cfg.Log.Debug("campaign", "error", err)
		}
	}
}

// step takes a message of another consenter.
func (c *core) step(m *pb.Message) {
	if err := c.rn.Step(m); err != nil {
		c.cfg.Log.Debug("Raft message ignored", "type", m.GetType(), "from", m.GetFrom(), "error", err)
	}
}

// finished takes back the responses of saved and applied work that are meant
// for this node, and what the applier found. They must come in order.
func (c *core) finished(responses []*pb.Message, found []outcome) {
	for _, m := range responses {
		c.step(m)
	}
	for _, o := range found {
		c.lead.applied(o, c.isLeader, c.term, c.cfg.Now())
	}
}

// submit takes messages; the returned ones are for the leader, which is not here.
func (c *core) submit(items []item) (forward []item) {
	if c.isLeader {
		settings := c.cfg.Settings()
		for _, it := range items {
			c.lead.gather(settings, it)
		}
		return nil
	}
	for _, it := range items {
		if c.leader == 0 || it.m.Passed {
			it.done(order.ErrNoLeader)
			continue
		}
		forward = append(forward, it)
	}
	return forward
}

// ready proposes what may be proposed and returns the work that has come up.
func (c *core) ready() work {
	var w work
	for {
		c.notice()
		if c.isLeader {
			c.lead.propose(c.rn, c.opts, c.cfg)
		}
		if !c.rn.HasReady() {
			return w
		}
		for _, m := range c.rn.Ready().Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
				w.save = append(w.save, m)
			case raft.LocalApplyThread:
				w.apply = append(w.apply, m)
			default:
				w.send = append(w.send, m)
				if m.GetType() == pb.MsgSnap {
					// Snapshots are tiny and sent like any message; should this
					// one be lost, the follower's answer to the next probe says so.
					c.rn.ReportSnapshot(m.GetTo(), raft.SnapshotFinish)
				}
			}
		}
	}
}

// notice follows Raft's role and term.
func (c *core) notice() {
	st := c.rn.BasicStatus()
	isLeader, term := st.RaftState == raft.StateLeader, st.HardState.GetTerm()
	if st.Lead != raft.None {
		c.metLeader = true
	}
	if st.Lead != c.leader {
		c.cfg.Log.Info("Raft leader", "leader", st.Lead, "term", term, "was", c.leader)
	}
	switch {
	case isLeader && (!c.isLeader || term != c.term):
		if c.isLeader {
			// Lost and won again unseen: others may have ordered meanwhile what
			// was submitted after the messages gathered here.
			c.lead.end()
		}
		c.lead.begin()
	case !isLeader && c.isLeader:
		c.lead.end()
	}
	c.leader, c.isLeader, c.term = st.Lead, isLeader, term
}
