package gossip

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/commit"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

func TestWhoLeads(t *testing.T) {
	const follow, early, late = 0, 100, 200
	for _, c := range []struct {
		why    string
		self   candidate
		others []candidate
		waited bool
		want   bool
	}{
		{"alone, and has waited", candidate{"b", follow}, nil, true, true},
		{"alone, but others may come", candidate{"b", follow}, nil, false, false},
		{"another leads", candidate{"a", follow}, []candidate{{"b", early}}, true, false},
		{"nobody leads, and it is the smallest", candidate{"a", follow}, []candidate{{"b", follow}, {"c", follow}}, true, true},
		{"nobody leads, and it is not", candidate{"b", follow}, []candidate{{"a", follow}, {"c", follow}}, true, false},
		{"who leads goes on", candidate{"b", early}, []candidate{{"a", follow}, {"c", follow}}, true, true},
		{"of two leaders the later gives way", candidate{"a", late}, []candidate{{"b", early}}, true, false},
		{"of two leaders the earlier goes on", candidate{"b", early}, []candidate{{"a", late}}, true, true},
		{"of two that began at once the larger gives way", candidate{"b", early}, []candidate{{"a", early}}, true, false},
		{"of two that began at once the smaller goes on", candidate{"a", early}, []candidate{{"b", early}}, true, true},
	} {
		if got := decide(c.self, c.others, c.waited); got != c.want {
			t.Errorf("%s: leads %t", c.why, got)
		}
	}
}

// However leadership stood, once the peers see each other as they are, they
// come to exactly one leader in two steps, and stay with it; where one led, it
// is the one that began first.
func TestExactlyOneLeadsOnceViewsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "peers")
		peers := make([]candidate, n)
		first := candidate{}
		for i := range peers {
			peers[i] = candidate{fmt.Sprint(i), rapid.Uint64Range(0, 3).Draw(t, "leading since")}
			if peers[i].leads() && (!first.leads() || peers[i].since < first.since) {
				first = peers[i]
			}
		}
		var before string
		for step := range 4 {
			next := make([]candidate, n)
			leaders := ""
			for i, p := range peers {
				others := append(append([]candidate(nil), peers[:i]...), peers[i+1:]...)
				next[i] = candidate{id: p.id}
				if decide(p, others, true) {
					next[i].since = p.since
					if !p.leads() {
						next[i].since = 10 + uint64(step)
					}
					leaders += p.id
				}
			}
			peers = next
			if step >= 1 && (len(leaders) != 1 || before != "" && leaders != before) {
				t.Fatalf("after step %d leaders are %q, before %q", step, leaders, before)
			}
			if first.leads() && leaders != first.id {
				t.Fatalf("after step %d leaders are %q, but %q began first", step, leaders, first.id)
			}
			if step >= 1 {
				before = leaders
			}
		}
	})
}

func TestWhatAPeerSaidBeforeItCameBackDoesNotCount(t *testing.T) {
	now := time.Now()
	m := newMembers()
	m.take(&wire.StateInfo{PeerId: "a", Sequence: 1, LeadingSince: 100}, "Org1MSP", time.Time{}, now)
	for _, c := range []struct {
		why    string
		peer   p2p.Peer
		told   int
		silent bool
	}{
		{"it was connected when it said so", p2p.Peer{ID: "a", Since: now.Add(-time.Second)}, 1, false},
		{"it has connected anew", p2p.Peer{ID: "a", Since: now.Add(time.Second)}, 0, true},
		{"it never spoke", p2p.Peer{ID: "b", Since: now.Add(-time.Second)}, 0, true},
	} {
		told, silent := m.told([]p2p.Peer{c.peer}, now.Add(2*time.Second))
		if len(told) != c.told || silent != c.silent {
			t.Errorf("%s: told %v, silent %t", c.why, told, silent)
		}
	}
	if told, silent := m.told([]p2p.Peer{{ID: "a"}}, now.Add(stale)); len(told) != 0 || !silent {
		t.Errorf("long silent: told %v, silent %t", told, silent)
	}
}

