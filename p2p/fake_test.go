package p2p

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// rules is a Membership for tests. An identity is "ORG:" and a public key.
type rules struct {
	mu       sync.Mutex
	channels map[string][]string // channel to organisations
}

func newRules(channels map[string][]string) *rules { return &rules{channels: channels} }

func (r *rules) set(channel string, orgs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels[channel] = orgs
}

func (r *rules) Known(identity []byte) (string, crypto.PublicKey, error) {
	org, der, ok := strings.Cut(string(identity), ":")
	if !ok {
		return "", nil, errors.New("the identity cannot be read")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, orgs := range r.channels {
		if slices.Contains(orgs, org) {
			key, err := x509.ParsePKIXPublicKey([]byte(der))
			return org, key, err
		}
	}
	return "", nil, errors.New("no channel here knows its organisation")
}

func (r *rules) Allow(identity []byte, p Protocol, channel string) error {
	org, _, _ := strings.Cut(string(identity), ":")
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.channels[channel], org) {
		return fmt.Errorf("%s is not a member of %s", org, channel)
	}
	return nil
}

// signer is a private key that only signs, as an HSM would.
type signer struct {
	public crypto.PublicKey
	sign   func([]byte) ([]byte, error)
}

func newSigner(t testing.TB) signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return signer{&key.PublicKey, func(msg []byte) ([]byte, error) {
		digest := sha256.Sum256(msg)
		return ecdsa.SignASN1(rand.Reader, key, digest[:])
	}}
}

func newEdSigner(t testing.TB) signer {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return signer{public, func(msg []byte) ([]byte, error) { return ed25519.Sign(key, msg), nil }}
}

func identity(t testing.TB, org string, public crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	must(t, err)
	return append([]byte(org+":"), der...)
}

func testConfig(t testing.TB, org string, s signer, m Membership) Config {
	return Config{
		Identity: identity(t, org, s.public), Public: s.public, Sign: s.sign,
		Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Membership: m, Log: slog.New(slog.DiscardHandler),
	}
}

// newHost makes a host; prepare registers handlers before it runs.
func newHost(t testing.TB, org string, m Membership, prepare ...func(*Host)) *Host {
	t.Helper()
	h, err := New(testConfig(t, org, newSigner(t), m))
	must(t, err)
	for _, f := range prepare {
		f(h)
	}
	run(t, h)
	return h
}

// run runs the host until the test ends, or stop is called.
func run(t testing.TB, h *Host) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// soon bounds what a test waits for; nothing passes by waiting.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, from, to *Host) {
	t.Helper()
	_, err := from.Connect(soon(t), to.ID(), to.Addrs())
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func await[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-soon(t).Done():
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
