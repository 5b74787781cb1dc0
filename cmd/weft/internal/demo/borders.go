package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/p2p"
)

// Border is what an organisation tried on a channel that it is no member of.
type Border struct {
	Intruder string    `json:"intruder"`
	Channel  string    `json:"channel"`
	Attempts []Attempt `json:"attempts"`
	// Heard are the gossip messages that its node received on the channel's
	// topics while a member's node received Control.
	Heard   int64 `json:"heard"`
	Control int64 `json:"heardByMember"`
}

// Attempt is one refused way in.
type Attempt struct {
	Way    string `json:"way"`
	Where  string `json:"at"`
	Answer string `json:"answer"`
}

// Borders are the sides of Borders.
type Borders struct {
	// Before and After are Org3 on channel1, before any channel joins it to
	// Org2 and after; Other is Org1 on channel2.
	Before *Border `json:"org3OnChannel1Before"`
	Other  *Border `json:"org1OnChannel2"`
	After  *Border `json:"org3OnChannel1After"`
	// Second is channel2's chaincode, and its value of a counter that has
	// another one on channel1.
	Second *deploy.Result `json:"channel2"`
	Value  string         `json:"counterOnChannel2"`
}

// Borders has Org3 try channel1 in every way, makes channel2 of Org2 and Org3,
// and has Org1 try that.
func (s *Scenario) Borders(ctx context.Context) (*Borders, error) {
	b := &Borders{}
	var err error
	if b.Before, err = s.tryAll(ctx, "Org3", channel1, "peer0.org1", "Org1"); err != nil {
		return nil, err
	}
	s.printBorder(b.Before)
	if err := s.second(ctx, b); err != nil {
		return nil, err
	}
	if b.Other, err = s.tryAll(ctx, "Org1", channel2, "peer0.org2", "Org3"); err != nil {
		return nil, err
	}
	s.printBorder(b.Other)
	if b.After, err = s.tryAll(ctx, "Org3", channel1, "peer0.org2", "Org1"); err != nil {
		return nil, err
	}
	s.out.ok("Org3 shares channel2 with Org2 and the orderers now; on channel1 it still gets nothing in %d ways, from peer0.org2 either", len(b.After.Attempts))
	return b, nil
}

// second makes channel2, with its own chaincode.
func (s *Scenario) second(ctx context.Context, b *Borders) error {
	if err := s.Net.CreateChannel(ctx, channel2, []string{"Org2", "Org3"}); err != nil {
		return err
	}
	s.out.ok("channel2 of Org2 and Org3 is made: the orderers and both members' peers have joined it")
	var err error
	if b.Second, err = s.deploy(ctx, deploy.Spec{Channel: channel2, Name: counter, Path: s.cfg.Counter, Policy: "AND('Org2MSP.peer','Org3MSP.peer')"}); err != nil {
		return err
	}
	gw, err := s.session(ctx, "peer0.org3", channel2)
	if err != nil {
		return err
	}
	defer gw.Close()
	r, err := s.submit(ctx, gw, increment("visits"))
	if err != nil {
		return err
	}
	b.Value = string(r.Payload)
	if err := claim(b.Value == "1", "channel2 has its own counter, which is 1; it is %s", b.Value); err != nil {
		return err
	}
	peer, err := s.node("peer0.org2")
	if err != nil {
		return err
	}
	st, err := peer.Status(ctx)
	if err != nil {
		return err
	}
	one, two := on(&st, channel1), on(&st, channel2)
	if err := claim(one != nil && two != nil, "peer0.org2 serves channel1 and channel2"); err != nil {
		return err
	}
	s.out.ok("Org2's one peer process serves both: channel1 at height %d, channel2 at height %d; counter %q is %s here", one.Height, two.Height, "visits", b.Value)
	s.out.gap()
	return nil
}

// intruder is who tries to get in.
type intruder struct {
	s          *Scenario
	org        *devnet.Org
	channel    string
	peer       *devnet.Node // of a member
	orderer    *devnet.Node
	own        *devnet.Node // the intruder's own peer
	identities []*client.Identity
}

func (s *Scenario) newIntruder(org, channel, peer string) (*intruder, error) {
	i := &intruder{s: s, channel: channel, orderer: s.Net.Orderers()[0]}
	var err error
	if i.org, err = s.Net.Org(org); err != nil {
		return nil, err
	}
	if i.peer, err = s.node(peer); err != nil {
		return nil, err
	}
	i.own = s.Net.Peers(i.org.Name)[0]
	for _, user := range []string{access.User1, access.Admin} {
		id, err := s.access.Identity(org, user)
		if err != nil {
			return nil, err
		}
		i.identities = append(i.identities, id)
	}
	signer, err := ident.LoadSigner(filepath.Join(i.own.CredentialsDir(), "msp"), i.org.MSPID)
	if err != nil {
		return nil, err
	}
	i.identities = append(i.identities, &client.Identity{Signer: signer})
	return i, nil
}

// tryAll has an organisation try everything at a member's peer and an orderer.
// control is a member, whose node listens as well.
func (s *Scenario) tryAll(ctx context.Context, org, channel, peer, control string) (*Border, error) {
	i, err := s.newIntruder(org, channel, peer)
	if err != nil {
		return nil, err
	}
	b := &Border{Intruder: org, Channel: channel}
	if err := i.join(ctx, b); err != nil {
		return nil, err
	}
	for _, w := range i.ways() {
		if err := i.try(ctx, b, w); err != nil {
			return nil, err
		}
	}
	return b, i.gossip(ctx, b, control)
}

