package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	gwpb "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
)

// observeTimeout is how long a trace waits for the block and the event after the
// peer said that the transaction is committed.
const observeTimeout = time.Minute

// Step is one of the nine steps of a transaction.
type Step struct {
	Number int    `json:"step"`
	Name   string `json:"name"`
	From   string `json:"from"`
	To     string `json:"to"`
	// What was sent, or found.
	What string `json:"what"`
	// Took is the time of the step's own call; 0 where it is a part of another's.
	Took time.Duration `json:"tookNs"`
	// Part is the step whose time holds this one's, or 0.
	Part int `json:"partOf,omitempty"`
}

// Trace is a transaction or a query, step by step.
type Trace struct {
	Result
	Steps []Step `json:"steps"`
	// Event is what the client received, nil when the chaincode emitted none.
	Event *client.ChaincodeEvent `json:"event,omitempty"`
	emits bool                   // the endorsed transaction carries an event
	// Endorsers are who signed, as "peer0.org1.example.com (Org1MSP)".
	Endorsers []string `json:"endorsers,omitempty"`
}

func (t *Trace) add(n int, name, from, to string, took time.Duration, what string, args ...any) {
	t.Steps = append(t.Steps, Step{Number: n, Name: name, From: from, To: to, Took: took, What: fmt.Sprintf(what, args...)})
}

func (t *Trace) addPart(n, of int, name, from, to, what string, args ...any) {
	t.add(n, name, from, to, 0, what, args...)
	t.Steps[len(t.Steps)-1].Part = of
}

// me is how steps name the client.
const me = "client"

// connected is step 1.
func (t *Trace) connected(ctx context.Context, s *Session) {
	t.add(1, "the client connects", me, s.Peer.Name, s.Took,
		"TCP and %s to %s, certificate checked against the organisation's TLS CA", s.tlsVersion(ctx), s.Peer.Endpoint)
}

// proposed is step 2.
func (t *Trace) proposed(s *Session, p *client.Proposal, r Request, took time.Duration) error {
	raw, err := p.Bytes()
	if err != nil {
		return err
	}
	t.add(2, "proposal", me, s.Peer.Name, took, "%s(%s) of %s on %s, transaction %.8s…, %d bytes, signed by %s of %s",
		r.Function, arguments(r.Args), r.Chaincode, s.Channel, p.TransactionID(), len(raw), s.id.Certificate().Subject.CommonName, s.id.MSPID())
	return nil
}

// maxShownArgument keeps a line readable.
const maxShownArgument = 24

func arguments(args [][]byte) string {
	var list []string
	for _, a := range args {
		if len(a) > maxShownArgument {
			a = append(slices.Clone(a[:maxShownArgument]), "…"...)
		}
		list = append(list, fmt.Sprintf("%q", a))
	}
	return strings.Join(list, ", ")
}

// TraceQuery connects anew and asks a query. The steps after the fourth are for
// updates.
func TraceQuery(ctx context.Context, t Target, id *Identity, channel string, r Request) (*Trace, error) {
	s, err := Connect(ctx, t, id, channel)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	tr := &Trace{}
	tr.connected(ctx, s)
	start := time.Now()
	p, err := s.propose(r)
	if err != nil {
		return nil, err
	}
	tr.TxID, tr.Times.Propose = p.TransactionID(), time.Since(start)
	if err := tr.proposed(s, p, r, tr.Times.Propose); err != nil {
		return nil, err
	}
	asked := time.Now()
	if tr.Payload, err = p.EvaluateWithContext(ctx); err != nil {
		return nil, failureOf(StepEvaluate, tr.TxID, err)
	}
	tr.Times.Endorse, tr.Times.Total = time.Since(asked), time.Since(start)
	version, err := s.definedAs(ctx, r.Chaincode)
	if err != nil {
		return nil, err
	}
	tr.addPart(3, 4, "the peer checks", s.Peer.Name, s.Peer.Name,
		"signature, right to propose, chaincode %s: committed as %s, approved and installed here", r.Chaincode, version)
	tr.add(4, "the query is answered", s.Peer.Name, me, tr.Times.Endorse,
		"%d bytes, from WebAssembly over one snapshot of the state; nothing is ordered", len(tr.Payload))
	return tr, nil
}

func (s *Session) definedAs(ctx context.Context, chaincode string) (string, error) {
	if strings.HasPrefix(chaincode, "_") || chaincode == "qscc" || chaincode == "cscc" {
		return "a system chaincode", nil
	}
	d, err := Defined(ctx, s.conn, s.id, s.Channel, chaincode)
	if err != nil || d == nil {
		return "", errors.Join(fmt.Errorf("the definition of chaincode %s is not to be had", chaincode), err)
	}
	return fmt.Sprintf("version %s, sequence %d", d.Version, d.Sequence), nil
}

// TraceUpdate connects anew, carries a transaction to its commit and waits for
// its event. Blocks are watched at the orderer as well, so that ordering and
// committing can be told apart.
func TraceUpdate(ctx context.Context, t, orderer Target, id *Identity, channel string, r Request) (*Trace, error) {
	w, err := watchBlocks(ctx, t, orderer, id, channel, r.Chaincode)
	if err != nil {
		return nil, err
	}
	defer w.stop()
	s, err := Connect(ctx, t, id, channel)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	tr := &Trace{}
	tr.connected(ctx, s)
	return tr, tr.update(ctx, s, w, r)
}

