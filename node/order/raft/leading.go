package raft

import (
	"bytes"
	"errors"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/node/order"
	"go.etcd.io/raft/v3"
	"google.golang.org/protobuf/proto"
)

// item is a submitted message and who waits for it.
type item struct {
	m    order.Message
	at   time.Time // of its submission, for Ordered only
	done func(error)
}

// proposed is a block in flight.
type proposed struct {
	term  uint64
	hash  []byte
	items []item
	bytes int
	at    time.Time
}

// outcome is what the applier found in one committed entry, and the chain after it.
type outcome struct {
	index, term uint64
	isBlock     bool
	number      uint64
	hash        []byte
	written     bool
	height      uint64
	last        []byte // hash of the newest block
	messages    int
	bytes       int
}

// leading is what a leader knows beyond Raft: messages gathered, blocks in
// flight, and the place of the next block.
type leading struct {
	pace   order.Pace
	cutter order.Cutter[item]
	full   [][]item // cut by a limit, not proposed yet
	waited int      // ticks since the cutter's batch began
	rest   rest
	crowd  int           // see order.Rest
	agreed time.Duration // how long the newest block of this leader took
	// open tells that an entry of this term was applied, so that all entries of
	// earlier terms were too and the next block's place is known.
	open bool
	next uint64
	prev []byte

	inFlight map[uint64]*proposed // by block number
	// orphaned counts ticks since the office was lost with blocks in flight.
	orphaned int
	led      bool
}

func newLeading(p order.Pace) leading {
	return leading{pace: p, inFlight: map[uint64]*proposed{}}
}

// begin starts a term of office.
func (l *leading) begin() {
	l.led, l.open, l.orphaned, l.crowd, l.agreed = true, false, 0, 0, 0
}

// end leaves office. What was not proposed goes back to its submitters; blocks
// in flight may still be ordered by the next leader, so their fate is awaited.
func (l *leading) end() {
	l.led, l.open, l.orphaned = false, false, 0
	for _, batch := range append(l.full, l.cutter.Cut()) {
		fail(batch, order.ErrLeadershipLost)
	}
	l.full = nil
}

func fail(items []item, err error) {
	for _, it := range items {
		it.done(err)
	}
}

// rest is the pipeline's rest after a block. Whoever has a clock tells when a
// breath is over; ticks end a rest, too.
type rest struct {
	breath        time.Duration // how long the breath under way is; 0: no rest
	taken, silent int           // breaths before it; the last ones without a message
	messages      int           // gathered in it
	ticks         int
}

// mostTicks of a rest: where no clock tells breaths, nobody waits for ever. One
// tick may come at once.
const mostTicks = 2

func (r *rest) tick() {
	if r.ticks++; r.ticks >= mostTicks {
		*r = rest{}
	}
}

// breathed ends a breath, and with it the rest or not.
func (l *leading) breathed() {
	r := &l.rest
	r.taken, r.silent = r.taken+1, r.silent+1
	if r.messages > 0 {
		r.silent = 0
	}
	r.messages = 0
	if now := l.sofar(); l.pace.Rested(now) {
		l.crowd = l.pace.Crowd(now, l.unanswered())
		*r = rest{}
	}
}

// sofar is what the rest has brought.
func (l *leading) sofar() order.Rest {
	return order.Rest{Taken: l.rest.taken, Silent: l.rest.silent, Waiting: l.waiting(), Crowd: l.crowd}
}

// waiting is how many messages wait to be proposed.
func (l *leading) waiting() int {
	n := l.cutter.Len()
	for _, batch := range l.full {
		n += len(batch)
	}
	return n
}

// unanswered is how many messages are here, waiting or in flight.
func (l *leading) unanswered() int {
	n := l.waiting()
	for _, p := range l.inFlight {
		n += len(p.items)
	}
	return n
}

