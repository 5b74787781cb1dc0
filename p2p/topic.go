package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Topic is a joined gossip topic.
type Topic struct {
	cfg    TopicConfig
	g      *gossip
	topic  *pubsub.Topic
	sub    *pubsub.Subscription
	cancel context.CancelFunc

	mu       sync.Mutex
	accepted map[string]struct{}
	order    []string // a ring of the ids in accepted
	next     int
}

// TopicConfig of Join.
type TopicConfig struct {
	// Name is the topic's public name: a hash, never the channel's name.
	Name string
	// Channel is given to Membership with Protocol to admit subscribers, and
	// those who send.
	Channel  string
	Protocol Protocol
	// MessageID identifies a message; equal ids are delivered once. Only
	// accepted messages count: a bad copy does not hide a good one.
	MessageID func(data []byte) string
	// Validate decides, before forwarding, whether a message is delivered and
	// passed on. It must not block long: all topics share the few goroutines
	// that call it. Our own messages are not validated.
	Validate func(from ID, data []byte) Verdict
	// Receive gets every accepted message of others, in one goroutine. When it
	// falls more than 128 messages behind, some are dropped.
	Receive func(from ID, data []byte)
}

// Verdict on a gossip message.
type Verdict int

// Accept delivers and forwards; Ignore drops silently; Reject drops and counts
// against the sender.
const (
	Accept Verdict = iota
	Ignore
	Reject
)

func (c TopicConfig) validate() error {
	switch {
	case c.Name == "" || len(c.Name) > maxTopicName:
		return fmt.Errorf("a topic name has 1 to %d bytes, not %d", maxTopicName, len(c.Name))
	case c.MessageID == nil || c.Validate == nil || c.Receive == nil:
		return errors.New("a topic needs MessageID, Validate and Receive")
	}
	return nil
}

// Join subscribes to a topic. Messages published before a neighbour's
// subscription has arrived here do not reach it.
func (h *Host) Join(cfg TopicConfig) (*Topic, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("join topic: %w", err)
	}
	h.gossip.joining.Lock()
	defer h.gossip.joining.Unlock()
	t := &Topic{cfg: cfg, g: h.gossip, accepted: map[string]struct{}{}}
	if !h.gossip.add(t) {
		return nil, fmt.Errorf("join topic %s: it is joined already", cfg.Name)
	}
	if err := t.join(); err != nil {
		h.gossip.remove(t)
		h.gossip.recall(cfg.Name)
		return nil, fmt.Errorf("join topic %s: %w", cfg.Name, err)
	}
	return t, nil
}

func (t *Topic) join() (err error) {
	ps := t.g.ps
	if t.topic, err = ps.Join(t.cfg.Name, pubsub.WithTopicMessageIdFn(messageID)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.unjoin()
		}
	}()
	if err := t.topic.SetScoreParams(topicScore()); err != nil {
		return err
	}
	if err := ps.RegisterTopicValidator(t.cfg.Name, t.validate, pubsub.WithValidatorInline(true)); err != nil {
		return err
	}
	// Peers that subscribed before we knew the topic come first, so that the
	// mesh is there when we are.
	t.g.recall(t.cfg.Name)
	if t.sub, err = t.topic.Subscribe(pubsub.WithBufferSize(receiveQueue)); err != nil {
		return err
	}
	if !t.g.h.enter() {
		return errors.New("the host is closed")
	}
	ctx, cancel := context.WithCancel(t.g.h.ctx)
	t.cancel = cancel
	go func() {
		defer t.g.h.work.Done()
		defer cancel()
		t.receive(ctx)
	}()
	return nil
}

func (t *Topic) receive(ctx context.Context) {
	for {
		m, err := t.sub.Next(ctx)
		if err != nil {
			return
		}
		if m.ReceivedFrom != t.g.h.self {
			t.cfg.Receive(ID(m.ReceivedFrom.String()), m.GetData())
		}
	}
}

// validate is called by the router for messages of others before they are
// delivered or forwarded, and for our own.
func (t *Topic) validate(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
	data := m.GetData()
	if len(data) > MaxGossip {
		return pubsub.ValidationReject
	}
	id := t.cfg.MessageID(data)
	if t.seen(id) {
		return pubsub.ValidationIgnore
	}
	if from != t.g.h.self {
		switch t.cfg.Validate(ID(from.String()), data) {
		case Accept:
		case Ignore:
			return pubsub.ValidationIgnore
		default:
			return pubsub.ValidationReject
		}
	}
	if !t.first(id) { // another copy was accepted meanwhile
		return pubsub.ValidationIgnore
	}
	return pubsub.ValidationAccept
}

func (t *Topic) seen(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.accepted[id]
	return ok
}

// first records an accepted id; false when it was recorded before.
func (t *Topic) first(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.accepted[id]; ok {
		return false
	}
	t.accepted[id] = struct{}{}
	if len(t.order) < acceptedIDs {
		t.order = append(t.order, id)
		return true
	}
	delete(t.accepted, t.order[t.next])
	t.order[t.next] = id
	t.next = (t.next + 1) % acceptedIDs
	return true
}

// Publish sends to the topic. A message whose id was accepted before goes
// nowhere, without an error.
func (t *Topic) Publish(ctx context.Context, data []byte) error {
	if len(data) > MaxGossip {
		return fmt.Errorf("publish: %w: %d bytes, at most %d are allowed", errGossipTooLarge, len(data), MaxGossip)
	}
	err := t.topic.Publish(ctx, data)
	var invalid pubsub.ValidationError
	if errors.As(err, &invalid) && invalid.Reason == pubsub.RejectValidationIgnored {
		return nil
	}
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// Leave unsubscribes. Receive may still be running its last call.
func (t *Topic) Leave() error {
	t.g.joining.Lock()
	defer t.g.joining.Unlock()
	t.cancel()
	err := t.unjoin()
	t.g.remove(t)
	t.g.recall(t.cfg.Name)
	if err != nil && t.g.h.ctx.Err() == nil {
		return fmt.Errorf("leave topic %s: %w", t.cfg.Name, err)
	}
	return nil
}

func (t *Topic) unjoin() error {
	if t.sub != nil {
		t.sub.Cancel()
	}
	if t.g.h.ctx.Err() == nil {
		t.g.ps.UnregisterTopicValidator(t.cfg.Name) // absent when joining failed early
	}
	return t.topic.Close()
}

func (g *gossip) add(t *Topic) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.topics[t.cfg.Name] != nil {
		return false
	}
	g.topics[t.cfg.Name] = t
	return true
}

// remove forgets a topic and what was answered about it.
func (g *gossip) remove(t *Topic) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.topics[t.cfg.Name] == t {
		delete(g.topics, t.cfg.Name)
		g.epoch++
		for _, topics := range g.allowed {
			delete(topics, t.cfg.Name)
		}
	}
}
