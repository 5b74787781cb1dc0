package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// links knows every connection and whether it is proven, and every member: a
// peer with at least one proven connection.
type links struct {
	h *Host

	mu       sync.Mutex
	conns    map[network.Conn]*link
	members  map[peer.ID]*member
	unproven int
	dials    map[peer.ID]*dial
}

// dial is what Connect waits for: a connection may be refused and gone before
// the dialling of it has returned.
type dial struct {
	callers int
	newest  *link
}

// link is one connection. It is settled once: proven, or failed and closed.
type link struct {
	conn   network.Conn
	remote peer.ID
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	settled chan struct{} // closed after peer or err is set
	peer    Peer
	err     error

	// Guarded by links.mu.
	done    bool // settled is closed or about to be
	proven  bool
	greeted bool // the remote's hello stream has come
	waiting int  // streams that wait for settled
}

type member struct {
	peer    Peer
	ctx     context.Context // ends with the last connection
	cancel  context.CancelFunc
	links   int
	streams map[Protocol]int // inbound
	open    map[*Stream]struct{}
}

func newLinks(h *Host) *links {
	return &links{h: h, conns: map[network.Conn]*link{}, members: map[peer.ID]*member{}, dials: map[peer.ID]*dial{}}
}

func (ls *links) notifiee() network.Notifiee {
	return &network.NotifyBundle{
		ConnectedF:    func(_ network.Network, c network.Conn) { ls.connected(c) },
		DisconnectedF: func(_ network.Network, c network.Conn) { ls.disconnected(c) },
	}
}

// connected starts the proof of a new connection. The dialler begins it.
func (ls *links) connected(c network.Conn) {
	l := &link{conn: c, remote: c.RemotePeer(), settled: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(ls.h.ctx)
	ls.mu.Lock()
	ls.conns[c] = l
	if d := ls.dials[l.remote]; d != nil {
		d.newest = l
	}
	ls.unproven++
	crowded := ls.unproven > maxUnproven && c.Stat().Direction == network.DirInbound
	ls.mu.Unlock()

	if crowded {
		ls.fail(l, errors.New("too many connections have not proven themselves"))
		return
	}
	if !ls.h.enter() {
		ls.fail(l, errors.New("the host is closing"))
		return
	}
	go func() {
		defer ls.h.work.Done()
		ls.h.prove(l)
	}()
}

func (ls *links) disconnected(c network.Conn) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.conns[c]
	if l == nil {
		return
	}
	delete(ls.conns, c)
	l.cancel()
	if l.proven {
		ls.leave(l)
		return
	}
	ls.settle(l, fmt.Errorf("%w: the connection ended before it was proven", ErrNotConnected))
}

// settle marks an unproven link as failed. ls.mu is held.
func (ls *links) settle(l *link, err error) bool {
	if l.done {
		return false
	}
	l.done, l.err = true, err
	ls.unproven--
	close(l.settled)
	return true
}

// condemn gives a link up but leaves the connection, to say why. It comes
// before that, because the other side may close as soon as it has heard.
func (ls *links) condemn(l *link, err error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.settle(l, err)
}

// fail gives a link up, for an earlier reason if there was one, and closes it.
func (ls *links) fail(l *link, err error) {
	ls.condemn(l, err)
	// Not here: this may be a callback that closing waits for.
	go l.conn.Close()
}

// succeed makes the remote a member, unless the link has failed meanwhile.
func (ls *links) succeed(l *link, p Peer) {
	ls.mu.Lock()
	if l.done {
		ls.mu.Unlock()
		return
	}
	m := ls.members[l.remote]
	first := m == nil
	if first {
		p.Since = time.Now()
		m = &member{streams: map[Protocol]int{}, open: map[*Stream]struct{}{}}
		m.ctx, m.cancel = context.WithCancel(ls.h.ctx)
		ls.members[l.remote] = m
		ls.h.notifyUp(p)
	} else {
		p.Since = m.peer.Since
	}
	m.peer = p
	m.links++
	l.done, l.proven, l.peer = true, true, p
	ls.unproven--
	close(l.settled)
	ls.mu.Unlock()
	if first {
		ls.h.gossip.attend(m.ctx, l.remote)
	}
}

