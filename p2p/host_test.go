package p2p

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestPeersProveTheirIdentityBothWays(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1", "Org2"}})
	up := make(chan Peer, 1)
	a := newHost(t, "Org1", m)
	b := newHost(t, "Org2", m, func(h *Host) { h.OnPeer(func(p Peer) { up <- p }, nil) })

	p, err := a.Connect(soon(t), b.ID(), b.Addrs())
	must(t, err)
	if p.ID != b.ID() || p.MSPID != "Org2" || len(p.Addrs) != 1 || p.Addrs[0] != b.Addrs()[0] {
		t.Errorf("the dialler sees %+v", p)
	}
	if p := await(t, up, "the peer at the listener"); p.ID != a.ID() || p.MSPID != "Org1" {
		t.Errorf("the listener sees %+v", p)
	}
	if len(a.Peers()) != 1 || len(b.Peers()) != 1 {
		t.Errorf("peers: %v and %v", a.Peers(), b.Peers())
	}
}

func TestAnEd25519KeyIsAHostKey(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	s := newEdSigner(t)
	h, err := New(testConfig(t, "Org1", s, m))
	must(t, err)
	run(t, h)
	want, err := IDFromKey(s.public)
	must(t, err)
	if h.ID() != want {
		t.Errorf("the host is %s, its key %s", h.ID(), want)
	}
	connect(t, newHost(t, "Org1", m), h)
}

func TestASignerOfAnotherKeyIsFoundAtStart(t *testing.T) {
	cfg := testConfig(t, "Org1", newSigner(t), newRules(nil))
	cfg.Sign = newSigner(t).sign
	if _, err := New(cfg); err == nil {
		t.Fatal("the host started")
	}
}

func TestAPortInUseIsAnErrorThatNamesIt(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	taken := newHost(t, "Org1", m).Addrs()[0]
	cfg := testConfig(t, "Org1", newSigner(t), m)
	cfg.Listen = []string{taken}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), taken) {
		t.Fatalf("err = %v", err)
	}
}

func TestAnUnknownOrganisationIsRefusedWithTheReason(t *testing.T) {
	host := newHost(t, "Org1", newRules(map[string][]string{"c": {"Org1"}}))
	stranger := newHost(t, "Org9", newRules(map[string][]string{"c": {"Org1", "Org9"}}))

	_, err := stranger.Connect(soon(t), host.ID(), host.Addrs())
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Here || refused.Reason != "no channel here knows its organisation" {
		t.Fatalf("the stranger was told %v", err)
	}
	_, err = host.Connect(soon(t), stranger.ID(), stranger.Addrs())
	if !errors.As(err, &refused) || !refused.Here {
		t.Fatalf("the host says %v", err)
	}
	if len(host.Peers())+len(stranger.Peers()) != 0 {
		t.Error("they are peers all the same")
	}
}

func TestAnIdentityOfAnotherKeyIsRefused(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	host := newHost(t, "Org1", m)
	cfg := testConfig(t, "Org1", newSigner(t), m)
	cfg.Identity = identity(t, "Org1", newSigner(t).public) // somebody else's certificate
	thief, err := New(cfg)
	must(t, err)
	run(t, thief)

	var refused *RefusedError
	if _, err := thief.Connect(soon(t), host.ID(), host.Addrs()); !errors.As(err, &refused) || refused.Here {
		t.Fatalf("the thief was told %v", err)
	}
	if _, err := host.Connect(soon(t), thief.ID(), thief.Addrs()); !errors.As(err, &refused) || !refused.Here {
		t.Fatalf("the host says %v", err)
	}
}

func TestAnotherHostAtTheAddressIsNotThePeer(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a, b, c := newHost(t, "Org1", m), newHost(t, "Org1", m), newHost(t, "Org1", m)
	if _, err := a.Connect(soon(t), b.ID(), c.Addrs()); err == nil {
		t.Fatal("connected")
	}
}

func TestDownIsReportedAfterUpWhenThePeerEnds(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	events := make(chan string, 8)
	a := newHost(t, "Org1", m, func(h *Host) {
		h.OnPeer(func(p Peer) { events <- "up " + string(p.ID) }, func(p Peer) { events <- "down " + string(p.ID) })
	})
	b, err := New(testConfig(t, "Org1", newSigner(t), m))
	must(t, err)
	stop := run(t, b)
	connect(t, a, b)
	stop()
	for _, want := range []string{"up ", "down "} {
		if got := await(t, events, want); got != want+string(b.ID()) {
			t.Errorf("got %q, want %q", got, want+string(b.ID()))
		}
	}
}

func TestReconsiderDropsWhoIsNoLongerKnown(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1", "Org2"}})
	down := make(chan Peer, 1)
	a := newHost(t, "Org1", m, func(h *Host) { h.OnPeer(nil, func(p Peer) { down <- p }) })
	b := newHost(t, "Org2", m)
	connect(t, a, b)
	m.set("c", "Org1")
	a.Reconsider()
	if p := await(t, down, "the end of the connection"); p.ID != b.ID() {
		t.Errorf("dropped %v", p)
	}
}

func TestTwoThatDialEachOtherArePeersOnce(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	up := make(chan Peer, 4)
	a := newHost(t, "Org1", m, func(h *Host) { h.OnPeer(func(p Peer) { up <- p }, nil) })
	b := newHost(t, "Org1", m)
	errs := make(chan error, 2)
	go func() { _, err := a.Connect(soon(t), b.ID(), b.Addrs()); errs <- err }()
	go func() { _, err := b.Connect(soon(t), a.ID(), a.Addrs()); errs <- err }()
	must(t, await(t, errs, "a connect"))
	must(t, await(t, errs, "a connect"))
	await(t, up, "the peer")
	if len(a.Peers()) != 1 || len(up) != 0 {
		t.Errorf("%d peers, %d more events", len(a.Peers()), len(up))
	}
}

func TestRunLeavesNoGoroutine(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	var stops []func()
	var hosts []*Host
	for range 2 {
		h, err := New(testConfig(t, "Org1", newSigner(t), m))
		must(t, err)
		join(t, h, "topic", "c")
		hosts, stops = append(hosts, h), append(stops, run(t, h))
	}
	connect(t, hosts[0], hosts[1])
	for _, stop := range stops {
		stop()
	}
	var left string
	for end := soon(t); end.Err() == nil; time.Sleep(20 * time.Millisecond) { // libraries end theirs a moment later
		if left = ownGoroutines(); left == "" {
			return
		}
	}
	t.Fatalf("still running:\n%s", left)
}

// ownGoroutines are the stacks of goroutines that a host has started.
func ownGoroutines() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for _, g := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(g, "libp2p") && !strings.Contains(g, "p2p.ownGoroutines") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}