// place is a channel with a ledger and a host that nobody is connected to.
type place struct {
	*Channel
	orderer ident.Signer
	org     *catest.Org
	genesis *common.Block
}

func newPlace(t testing.TB) *place {
	t.Helper()
	org, orderers := catest.New(t, "Org1"), catest.NewOrderer(t)
	p := &place{org: org, orderer: orderers.Orderer("orderer0").Signer()}
	p.genesis = channeltest.Genesis(t, "channel1", orderers, []*catest.Org{org})
	ch, err := commit.Open(commit.Config{Dir: t.TempDir(), Genesis: p.genesis, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ch.Close() })
	now := func() time.Time { return catest.Epoch().Add(time.Hour) }
	me := org.Peer("peer0").Signer()
	m, err := mesh.New(mesh.Config{Signer: me, Local: catest.Set(t, org), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Endpoint: "peer0:7051", Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Host().Close() })
	m.AddChannel(mesh.Channel{ID: "channel1", Config: ch.Config})
	p.Channel = &Channel{
		cfg: Config{Channel: ch, Mesh: m, Signer: me, Now: now, Log: slog.New(slog.DiscardHandler)},
		id:  "channel1", members: newMembers(), changed: make(chan struct{}, 1),
	}
	return p
}

// state is what a member says, signed.
func state(t testing.TB, s ident.Signer, edit func(*wire.StateInfo)) []byte {
	t.Helper()
	id, err := p2p.IDFromKey(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	info := &wire.StateInfo{Sequence: 1, Identity: s.Serialized(), PeerId: string(id), Height: 5}
	edit(info)
	said, err := unsigned(info)
	if err != nil {
		t.Fatal(err)
	}
	if info.Signature, err = s.Sign(said); err != nil {
		t.Fatal(err)
	}
	return marshal(t, info)
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAStateIsBelievedOnlyOfAPeerOfTheChannelAboutItself(t *testing.T) {
	p := newPlace(t)
	peer1 := p.org.Peer("peer1").Signer()
	same := func(*wire.StateInfo) {}
	for _, c := range []struct {
		why  string
		data []byte
		want p2p.Verdict
	}{
		{"a peer", state(t, peer1, same), p2p.Accept},
		{"the same again", state(t, peer1, same), p2p.Ignore},
		{"a newer one", state(t, peer1, func(s *wire.StateInfo) { s.Sequence = 2 }), p2p.Accept},
		{"an older one", state(t, peer1, func(s *wire.StateInfo) { s.Sequence = 1 }), p2p.Ignore},
		{"a user", state(t, p.org.User("User1").Signer(), same), p2p.Reject},
		{"an organisation that is no member", state(t, catest.New(t, "Org9").Peer("peer0").Signer(), same), p2p.Reject},
		{"in another's name", state(t, peer1, func(s *wire.StateInfo) { s.PeerId, s.Sequence = "somebody", 3 }), p2p.Reject},
		{"about this peer itself", state(t, p.cfg.Signer, same), p2p.Ignore},
		{"a large one", state(t, peer1, func(s *wire.StateInfo) { s.CommitHash, s.Sequence = make([]byte, maxState), 3 }), p2p.Reject},
		{"many addresses", state(t, peer1, func(s *wire.StateInfo) { s.Addrs, s.Sequence = make([]string, maxAddrs+1), 3 }), p2p.Reject},
		{"noise", []byte{0xff}, p2p.Reject},
	} {
		if got := p.validateState("neighbour", c.data); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.why, got, c.want)
		}
	}
	forged := new(wire.StateInfo)
	if err := proto.Unmarshal(state(t, peer1, func(s *wire.StateInfo) { s.Sequence = 9 }), forged); err != nil {
		t.Fatal(err)
	}
	forged.Height++
	if got := p.validateState("neighbour", marshal(t, forged)); got != p2p.Reject {
		t.Errorf("a changed one: verdict %d", got)
	}
}

