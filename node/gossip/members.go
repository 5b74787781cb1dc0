package gossip

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// Timing of membership. A member tells of itself every heartbeat and soon
// after something changed; one that was not heard for stale is no longer
// counted, even while its connection looks alive.
const (
	heartbeat = 3 * time.Second
	settle    = 100 * time.Millisecond // changes are told at most this often
	stale     = 20 * time.Second
	// acquaintance is how long the words of a member are answered after it was
	// met. A first answer may be lost while topics are joined. Later on there is
	// no need, and members would keep each other talking.
	acquaintance = 2 * hello
	// patience is how long a gap may stay open before it is fetched.
	patience = 250 * time.Millisecond
)

// Limits on what others say of themselves.
const (
	maxMembers = 4096 // members kept per channel
	// maxState is the largest StateInfo: a certificate, sixteen addresses and
	// some hundreds of chaincodes. With maxMembers it bounds memory.
	maxState      = 128 << 10
	maxChaincodes = 1024 // chaincodes of one member
	maxAddrs      = 16
	maxNameLen    = 256
	// maxHeads bounds the heads of one block number that are passed on: one
	// per header hash, of which there should be one.
	maxHeads = 4
	// forgotten is how long a silent member is remembered.
	forgotten = 10 * time.Minute
	// doubted is how long a member's height is not believed after it did not
	// deliver what it claims to have.
	doubted = 10 * time.Second
)

// member is what one peer said of itself last.
type member struct {
	info  *wire.StateInfo
	mspID string
	heard time.Time
	met   time.Time // first heard since it connected, or after it was silent
	doubt time.Time // until then its height is not believed
	claims
}

func (m member) ahead(height uint64, now time.Time) bool {
	return m.info.Height > height && now.Sub(m.heard) < stale && !now.Before(m.doubt)
}

type members struct {
	mu     sync.Mutex
	byID   map[string]member
	beyond uint64         // the height that the highest block heard of implies
	heads  map[uint64]int // heads passed on, by block number
	lowest uint64         // block that a claim waits for, noClaim when none does
	alarms map[string]*Divergence
}

func newMembers() *members {
	return &members{byID: map[string]member{}, heads: map[uint64]int{}, lowest: noClaim, alarms: map[string]*Divergence{}}
}

// head notes the head of a block; false when there were enough of that number.
func (m *members) head(n, height uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.heads, func(k uint64, _ int) bool { return k < height })
	if m.heads[n] >= maxHeads {
		return false
	}
	m.heads[n]++
	m.beyond = max(m.beyond, n+1)
	return true
}

// forgetHeard forgets block numbers that only gossip told of.
func (m *members) forgetHeard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beyond = 0
}

// doubt stops believing a member's height for a while.
func (m *members) doubt(id string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x, ok := m.byID[id]; ok {
		x.doubt = now.Add(doubted)
		m.byID[id] = x
	}
}

// heard notes that a block number exists.
func (m *members) heard(n uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beyond = max(m.beyond, n+1)
}

// take keeps a newer StateInfo and reports whether it was newer, and whether the
// member wants an answer: it was met so lately that it may not have heard of
// this peer yet. It is connected since then; zero when it is not.
func (m *members) take(info *wire.StateInfo, mspID string, since, now time.Time) (newer, answer bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.byID[info.PeerId]
	if !ok && len(m.byID) >= maxMembers {
		maps.DeleteFunc(m.byID, func(_ string, x member) bool { return now.Sub(x.heard) > forgotten })
	}
	if ok && old.info.Sequence >= info.Sequence || !ok && len(m.byID) >= maxMembers {
		return false, false
	}
	met := old.met
	if !ok || old.heard.Before(since) || now.Sub(old.heard) >= stale {
		met = now
	}
	m.byID[info.PeerId] = member{info: info, mspID: mspID, heard: now, met: met, doubt: old.doubt, claims: old.claims}
	return true, now.Sub(met) < acquaintance
}

// drop forgets the members that bad says so of.
func (m *members) drop(bad func(*wire.StateInfo) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.byID, func(_ string, x member) bool { return bad(x.info) })
}

// alive lists the members heard lately, by peer id.
func (m *members) alive(now time.Time) []member {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []member
	for _, x := range m.byID {
		if now.Sub(x.heard) < stale {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b member) int { return cmp.Compare(a.info.PeerId, b.info.PeerId) })
	return list
}

