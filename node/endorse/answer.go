package endorse

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/sim"
)

// SystemVersion is the version of every system chaincode.
const SystemVersion = "syscc"

// initializedKey holds, in a chaincode's own namespace, the version whose Init
// has run. No chaincode can reach it by accident: it starts with the byte of
// composite keys and ends where those cannot.
const initializedKey = "\x00\U0010FFFFinitialized"

// result is what a simulation came to.
type result struct {
	response *peer.Response
	event    *peer.ChaincodeEvent
	rwset    []byte
	version  string // of the chaincode definition
	// demands say who has to endorse it.
	demands []sim.Demand
}

// answer runs a checked proposal. An error is a failure inside this peer.
func (e *Endorser) answer(ctx context.Context, p *Proposal) (*peer.ProposalResponse, error) {
	r, err := e.simulate(ctx, p, demanding)
	if err != nil {
		return nil, err
	}
	payload, err := responsePayload(p, r)
	if err != nil {
		return nil, fmt.Errorf("failed to create the proposal response: %w", err)
	}
	resp := &peer.ProposalResponse{Response: r.response}
	status := r.response.Status
	switch {
	case status >= 500:
		// With Payload, so that a gateway can tell the chaincode's own refusal
		// from a failure of this peer.
		resp.Payload = payload
		return resp, nil
	case p.Channel == nil, status >= 400, status < 200:
		return resp, nil
	}
	resp.Version, resp.Payload = 1, payload
	if resp.Interest, err = e.interest(p, r.demands); err != nil {
		return nil, fmt.Errorf("error in simulation: %w", err)
	}
	resp.Endorsement, err = e.endorse(p, payload)
	if err != nil {
		return nil, fmt.Errorf("endorse transaction %s: %w", p.TxID, err)
	}
	return resp, nil
}

// query runs a checked proposal whose outcome goes no further than its client.
func (e *Endorser) query(ctx context.Context, p *Proposal) (*peer.ProposalResponse, error) {
	r, err := e.simulate(ctx, p, func(r *result, s *sim.Simulator) error {
		if r.response.Status >= 500 {
			return complete(r, s)
		}
		return s.End()
	})
	if err != nil {
		return nil, err
	}
	resp := &peer.ProposalResponse{Version: 1, Response: r.response}
	if r.response.Status >= 500 { // as in answer
		resp.Payload, err = responsePayload(p, r)
	}
	return resp, err
}

// complete takes the read-write set into the result.
func complete(r *result, s *sim.Simulator) (err error) {
	r.rwset, err = s.Results()
	return err
}

// demanding is complete for what is to be endorsed.
func demanding(r *result, s *sim.Simulator) (err error) {
	if r.response.Status < 400 {
		if r.demands, err = s.Demands(); err != nil {
			return err
		}
	}
	return complete(r, s)
}

// simulate runs the chaincode on one snapshot, which is free again on return,
// and takes what the caller wants of the simulation.
func (e *Endorser) simulate(ctx context.Context, p *Proposal, end func(*result, *sim.Simulator) error) (*result, error) {
	system, isSystem := e.cfg.System[p.Chaincode]
	if p.Channel == nil {
		if !isSystem {
			return nil, undefined(p, errors.New("could not get channel config for channel ''"))
		}
		return e.runSystem(ctx, p, system, nil)
	}
	snapshot := p.Channel.Ledger().Snapshot()
	defer snapshot.Close()
	p.State = snapshot
	s := sim.New(snapshot)
	var r *result
	var err error
	if isSystem {
		r, err = e.runSystem(ctx, p, system, s)
	} else {
		r, err = e.runChaincode(ctx, p, s)
	}
	if err != nil {
		return nil, err
	}
	if err := end(r, s); err != nil {
		return nil, fmt.Errorf("error in simulation: %w", err)
	}
	return r, nil
}