// refusedWith checks that an attempt failed with the words of a refusal, not by
// accident.
func refusedWith(err error, words ...string) (string, error) {
	if err == nil {
		return "", errServed
	}
	text := said(err)
	for _, w := range words {
		if strings.Contains(text, w) {
			return brief(text), nil
		}
	}
	return "", fmt.Errorf("it failed, but was not refused: %w", err)
}

// maxAnswer keeps an answer on its line.
const maxAnswer = 90

// said is the node's own answer in an error.
func said(err error) string {
	var f *client.Failure
	var r *client.RefusedError
	var st *client.StatusError
	switch {
	case errors.As(err, &f) && len(f.Details) > 0:
		return f.Details[0].Message
	case errors.As(err, &f):
		return f.Message
	case errors.As(err, &r):
		return r.Message
	case errors.As(err, &st):
		return st.Error()
	}
	if st, ok := status.FromError(err); ok {
		return fmt.Sprintf("%s: %s", st.Code(), st.Message())
	}
	return err.Error()
}

// brief cuts an answer down to a line.
func brief(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	for _, p := range []string{"Unknown: ", "error validating proposal: "} {
		text = strings.TrimPrefix(text, p)
	}
	if r := []rune(text); len(r) > maxAnswer {
		text = string(r[:maxAnswer]) + "…"
	}
	return text
}

func (b *Border) add(way, where, answer string) {
	b.Attempts = append(b.Attempts, Attempt{way, where, answer})
}

func (b *Border) broken(way, where string, err error) error {
	return claim(false, "%s is refused on %s: %s at %s: %s", b.Intruder, b.Channel, way, where, err)
}

// join has the intruder's own peer try to join, with the genesis block and its
// own administrator.
func (i *intruder) join(ctx context.Context, b *Border) error {
	answer, err := refusedWith(i.s.Net.Join(ctx, i.channel, i.own, ""), "is not a member of channel")
	if err != nil {
		return b.broken("join", i.own.Name, err)
	}
	b.add("join the channel", i.own.Name, answer)
	return nil
}

// way is one way in, tried as each of the intruder's identities.
type way struct {
	name  string
	at    *devnet.Node
	words []string // of the refusal
	try   func(ctx context.Context, id *client.Identity) error
}

func (i *intruder) try(ctx context.Context, b *Border, w way) error {
	var answer string
	for _, id := range i.identities {
		var err error
		if answer, err = refusedWith(w.try(ctx, id), w.words...); err != nil {
			return b.broken(w.name+" as "+id.Certificate().Subject.CommonName, w.at.Name, err)
		}
	}
	b.add(w.name, w.at.Name, answer)
	return nil
}

// gossip lets the intruder's node and a member's listen while transactions are
// committed.
func (i *intruder) gossip(ctx context.Context, b *Border, control string) error {
	mine, err := i.s.startProbe(i.org.Name)
	if err != nil {
		return err
	}
	defer mine.close()
	theirs, err := i.s.startProbe(control)
	if err != nil {
		return err
	}
	defer theirs.close()
	if err := i.libp2p(ctx, b, mine); err != nil {
		return err
	}
	for _, p := range []*probe{mine, theirs} {
		if err := p.listen(i.s, i.channel); err != nil {
			return err
		}
	}
	if _, err := theirs.connect(ctx, i.s, i.peer); err != nil {
		return fmt.Errorf("connect a node of %s: %w", control, err)
	}
	if err := i.traffic(ctx, theirs); err != nil {
		return err
	}
	b.Heard, b.Control = mine.heard.Load(), theirs.heard.Load()
	if err := claim(b.Heard == 0, "the topics of %s are silent for %s; it received %d messages", i.channel, i.org.Name, b.Heard); err != nil {
		return err
	}
	b.add("subscribe to the gossip topics", "all", fmt.Sprintf("nothing received, while a node of %s received %d messages", control, b.Control))
	return nil
}

// controlMessages are what the member's node must have heard before the silence
// of the other one means something.
const controlMessages = 3

// traffic commits transactions until the control node has heard of them.
func (i *intruder) traffic(ctx context.Context, control *probe) error {
	gw, err := i.s.session(ctx, i.peer.Name, i.channel)
	if err != nil {
		return err
	}
	defer gw.Close()
	return until(ctx, "a member's node hears the gossip of "+i.channel, func() (bool, error) {
		if _, err := i.s.submit(ctx, gw, increment("gossip")); err != nil {
			return false, err
		}
		return control.heard.Load() >= controlMessages, nil
	})
}

// libp2p connects to the member's peer and an orderer and tries every protocol.
// Nodes that know the intruder from another channel let it connect.
func (i *intruder) libp2p(ctx context.Context, b *Border, p *probe) error {
	for _, node := range []*devnet.Node{i.peer, i.orderer} {
		id, err := p.connect(ctx, i.s, node)
		var refused *p2p.RefusedError
		if errors.As(err, &refused) {
			b.add("libp2p connection", node.Name, brief(refused.Reason))
			continue
		}
		if err != nil {
			return b.broken("libp2p connection", node.Name, err)
		}
		answer, err := p.streams(ctx, id, i.channel)
		if err != nil {
			return b.broken("libp2p stream", node.Name, err)
		}
		b.add(fmt.Sprintf("libp2p streams (%d protocols)", len(protocols())), node.Name, brief(answer))
	}
	return nil
}

func (s *Scenario) printBorder(b *Border) {
	s.out.say("%s is no member of %s and tries, as User1, Admin and peer0:", b.Intruder, b.Channel)
	rows := [][]string{{"WAY", "AT", "ANSWER"}}
	for _, a := range b.Attempts {
		rows = append(rows, []string{a.Way, a.Where, a.Answer})
	}
	s.out.table(rows)
	s.out.ok("%s was refused on %s in all %d ways", b.Intruder, b.Channel, len(b.Attempts))
	s.out.gap()
}