// Members that have known each other for a while do not answer each other, or
// they would never be silent.
func TestOnlyNewAcquaintancesAreAnswered(t *testing.T) {
	m, now, sequence := newMembers(), time.Unix(1000, 0), uint64(0)
	since := now // of the connection
	hears := func(why string, want bool) {
		t.Helper()
		sequence++
		newer, answer := m.take(&wire.StateInfo{PeerId: "a", Sequence: sequence}, "Org1MSP", since, now)
		if !newer || answer != want {
			t.Errorf("%s: newer %t, answered %t", why, newer, answer)
		}
	}
	hears("the first words", true)
	now = now.Add(acquaintance - 1)
	hears("soon after, as an answer may be lost", true)
	now = now.Add(1)
	hears("after that", false)
	now = now.Add(heartbeat)
	hears("a heartbeat later", false)
	since = now.Add(1)
	now = now.Add(heartbeat)
	hears("the first words after it connected anew", true)
	now = now.Add(acquaintance)
	hears("after that", false)
	now = now.Add(stale)
	hears("the first words after silence", true)
	if newer, answer := m.take(&wire.StateInfo{PeerId: "a", Sequence: sequence}, "Org1MSP", since, now); newer || answer {
		t.Error("old words are answered")
	}
}

func TestAMemberThatDoesNotDeliverIsNotBelievedForAWhile(t *testing.T) {
	m, now := newMembers(), catest.Epoch()
	m.take(&wire.StateInfo{PeerId: "liar", Height: ^uint64(0), Sequence: 1}, "Org2MSP", time.Time{}, now)
	m.take(&wire.StateInfo{PeerId: "honest", Height: 7, Sequence: 1}, "Org1MSP", time.Time{}, now)
	if m.top(now) != ^uint64(0) || len(m.ahead(5, "Org1MSP", now)) != 2 || m.ahead(5, "Org1MSP", now)[0].info.PeerId != "honest" {
		t.Errorf("top %d, ahead %v", m.top(now), m.ahead(5, "Org1MSP", now))
	}
	m.doubt("liar", now)
	m.take(&wire.StateInfo{PeerId: "liar", Height: ^uint64(0), Sequence: 2}, "Org2MSP", time.Time{}, now)
	if m.top(now) != 7 || len(m.ahead(5, "Org1MSP", now)) != 1 {
		t.Errorf("the liar still counts: top %d", m.top(now))
	}
	if later := now.Add(stale); m.top(later) != 0 {
		t.Errorf("silent members still count: top %d", m.top(later))
	}
}

func TestHeadsOfOneBlockArePassedOnAFewTimesOnly(t *testing.T) {
	p := newPlace(t)
	head := func(n uint64, hash byte) p2p.Verdict {
		return p.validateBlock("neighbour", marshal(t, &wire.BlockGossip{Number: n, Hash: []byte(strings.Repeat(string(rune(hash)), 32))}))
	}
	for i := range byte(maxHeads + 2) {
		want := p2p.Accept
		if i >= maxHeads {
			want = p2p.Ignore
		}
		if got := head(1, i); got != want {
			t.Errorf("head %d: verdict %d", i, got)
		}
	}
	if got := head(1+commit.Window, 0); got != p2p.Ignore {
		t.Errorf("a head far ahead: verdict %d", got)
	}
	if p.members.top(time.Now()) != 2 {
		t.Errorf("top %d", p.members.top(time.Now()))
	}
	p.catchUpTo(t.Context(), 2) // nobody has it
	if p.members.top(time.Now()) != 0 {
		t.Error("what nobody has is still looked for")
	}
}