func (e *Endorser) runSystem(ctx context.Context, p *Proposal, c System, s *sim.Simulator) (*result, error) {
	resp := c.Invoke(ctx, p, s)
	if resp == nil {
		return nil, fmt.Errorf("error in simulation: nil response from transaction %s", p.TxID)
	}
	return &result{response: resp, version: SystemVersion}, nil
}

func undefined(p *Proposal, err error) error {
	return fmt.Errorf("make sure the chaincode %s has been successfully defined on channel %s and try again: %w",
		p.Chaincode, p.ChannelID, err)
}

// runChaincode runs an ordinary chaincode in its own namespace.
func (e *Endorser) runChaincode(ctx context.Context, p *Proposal, s *sim.Simulator) (*result, error) {
	def, err := e.lookUp(p, s)
	if err != nil {
		return nil, undefined(p, err)
	}
	module, err := e.cfg.Chaincodes.Module(ctx, p.ChannelID, def)
	if err != nil {
		return nil, undefined(p, err)
	}
	if err := initOnce(p, def, s); err != nil {
		return nil, fmt.Errorf("error in simulation: failed to execute transaction %s: invalid invocation: %w", p.TxID, err)
	}
	r, err := e.invoke(ctx, p, module, s)
	if err != nil {
		return nil, fmt.Errorf("error in simulation: failed to execute transaction %s: %w", p.TxID, err)
	}
	r.version = def.Version
	return r, nil
}

// lookUp reads the committed definition. Only the read of its Sequence goes
// into the read-write set, as in Fabric: that read invalidates, at commit, what
// was endorsed under a definition that has been replaced since.
func (e *Endorser) lookUp(p *Proposal, s *sim.Simulator) (*definition.Definition, error) {
	sequence := definition.SequenceKey(p.Chaincode)
	if _, err := s.Get(definition.Namespace, sequence); err != nil {
		return nil, fmt.Errorf("could not get current sequence for chaincode '%s' on channel '%s': %w", p.Chaincode, p.ChannelID, err)
	}
	def, err := e.definitions(p.ChannelID).Read(Committed(p), p.Chaincode, s.Read(definition.Namespace, sequence))
	if err != nil {
		return nil, err
	}
	if def == nil {
		return nil, forCaller("chaincode %s not found", p.Chaincode)
	}
	return def, nil
}

// definitions are those that were read of a channel.
func (e *Endorser) definitions(channelID string) *definition.Cache {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.known[channelID]
	if c == nil {
		c = &definition.Cache{}
		e.known[channelID] = c // the peer's channels bound these
	}
	return c
}

// Committed reads the proposal's snapshot without recording the reads.
func Committed(p *Proposal) definition.Getter {
	return func(namespace, key string) ([]byte, error) {
		value, _, err := p.State.Get(namespace, key)
		return value, err
	}
}

// initOnce enforces that a chaincode whose definition asks for it is called as
// init exactly once for each version, before anything else.
func initOnce(p *Proposal, def *definition.Definition, s *sim.Simulator) error {
	needed := false
	if def.InitRequired {
		done, err := s.Get(p.Chaincode, initializedKey)
		if err != nil {
			return fmt.Errorf("could not get 'initialized' key: %w", err)
		}
		needed = !bytes.Equal(done, []byte(def.Version))
	}
	switch {
	case !p.Init && needed:
		return forCaller("chaincode '%s' has not been initialized for this version, must call as init first", p.Chaincode)
	case !p.Init:
		return nil
	case !def.InitRequired:
		return fmt.Errorf("chaincode '%s' does not require initialization but called as init", p.Chaincode)
	case !needed:
		return fmt.Errorf("chaincode '%s' is already initialized but called as init", p.Chaincode)
	}
	if err := s.Put(p.Chaincode, initializedKey, []byte(def.Version)); err != nil {
		return fmt.Errorf("could not set 'initialized' key: %w", err)
	}
	return nil
}