func (t *Trace) update(ctx context.Context, s *Session, w *watch, r Request) error {
	start := time.Now()
	p, err := s.propose(r)
	if err != nil {
		return err
	}
	t.TxID, t.Times.Propose = p.TransactionID(), time.Since(start)
	if err := t.proposed(s, p, r, t.Times.Propose); err != nil {
		return err
	}
	asked := time.Now()
	tx, err := p.EndorseWithContext(ctx)
	if err != nil {
		return failureOf(StepEndorse, t.TxID, err)
	}
	t.Times.Endorse, t.Payload = time.Since(asked), tx.Result()
	if err := t.endorsed(ctx, s, tx, r); err != nil {
		return err
	}
	submitted := time.Now()
	commit, err := tx.SubmitWithContext(ctx)
	if err != nil {
		return failureOf(StepSubmit, t.TxID, err)
	}
	t.Times.Submit = time.Since(submitted)
	st, err := commit.StatusWithContext(ctx)
	if err != nil {
		return failureOf(StepCommit, t.TxID, err)
	}
	committed := time.Now()
	t.Code, t.Block = st.Code, st.BlockNumber
	t.Times.Commit, t.Times.Total = committed.Sub(submitted)-t.Times.Submit, committed.Sub(start)
	return t.ordered(ctx, s, w, submitted, committed)
}

// endorsed are steps 3 to 5, read off the transaction that came back.
func (t *Trace) endorsed(ctx context.Context, s *Session, tx *client.Transaction, r Request) error {
	parsed, err := parsePrepared(tx)
	if err != nil {
		return err
	}
	version, err := s.definedAs(ctx, r.Chaincode)
	if err != nil {
		return err
	}
	t.emits = parsed.Event != nil
	for _, e := range parsed.Endorsements {
		t.Endorsers = append(t.Endorsers, nameOf(e.Endorser))
	}
	who := strings.Join(t.Endorsers, " and ")
	t.addPart(3, 5, "the peers check", s.Peer.Name, who,
		"signature, right to propose, chaincode %s: committed as %s, approved and installed on each", r.Chaincode, version)
	reads, writes := 0, 0
	for _, ns := range parsed.RWSet.Namespaces {
		if ns.Namespace != definition.Namespace {
			reads, writes = reads+len(ns.Reads), writes+len(ns.Writes)
		}
	}
	t.addPart(4, 5, "the chaincode runs", who, who, "WebAssembly over one snapshot on each: %d keys read, %d written to the read-write set, none to the ledger", reads, writes)
	t.add(5, "endorsement", who, me, t.Times.Endorse, "%d signatures over the same %d bytes, checked and assembled by %s", len(t.Endorsers), len(parsed.Response), s.Peer.Name)
	raw, err := tx.Bytes()
	t.add(6, "the transaction is submitted", me, s.Peer.Name, 0, "%d bytes, signed by the client", len(raw))
	return err
}

func parsePrepared(tx *client.Transaction) (*ledger.Tx, error) {
	raw, err := tx.Bytes()
	if err != nil {
		return nil, err
	}
	p := &gwpb.PreparedTransaction{}
	if err := proto.Unmarshal(raw, p); err != nil {
		return nil, err
	}
	// Not signed yet, which parsing does not mind.
	if raw, err = proto.Marshal(p.GetEnvelope()); err != nil {
		return nil, err
	}
	parsed := ledger.ParseTx(raw)
	if parsed.RWSet == nil {
		return nil, fmt.Errorf("the endorsed transaction does not parse: %s: %s", parsed.Code, parsed.Why)
	}
	return parsed, nil
}

// nameOf names the owner of a serialized identity.
func nameOf(identity []byte) string {
	mspID, cert, err := ident.Parse(identity)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%s (%s)", cert.Subject.CommonName, mspID)
}

// ordered are steps 6 to 9.
func (t *Trace) ordered(ctx context.Context, s *Session, w *watch, submitted, committed time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	six := &t.Steps[len(t.Steps)-1]
	six.Took, six.To = t.Times.Submit, s.Peer.Name+" → orderers"
	b, err := w.block(ctx, t.Block)
	if err != nil {
		return err
	}
	t.add(7, "the block is made", b.signer, "all peers", max(0, b.at.Sub(submitted)),
		"block %d with %d transaction(s), %d bytes, agreed by Raft, signed by %s", t.Block, b.txs, b.bytes, b.signer)
	t.add(8, "validated and committed", s.Peer.Name, s.Peer.Name, max(0, committed.Sub(b.at)),
		"signatures, policy and versions checked: %d %s; state written", int32(t.Code), t.Code)
	if !t.Valid() {
		t.add(9, "the client is told", s.Peer.Name, me, committed.Sub(submitted), "%s: %s", t.Code, Meaning(t.Code))
		return nil
	}
	if !t.emits {
		t.add(9, "the client is told", s.Peer.Name, me, committed.Sub(submitted), "committed as %s in block %d; the chaincode emitted no event", t.Code, t.Block)
		return nil
	}
	ev, at := w.event(ctx, t.TxID)
	if ev == nil {
		return fmt.Errorf("the event of transaction %s was not received, though it is valid", t.TxID)
	}
	t.Event = ev
	t.add(9, "the client gets the event", s.Peer.Name, me, at.Sub(submitted),
		"event %q of block %d, %d bytes, since the submission", ev.EventName, ev.BlockNumber, len(ev.Payload))
	return nil
}

// StepLines prints steps, one or two lines each.
func StepLines(steps []Step) []string {
	var lines []string
	for _, s := range steps {
		took := fmt.Sprintf("%10s", fmt.Sprintf("in step %d", s.Part))
		if s.Part == 0 {
			took = fmt.Sprintf("%7.1f ms", float64(s.Took.Microseconds())/1000)
		}
		who := s.From
		if s.To != s.From {
			who += " → " + s.To
		}
		lines = append(lines,
			fmt.Sprintf(" %d  %s  %s: %s", s.Number, took, s.Name, who),
			"                  "+s.What)
	}
	return lines
}