// leave takes a proven link from its member. ls.mu is held.
func (ls *links) leave(l *link) {
	m := ls.members[l.remote]
	if m.links--; m.links > 0 {
		return
	}
	delete(ls.members, l.remote)
	m.cancel()
	ls.h.gossip.forget(l.remote)
	ls.h.notifyDown(m.peer)
}

// closeAll settles what the swarm did not report while it closed.
func (ls *links) closeAll() {
	ls.mu.Lock()
	left := make([]network.Conn, 0, len(ls.conns))
	for c := range ls.conns {
		left = append(left, c)
	}
	ls.mu.Unlock()
	for _, c := range left {
		ls.disconnected(c)
	}
}

// dialling begins to note the connections to a peer, until done.
func (ls *links) dialling(id peer.ID) (done func()) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	d := ls.dials[id]
	if d == nil {
		d = &dial{}
		ls.dials[id] = d
	}
	d.callers++
	return func() {
		ls.mu.Lock()
		defer ls.mu.Unlock()
		if d.callers--; d.callers == 0 {
			delete(ls.dials, id)
		}
	}
}

// dialled is the link of a connection that dialling returned, or else the
// newest one since; nil when both were there before, and have ended.
func (ls *links) dialled(c network.Conn) *link {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.conns[c]; l != nil {
		return l
	}
	return ls.dials[c.RemotePeer()].newest
}

// of is the link of a connection, nil when it has ended.
func (ls *links) of(c network.Conn) *link {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.conns[c]
}

func (ls *links) peer(id peer.ID) (Peer, bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	m := ls.members[id]
	if m == nil {
		return Peer{}, false
	}
	return m.peer, true
}

func (ls *links) peers() []Peer {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	out := make([]Peer, 0, len(ls.members))
	for _, m := range ls.members {
		out = append(out, m.peer)
	}
	return out
}

func (ls *links) peerIDs() []peer.ID {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	out := make([]peer.ID, 0, len(ls.members))
	for id := range ls.members {
		out = append(out, id)
	}
	return out
}

// greet is true for the first hello stream of a link.
func (ls *links) greet(l *link) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	first := !l.greeted
	l.greeted = true
	return first
}

// admit waits until the link is proven; few streams may wait.
func (ls *links) admit(ctx context.Context, l *link) error {
	ls.mu.Lock()
	if !l.done && l.waiting >= maxWaiting {
		ls.mu.Unlock()
		return errors.New("too many streams wait for the proof of their connection")
	}
	l.waiting++
	ls.mu.Unlock()
	defer func() {
		ls.mu.Lock()
		l.waiting--
		ls.mu.Unlock()
	}()
	return l.wait(ctx)
}

// wait for the link's proof, and return why it failed.
func (l *link) wait(ctx context.Context) error {
	select {
	case <-l.settled:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold counts an inbound stream of a member; false when it has too many, or
// has gone.
func (ls *links) hold(id peer.ID, s *Stream) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	m := ls.members[id]
	if m == nil || m.streams[s.protocol] >= maxStreams {
		return false
	}
	m.streams[s.protocol]++
	m.open[s] = struct{}{}
	return true
}

func (ls *links) release(id peer.ID, s *Stream) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	m := ls.members[id]
	if m == nil {
		return
	}
	if _, ok := m.open[s]; ok { // else the member is a later one of that id
		delete(m.open, s)
		m.streams[s.protocol]--
	}
}

// openStreams are the admitted inbound streams of all members.
func (ls *links) openStreams() []*Stream {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var out []*Stream
	for _, m := range ls.members {
		for s := range m.open {
			out = append(out, s)
		}
	}
	return out
}