// arrived counts a message that was gathered; the last of the crowd ends a rest.
func (l *leading) arrived() {
	l.rest.messages, l.rest.silent = l.rest.messages+1, 0
	l.crowd = max(l.crowd, l.unanswered())
	if l.pace.Rested(l.sofar()) {
		l.rest = rest{}
	}
}

func (l *leading) tick(o options) {
	l.rest.tick()
	if l.cutter.Len() > 0 {
		l.waited++
	}
	if l.led || len(l.inFlight) == 0 {
		return
	}
	// Without a new leader nobody can tell what became of the blocks.
	if l.orphaned++; l.orphaned > 2*o.election {
		l.abandon(func(*proposed) bool { return true })
	}
}

func (l *leading) abandon(which func(*proposed) bool) {
	for n, p := range l.inFlight {
		if which(p) {
			delete(l.inFlight, n)
			fail(p.items, order.ErrLeadershipLost)
		}
	}
}

func (l *leading) gather(settings *channel.Config, it item) {
	if it.m.ConfigSequence != settings.Sequence {
		it.done(order.ErrConfigChanged)
		return
	}
	had := l.cutter.Len()
	full := l.cutter.Add(settings.Batch, it, it.m.Size)
	l.full = append(l.full, full...)
	if had == 0 || len(full) > 0 {
		l.waited = 0
	}
	l.arrived()
}

// applied learns of a committed entry. Entries come in log order and terms
// never fall along the log, so what an earlier term proposed and is not applied
// by now never will be.
func (l *leading) applied(o outcome, isLeader bool, term uint64, now time.Time) {
	l.abandon(func(p *proposed) bool { return p.term < o.term })
	if isLeader && o.term == term && !l.open {
		l.open, l.next, l.prev = true, o.height, o.last
	}
	p := l.inFlight[o.number]
	if !o.isBlock || p == nil {
		return
	}
	l.agreed = now.Sub(p.at)
	same := bytes.Equal(p.hash, o.hash)
	if !o.written && !same {
		return
	}
	delete(l.inFlight, o.number)
	if o.written && same {
		fail(p.items, nil)
	} else {
		fail(p.items, order.ErrLeadershipLost)
	}
}

// propose makes blocks of what was gathered while the pace allows it.
func (l *leading) propose(rn *raft.RawNode, o options, cfg *Config) {
	late := time.Duration(l.waited)*o.tick >= cfg.Settings().Batch.Timeout
	for l.open && (len(l.full) > 0 || l.cutter.Len() > 0) {
		if !l.pace.CutNow(len(l.inFlight), l.rest.breath > 0, len(l.full) > 0, late) {
			return
		}
		if len(l.full) == 0 {
			l.full, l.waited = append(l.full, l.cutter.Cut()), 0
		}
		if !l.proposeBlock(rn, l.full[0], cfg) {
			return
		}
		l.rest = rest{breath: l.pace.Breath(len(l.full[0]), l.agreed)}
		l.full = l.full[1:]
	}
}

// proposeBlock reports false when Raft does not take the block now.
func (l *leading) proposeBlock(rn *raft.RawNode, items []item, cfg *Config) bool {
	raws := make([][]byte, len(items))
	size := 0
	for i, it := range items {
		raws[i] = it.m.Raw
		size += len(it.m.Raw)
	}
	b := block.New(l.next, l.prev, raws)
	data, err := proto.Marshal(&common.Block{Header: b.Header, Data: b.Data})
	if err != nil {
		fail(items, err) // not reachable: the parts are bytes and numbers
		return true
	}
	if err := rn.Propose(data); err != nil {
		if !errors.Is(err, raft.ErrProposalDropped) {
			cfg.Log.Warn("Raft refused a block", "block", l.next, "error", err)
		}
		return false
	}
	hash := block.HeaderHash(b.Header)
	term := rn.BasicStatus().HardState.GetTerm()
	l.inFlight[l.next] = &proposed{term: term, hash: hash, items: items, bytes: size, at: cfg.Now()}
	l.next, l.prev = l.next+1, hash
	return true
}