// ahead lists members above a height that are believed, those of the organisation first, then by
// falling height.
func (m *members) ahead(height uint64, mspID string, now time.Time) []member {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []member
	for _, x := range m.byID {
		if x.ahead(height, now) {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b member) int {
		return cmp.Or(boolCompare(b.mspID == mspID, a.mspID == mspID), cmp.Compare(b.info.Height, a.info.Height), cmp.Compare(a.info.PeerId, b.info.PeerId))
	})
	return list
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func stateMessageID(data []byte) string {
	sum := sha256.Sum256(data)
	return string(sum[:])
}

// validateState believes a member about itself when it signed the message and
// belongs to the channel.
func (c *Channel) validateState(from p2p.ID, data []byte) p2p.Verdict {
	info := new(wire.StateInfo)
	if len(data) > maxState || proto.Unmarshal(data, info) != nil {
		return p2p.Reject
	}
	if info.PeerId == string(c.cfg.Mesh.Host().ID()) {
		return p2p.Ignore
	}
	mspID, err := c.checkState(info)
	if err != nil {
		c.cfg.Log.Warn("a member's state is not believed", "channel", c.id, "from", from, "err", err)
		return p2p.Reject
	}
	newer, answer := c.members.take(info, mspID, c.connected(info.PeerId), time.Now())
	if !newer {
		return p2p.Ignore
	}
	c.claimed(info)
	if c.cfg.OnState != nil {
		c.cfg.OnState(info)
	}
	if answer {
		c.poke()
	} else {
		c.look()
	}
	return p2p.Accept
}

// connected is since when a peer is; zero when it is not.
func (c *Channel) connected(id string) time.Time {
	for _, p := range c.cfg.Mesh.Host().Peers() {
		if string(p.ID) == id {
			return p.Since
		}
	}
	return time.Time{}
}

func (c *Channel) checkState(info *wire.StateInfo) (string, error) {
	if len(info.Chaincodes) > maxChaincodes || len(info.Addrs) > maxAddrs || len(info.Endpoint) > maxNameLen {
		return "", fmt.Errorf("%d chaincodes, %d addresses", len(info.Chaincodes), len(info.Addrs))
	}
	if info.Topic != c.topic {
		return "", fmt.Errorf("it is for another topic, %q", info.Topic[:min(len(info.Topic), maxNameLen)])
	}
	id, err := c.cfg.Channel.Config().MSPs.Identity(info.Identity)
	if err != nil {
		return "", err
	}
	if want, err := p2p.IDFromKey(id.Cert.PublicKey); err != nil || string(want) != info.PeerId {
		return "", fmt.Errorf("peer id %s is not that of its key", info.PeerId)
	}
	said, err := unsigned(info)
	if err != nil {
		return "", err
	}
	if err := id.Verify(said, info.Signature); err != nil {
		return "", err
	}
	// What is passed on by others must still be of a peer that could come itself.
	switch {
	case !id.Has(ident.RolePeer):
		return "", fmt.Errorf("the identity of %s is not a peer", id.MSPID)
	case !c.cfg.Now().Before(id.ExpiresAt()):
		return "", fmt.Errorf("the certificate of a peer of %s expired at %s", id.MSPID, id.ExpiresAt().UTC().Format(time.RFC3339))
	}
	return id.MSPID, c.cfg.Mesh.Allow(info.Identity, mesh.State, c.id)
}

func unsigned(info *wire.StateInfo) ([]byte, error) {
	bare := proto.CloneOf(info)
	bare.Signature = nil
	return proto.MarshalOptions{Deterministic: true}.Marshal(bare)
}

// tip is a height and the commit hash that belongs to it: with another, this
// peer's word would be an alarm.
func tip(l *chain.Chain) (height uint64, hash []byte) {
	for {
		height, hash = l.Height(), l.CommitHash()
		if l.Height() == height {
			return height, hash
		}
	}
}

// tell publishes this peer's own state.
func (c *Channel) tell(ctx context.Context, since uint64) {
	host := c.cfg.Mesh.Host()
	height, hash := tip(c.cfg.Channel.Ledger())
	info := &wire.StateInfo{
		Sequence: uint64(time.Now().UnixNano()), Identity: c.cfg.Signer.Serialized(),
		PeerId: string(host.ID()), Addrs: host.Addrs(), Endpoint: c.cfg.Endpoint,
		Height: height, CommitHash: hash, Chaincodes: c.cfg.Chaincodes(), LeadingSince: since, Topic: c.topic,
	}
	said, err := unsigned(info)
	if err == nil {
		info.Signature, err = c.cfg.Signer.Sign(said)
	}
	var data []byte
	if err == nil {
		data, err = proto.Marshal(info)
	}
	if err == nil && len(data) > maxState {
		err = fmt.Errorf("it has %d bytes, and others believe %d at most: %d chaincodes are installed", len(data), maxState, len(info.Chaincodes))
	}
	if err == nil {
		err = c.state.Publish(ctx, data)
	}
	if err != nil && ctx.Err() == nil {
		c.cfg.Log.Warn("this peer's state was not published", "channel", c.id, "err", err)
	}
}

// tend decides who leads, notices gaps, meets new members and tells of this
// peer: soon after every change, and every heartbeat.
func (c *Channel) tend(ctx context.Context, lead chan<- bool, behind chan<- uint64) error {
	started := time.Now()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	look := newAlarm(0)
	defer look.Stop()
	gap := watch{since: started}
	c.news.Store(true)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
			look.within(settle)
			continue
		case <-beat.C:
			c.news.Store(true)
		case <-look.C:
			look.set = false
		}
		if c.anew.Swap(false) {
			c.members.drop(func(info *wire.StateInfo) bool { return c.cfg.Mesh.Allow(info.Identity, mesh.State, c.id) != nil })
		}
		if c.elect(ctx, started, lead) {
			c.news.Store(true)
		}
		if wait := gap.look(c); wait >= 0 {
			look.within(max(wait, settle))
		}
		if gap.open() {
			select {
			case behind <- gap.target:
			default: // a fetch is under way
			}
		}
		c.meet(ctx)
		if time.Since(started) < 2*hello {
			look.within(2 * settle) // a start settles fast
			c.news.Store(true)
		}
		if c.news.Swap(false) {
			c.tell(ctx, c.leadingSince())
		}
	}
}

