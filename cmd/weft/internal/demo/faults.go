package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// Faults is what happened under load.
type Faults struct {
	// Leader is the killed Raft leader and NewLeader who took over; Peer the
	// killed leading peer of Org1 and NewPeer who leads now.
	Leader    string `json:"killedLeader"`
	NewLeader string `json:"newLeader"`
	Peer      string `json:"killedPeer"`
	NewPeer   string `json:"newLeadingPeer"`
	// LeaderGap and PeerGap are from the kill to the end of the first
	// transaction that was begun after it and acknowledged.
	LeaderGap time.Duration `json:"leaderGapNs"`
	PeerGap   time.Duration `json:"peerGapNs"`
	// CaughtUp is how long each killed node took, from its start, to have all
	// blocks that there were.
	CaughtUp map[string]time.Duration `json:"caughtUpNs"`
	// Acked are the ids of the acknowledged transactions; Failed counts calls
	// that failed while a node was down, which promised nothing.
	Acked  []string `json:"acknowledged"`
	Failed int64    `json:"failedCalls"`
	Rate   float64  `json:"acknowledgedPerSecond"` // faults included
	Height uint64   `json:"height"`                // of channel1 at the end
}

// someAcks are enough to say that the load runs.
const someAcks = 40

// Faults kills the Raft leader and Org1's leading peer under load, starts them
// again, and looks for every acknowledged transaction on every peer.
func (s *Scenario) Faults(ctx context.Context) (*Faults, error) {
	peers, err := s.access.ChannelPeers(channel1)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	l, err := s.startLoad(ctx, channel1, peers)
	if err != nil {
		return nil, err
	}
	defer l.close()
	f := &Faults{CaughtUp: map[string]time.Duration{}}
	if err := l.more(ctx, someAcks); err != nil {
		return nil, err
	}
	s.out.say("%d clients submit assets through the %d peers of channel1; %d transactions are acknowledged", loadWorkers, len(peers), l.count())
	if err := s.killLeader(ctx, l, f); err != nil {
		return nil, err
	}
	if err := s.killPeer(ctx, l, f); err != nil {
		return nil, err
	}
	if err := s.comeBack(ctx, l, f); err != nil {
		return nil, err
	}
	l.end()
	took := time.Since(start)
	if err := s.judgeLoad(l, f, took); err != nil {
		return nil, err
	}
	return f, s.nothingLost(ctx, f)
}

// leader finds the node that leads channel1 among the nodes, other than one.
func (s *Scenario) leader(ctx context.Context, nodes []*devnet.Node, not string) (*devnet.Node, error) {
	var found *devnet.Node
	err := until(ctx, "somebody leads", func() (bool, error) {
		for _, n := range nodes {
			if n.Name == not {
				continue
			}
			if st, err := n.Status(ctx); err == nil {
				if c := on(&st, channel1); c != nil && c.Leader {
					found = n
				}
			}
		}
		return found != nil, nil
	})
	return found, err
}

// kill ends a node as a crash would, and waits for a transaction that was begun
// after that and is acknowledged.
func (l *load) kill(ctx context.Context, n *devnet.Node) (ack, time.Duration, error) {
	from := l.count()
	if err := n.Kill(); err != nil {
		return ack{}, 0, err
	}
	at := time.Now()
	a, err := l.wait(ctx, "a transaction after "+n.Name+" was killed", from, func(a ack) bool { return a.began.After(at) })
	return a, a.end.Sub(at), err
}

func (s *Scenario) killLeader(ctx context.Context, l *load, f *Faults) error {
	old, err := s.leader(ctx, s.Net.Orderers(), "")
	if err != nil {
		return err
	}
	f.Leader = old.Name
	if _, f.LeaderGap, err = l.kill(ctx, old); err != nil {
		return err
	}
	next, err := s.leader(ctx, s.Net.Orderers(), old.Name)
	if err != nil {
		return err
	}
	f.NewLeader = next.Name
	s.out.ok("killed %s, the Raft leader: %s leads, the next transaction is acknowledged %s after the kill", f.Leader, f.NewLeader, ms(f.LeaderGap))
	return l.more(ctx, someAcks)
}

func (s *Scenario) killPeer(ctx context.Context, l *load, f *Faults) error {
	org1 := s.Net.Peers("Org1")
	old, err := s.leader(ctx, org1, "")
	if err != nil {
		return err
	}
	f.Peer = old.Name
	a, gap, err := l.kill(ctx, old)
	if err != nil {
		return err
	}
	f.PeerGap = gap
	next, err := s.leader(ctx, org1, old.Name)
	if err != nil {
		return err
	}
	f.NewPeer = next.Name
	if _, err := l.wait(ctx, "a transaction through "+next.Name, a.number, func(a ack) bool { return a.peer == next.Name }); err != nil {
		return err
	}
	s.out.ok("killed %s, the leading peer of Org1: %s streams from the orderers now, clients go on through it, the next transaction is acknowledged %s after the kill", f.Peer, f.NewPeer, ms(f.PeerGap))
	return l.more(ctx, someAcks)
}

// comeBack starts both again, while the load goes on.
func (s *Scenario) comeBack(ctx context.Context, l *load, f *Faults) error {
	reference, err := s.node(f.NewPeer)
	if err != nil {
		return err
	}
	for _, name := range []string{f.Leader, f.Peer} {
		n, err := s.node(name)
		if err != nil {
			return err
		}
		st, err := reference.Status(ctx)
		if err != nil {
			return err
		}
		goal, start := on(&st, channel1).Height, time.Now()
		if err := n.Start(ctx); err != nil {
			return err
		}
		had := uint64(0)
		if err := until(ctx, fmt.Sprintf("%s has %d blocks", name, goal), func() (bool, error) {
			st, err := n.Status(ctx)
			c := on(&st, channel1)
			if err != nil || c == nil {
				return false, err
			}
			if had == 0 {
				had = c.Height
			}
			return c.Height >= goal, nil
		}); err != nil {
			return err
		}
		f.CaughtUp[name] = time.Since(start)
		s.out.ok("started %s again: it has caught up to block %d, %s after its start", name, goal-1, ms(f.CaughtUp[name]))
	}
	return l.more(ctx, someAcks)
}

func (s *Scenario) judgeLoad(l *load, f *Faults, took time.Duration) error {
	acks, invalid := l.result()
	for _, a := range acks {
		f.Acked = append(f.Acked, a.txID)
	}
	f.Failed, f.Rate = l.failed.Load(), float64(len(acks))/took.Seconds()
	return claim(len(invalid) == 0, "transactions of the load do not conflict; %v", invalid)
}

// nothingLost finds every acknowledged transaction, valid, on every peer.
func (s *Scenario) nothingLost(ctx context.Context, f *Faults) error {
	ledgers, err := s.ledgers(ctx, channel1)
	if err != nil {
		return err
	}
	for _, led := range ledgers {
		f.Height = led.height
		for _, id := range f.Acked {
			code, known := led.codes[id]
			if err := claim(known && code == 0, "acknowledged transaction %s is VALID on %s (known %t, %s)", id, led.peer, known, code); err != nil {
				return err
			}
		}
	}
	if len(ledgers) == 0 {
		return errors.New("channel1 has no peers")
	}
	s.out.ok("%d transactions were acknowledged (%.0f a second, %d calls failed while nodes were down and promised nothing)", len(f.Acked), f.Rate, f.Failed)
	s.out.ok("every one of them is VALID on every peer of channel1: none is lost")
	return nil
}