func TestOnlyABlockThatWasCheckedIsPassedOn(t *testing.T) {
	p := newPlace(t)
	id := marshal(t, &common.ChannelHeader{Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: "channel1"})
	payload := marshal(t, &common.Payload{Header: &common.Header{ChannelHeader: id}})
	b := block.New(1, block.HeaderHash(p.genesis.Header), [][]byte{marshal(t, &common.Envelope{Payload: payload, Signature: []byte("s")})})
	if err := block.Sign(b, p.orderer, 0, nil); err != nil {
		t.Fatal(err)
	}
	gossip := func(b *common.Block, edit func(*wire.BlockGossip)) []byte {
		m := &wire.BlockGossip{Number: b.Header.Number, Hash: block.HeaderHash(b.Header), Body: marshal(t, b)}
		edit(m)
		return marshal(t, m)
	}
	same := func(*wire.BlockGossip) {}
	unsigned := proto.CloneOf(b)
	unsigned.Metadata.Metadata[0] = nil
	old := block.New(0, nil, [][]byte{[]byte("anything")})
	for _, c := range []struct {
		why  string
		data []byte
		want p2p.Verdict
	}{
		{"another hash", gossip(b, func(m *wire.BlockGossip) { m.Hash = []byte("x") }), p2p.Reject},
		{"another number", gossip(b, func(m *wire.BlockGossip) { m.Number = 2 }), p2p.Reject},
		{"a bad body for a good id", gossip(unsigned, same), p2p.Reject},
		{"good", gossip(b, same), p2p.Accept},
		{"a bad copy of a good one that is known", gossip(unsigned, same), p2p.Ignore},
		{"a forgery of an old number", gossip(old, same), p2p.Ignore},
		{"no header", marshal(t, &wire.BlockGossip{Number: 1, Body: []byte{0x12, 0}}), p2p.Reject},
	} {
		if got := p.validateBlock("neighbour", c.data); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.why, got, c.want)
		}
	}
}

func TestDialsArePaced(t *testing.T) {
	var d dials
	now := catest.Epoch()
	for i := range maxDials {
		if !d.begin(fmt.Sprint(i), now) {
			t.Fatal("a first dial is refused")
		}
	}
	if d.begin("one more", now) || d.begin("0", now.Add(time.Hour)) {
		t.Error("too many dials, or two to one member")
	}
	d.end("0")
	if d.begin("0", now) {
		t.Error("it is dialled again at once")
	}
	if !d.begin("0", now.Add(firstRedial)) {
		t.Error("it is not dialled again")
	}
	d.end("0")
	d.forget(nil, nil)
	if _, ok := d.byID["0"]; ok || len(d.byID) != maxDials-1 {
		t.Errorf("%d remembered", len(d.byID))
	}
}

func TestAnAlarmOnlyMovesCloser(t *testing.T) {
	a := newAlarm(time.Hour)
	defer a.Stop()
	a.within(time.Minute)
	at := a.at
	a.within(time.Hour)
	if a.at != at {
		t.Error("it was put off")
	}
}

func FuzzGossip(f *testing.F) {
	p := newPlace(f)
	f.Add([]byte{}, true)
	f.Add(marshal(f, &wire.BlockGossip{Number: 1, Hash: make([]byte, 32), Body: marshal(f, p.genesis)}), true)
	f.Add(marshal(f, &wire.BlockGossip{Number: ^uint64(0), Hash: make([]byte, 32)}), true)
	f.Add(state(f, p.org.Peer("peer1").Signer(), func(s *wire.StateInfo) { s.Chaincodes = []*wire.InstalledChaincode{{}} }), false)
	f.Fuzz(func(t *testing.T, data []byte, isBlock bool) {
		if !isBlock {
			p.validateState("neighbour", data)
			return
		}
		blockMessageID(data)
		m := new(wire.BlockGossip)
		if p.validateBlock("neighbour", data) == p2p.Accept && proto.Unmarshal(data, m) == nil && len(m.Body) > 0 {
			t.Error("a block that nobody signed is passed on")
		}
	})
}