// alarm is a timer that only ever moves closer: what keeps changing is looked
// at all the same.
type alarm struct {
	*time.Timer
	set bool
	at  time.Time
}

func newAlarm(d time.Duration) *alarm {
	return &alarm{Timer: time.NewTimer(d), set: true, at: time.Now().Add(d)}
}

func (a *alarm) within(d time.Duration) {
	if at := time.Now().Add(d); !a.set || at.Before(a.at) {
		a.Reset(d)
		a.set, a.at = true, at
	}
}

// watch tells how long this ledger has lacked blocks that others have.
type watch struct {
	height, target uint64
	since          time.Time
}

// look returns how long to wait before looking again, negative when there is
// no gap.
func (w *watch) look(c *Channel) time.Duration {
	height := c.cfg.Channel.Ledger().Height()
	target := c.members.top(time.Now())
	if height != w.height || target <= height {
		w.since = time.Now()
	}
	w.height, w.target = height, target
	if target <= height {
		return -1
	}
	return max(patience-time.Since(w.since), 0)
}

func (w *watch) open() bool { return w.target > w.height && time.Since(w.since) >= patience }

// top is the highest height that anybody is believed to have or was heard of.
func (m *members) top(now time.Time) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	top := m.beyond
	for _, x := range m.byID {
		if x.ahead(top, now) {
			top = x.info.Height
		}
	}
	return top
}

// meet connects to members that are known but not connected. Of two, the one
// with the larger id dials.
func (c *Channel) meet(ctx context.Context) {
	host := c.cfg.Mesh.Host()
	connected := map[string]bool{}
	for _, p := range host.Peers() {
		connected[string(p.ID)] = true
	}
	now := time.Now()
	alive := c.members.alive(now)
	c.dials.forget(alive, connected)
	for _, m := range alive {
		id := m.info.PeerId
		if connected[id] || id > string(host.ID()) || !c.dials.begin(id, now) {
			continue
		}
		go func() {
			defer c.dials.end(id)
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			if _, err := host.Connect(ctx, p2p.ID(id), m.info.Addrs); err != nil {
				c.cfg.Log.Debug("a member was not reached", "channel", c.id, "peer", m.info.Endpoint, "err", err)
			}
		}()
	}
}

// Member is a peer of the channel that is connected and was heard lately.
type Member struct {
	ID         p2p.ID
	MSPID      string
	Endpoint   string
	Height     uint64
	CommitHash []byte
	Chaincodes map[string]string // name to version
	Profiles   map[string]string // name to execution profile
}

// Chaincodes are versions and execution profiles by name.
func Chaincodes(list []*wire.InstalledChaincode) (versions, profiles map[string]string) {
	versions, profiles = make(map[string]string, len(list)), make(map[string]string, len(list))
	for _, cc := range list {
		versions[cc.Name], profiles[cc.Name] = cc.Version, cc.Profile
	}
	return versions, profiles
}

// Members lists the other peers of the channel that are alive.
func (c *Channel) Members() []Member {
	connected := map[string]bool{}
	for _, p := range c.cfg.Mesh.Host().Peers() {
		connected[string(p.ID)] = true
	}
	var list []Member
	for _, m := range c.members.alive(time.Now()) {
		if !connected[m.info.PeerId] {
			continue
		}
		x := Member{ID: p2p.ID(m.info.PeerId), MSPID: m.mspID, Endpoint: m.info.Endpoint, Height: m.info.Height, CommitHash: m.info.CommitHash}
		x.Chaincodes, x.Profiles = Chaincodes(m.info.Chaincodes)
		list = append(list, x)
	}
	return list
}
