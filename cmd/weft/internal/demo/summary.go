package demo

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/node/ops"
)

// ledgerOf is what one peer's copy of a channel holds.
type ledgerOf struct {
	peer       string
	height     uint64
	commitHash []byte // of the newest block
	blocks     []*common.Block
	codes      map[string]peer.TxValidationCode // by transaction id, the first occurrence
}

// ledgers reads the whole channel from every peer, when all are equally high,
// and checks that all blocks are the same.
func (s *Scenario) ledgers(ctx context.Context, channel string) ([]*ledgerOf, error) {
	peers, err := s.access.ChannelPeers(channel)
	if err != nil {
		return nil, err
	}
	height, err := s.level(ctx, channel, peers)
	if err != nil {
		return nil, err
	}
	var all []*ledgerOf
	for _, p := range peers {
		l, err := s.readLedger(ctx, channel, p, height)
		if err != nil {
			return nil, fmt.Errorf("read %s from %s: %w", channel, p.Name, err)
		}
		all = append(all, l)
		for i, b := range l.blocks {
			if err := claim(client.SameBlock(all[0].blocks[i], b), "block %d of %s is the same on %s and %s", i, channel, all[0].peer, l.peer); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// level waits until all peers have the same height and commit hash, and returns
// the height.
func (s *Scenario) level(ctx context.Context, channel string, peers []*devnet.Node) (uint64, error) {
	var height uint64
	err := until(ctx, "all peers of "+channel+" are equally high", func() (bool, error) {
		var hash []byte
		for i, p := range peers {
			st, err := p.Status(ctx)
			c := on(&st, channel)
			if err != nil || c == nil {
				return false, err
			}
			if i == 0 {
				height, hash = c.Height, c.CommitHash
			}
			if c.Height != height || !bytes.Equal(c.CommitHash, hash) {
				return false, fmt.Errorf("%s has height %d, %s has %d", peers[0].Name, height, p.Name, c.Height)
			}
		}
		return true, nil
	})
	return height, err
}

// settle waits until all peers of the channel have the same blocks.
func (s *Scenario) settle(ctx context.Context, channel string) error {
	peers, err := s.access.ChannelPeers(channel)
	if err == nil {
		_, err = s.level(ctx, channel, peers)
	}
	return err
}

func (s *Scenario) readLedger(ctx context.Context, channel string, p *devnet.Node, height uint64) (*ledgerOf, error) {
	conn, err := s.access.Conn(ctx, p)
	if err != nil {
		return nil, err
	}
	user, err := s.access.Identity(p.Org, access.User1)
	if err != nil {
		return nil, err
	}
	l := &ledgerOf{peer: p.Name, height: height, codes: map[string]peer.TxValidationCode{}}
	err = client.PeerBlocks(ctx, conn, user, channel, client.Range{First: 0, Last: height - 1}, l.add)
	return l, err
}

func (l *ledgerOf) add(b *common.Block) error {
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return err
	}
	codes := block.Codes(b)
	for i, tx := range parsed.Txs {
		if id := tx.TxID(); id != "" && i < len(codes) {
			if _, twice := l.codes[id]; !twice {
				l.codes[id] = codes[i]
			}
		}
	}
	l.commitHash = block.CommitHash(b)
	l.blocks = append(l.blocks, b)
	return nil
}

// Level is a channel on which all members agree.
type Level struct {
	Channel      string   `json:"channel"`
	Height       uint64   `json:"height"`
	Transactions int      `json:"transactions"`
	CommitHash   ops.Hex  `json:"commitHash"`
	Peers        []string `json:"peers"`
}

// Latency is how long lone calls took.
type Latency struct {
	Name  string        `json:"name"`
	Calls int           `json:"calls"`
	P50   time.Duration `json:"p50Ns"`
	P95   time.Duration `json:"p95Ns"`
	Max   time.Duration `json:"maxNs"`
}

// Totals are the figures of Summary.
type Totals struct {
	Levels    []Level       `json:"channels"`
	Latencies []Latency     `json:"latencies"`
	Took      time.Duration `json:"tookNs"`
}

// The lone calls that are measured.
const (
	measuredQueries = 100
	measuredUpdates = 40
)

// Summary measures lone calls, and checks that every channel is the same on all
// of its members.
func (s *Scenario) Summary(ctx context.Context) (*Totals, error) {
	t := &Totals{}
	gw, err := s.session(ctx, "peer0.org1", channel1)
	if err != nil {
		return nil, err
	}
	defer gw.Close()
	id := s.newAsset()
	if err := s.settle(ctx, channel1); err != nil {
		return nil, err
	}
	if _, err := s.submit(ctx, gw, createAsset(id)); err != nil {
		return nil, err
	}
	queries, err := measure("query", measuredQueries, func() error {
		_, err := gw.Evaluate(ctx, readAsset(id))
		return err
	})
	if err != nil {
		return nil, err
	}
	updates, err := measure("update, proposal to commit", measuredUpdates, func() error {
		_, err := s.submit(ctx, gw, createAsset(s.newAsset()))
		return err
	})
	if err != nil {
		return nil, err
	}
	t.Latencies = []Latency{*queries, *updates}
	for _, ch := range []string{channel1, channel2} {
		level, err := s.agree(ctx, ch)
		if err != nil {
			return nil, err
		}
		t.Levels = append(t.Levels, *level)
	}
	t.Took = time.Since(s.began)
	s.printTotals(t)
	return t, nil
}

// agree reads a channel from all members and compares.
func (s *Scenario) agree(ctx context.Context, channel string) (*Level, error) {
	all, err := s.ledgers(ctx, channel)
	if err != nil {
		return nil, err
	}
	level := &Level{Channel: channel}
	for _, l := range all {
		level.Peers = append(level.Peers, l.peer)
		level.Height, level.CommitHash, level.Transactions = l.height, l.commitHash, len(l.codes)
		if err := claim(len(l.commitHash) > 0 && bytes.Equal(l.commitHash, all[0].commitHash), "the commit hashes of %s on %s and %s are equal", channel, all[0].peer, l.peer); err != nil {
			return nil, err
		}
	}
	return level, nil
}

// measure calls n times, one after another.
func measure(name string, n int, call func() error) (*Latency, error) {
	var took []time.Duration
	for range n {
		start := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return &Latency{Name: name, Calls: n, P50: took[n/2], P95: took[n*95/100], Max: took[n-1]}, nil
}

func (s *Scenario) printTotals(t *Totals) {
	rows := [][]string{{"CHANNEL", "PEERS", "HEIGHT", "TRANSACTIONS", "COMMIT HASH, EQUAL ON ALL"}}
	for _, l := range t.Levels {
		rows = append(rows, []string{l.Channel, fmt.Sprint(len(l.Peers)), fmt.Sprint(l.Height), fmt.Sprint(l.Transactions), hex.EncodeToString(l.CommitHash)[:32] + "…"})
	}
	s.out.table(rows)
	s.out.gap()
	rows = [][]string{{"LONE CALLS", "NUMBER", "P50", "P95", "MAX"}}
	for _, l := range t.Latencies {
		rows = append(rows, []string{l.Name, fmt.Sprint(l.Calls), ms(l.P50), ms(l.P95), ms(l.Max)})
	}
	s.out.table(rows)
	s.out.ok("every block and every commit hash is the same on all members of its channel")
	s.out.ok("everything above was checked; it took %.1f s in all", t.Took.Seconds())
}
