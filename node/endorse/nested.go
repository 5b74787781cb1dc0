package endorse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
)

// ResourceNested guards calls of one chaincode by another, on the callee's
// channel.
const ResourceNested = "peer/ChaincodeToChaincode"

// caller is the stub of a chaincode in an endorsement: it may call others.
//
// What a callee does to its own namespace becomes part of the same simulation,
// and its policy judges it when the transaction is validated. On another
// channel it has a simulation of its own, of which nothing is kept.
//
// An error is told to the calling chaincode where every peer would find the
// same: there is no such chaincode, its Init has not run, the client may not
// call it, it broke off. What only this peer lacks (the package, the channel)
// ends the call instead, or peers that have it would endorse something else.
type caller struct {
	*stub
	e      *Endorser
	p      *Proposal // of this chaincode: its name, channel and state
	root   string    // the chaincode that the client called
	signed []byte    // the client's proposal, marshalled
}

var _ wasm.Caller = (*caller)(nil)

func (e *Endorser) stub(p *Proposal, s *sim.Simulator, root string, signed []byte) *caller {
	return &caller{
		stub: &stub{sim: s, past: p.State, namespace: p.Chaincode, txID: p.TxID},
		e:    e, p: p, root: root, signed: signed,
	}
}

// told is an error that the calling chaincode is told.
type told struct{ text string }

func (e *told) Error() string { return e.text }

func forCaller(format string, args ...any) error { return &told{fmt.Sprintf(format, args...)} }

// CallChaincode runs other chaincode for the one whose stub this is.
func (c *caller) CallChaincode(ctx context.Context, call wasm.NestedCall) (*wasm.Response, error) {
	p := *c.p
	var channel string
	p.Chaincode, channel = target(call)
	p.Args, p.Init = call.Args, false
	if channel == "" || channel == p.ChannelID {
		return c.onChannel(ctx, &p, c.sim, call)
	}
	var ok bool
	if p.Channel, ok = c.e.cfg.Channel(channel); !ok {
		return nil, fmt.Errorf("failed to find ledger for channel: %s", channel)
	}
	p.ChannelID = channel
	snapshot := p.Channel.Ledger().Snapshot()
	defer snapshot.Close()
	p.State = snapshot
	s := sim.New(snapshot)
	response, err := c.onChannel(ctx, &p, s, call)
	if _, dropped := s.Results(); dropped != nil { // closes what the callee left open
		err = errors.Join(err, c.failed(dropped))
	}
	return response, err
}

// target takes "name:version/channel" apart, where the version counts for
// nothing. A channel given beside it is one more part at the end, as Fabric's
// shim has it.
func target(call wasm.NestedCall) (name, channel string) {
	name = call.Chaincode
	if call.Channel != "" {
		name += "/" + call.Channel
	}
	name, channel, _ = strings.Cut(name, "/")
	name, _, _ = strings.Cut(name, ":")
	return name, channel
}

// onChannel runs the callee that p names in the simulation.
func (c *caller) onChannel(ctx context.Context, p *Proposal, s *sim.Simulator, call wasm.NestedCall) (*wasm.Response, error) {
	if system, ok := c.e.cfg.System[p.Chaincode]; ok {
		return c.askSystem(ctx, p, system, s)
	}
	if err := Authorize(p, p.Channel.Config(), ResourceNested); err != nil {
		return nil, &wasm.GuestError{Code: abi.Denied, Text: err.Error()}
	}
	module, err := c.callee(ctx, p, s)
	if err != nil {
		var plain *told
		if errors.As(err, &plain) {
			return nil, &wasm.GuestError{Text: "execute failed: invalid invocation: " + err.Error()}
		}
		return nil, c.failed(fmt.Errorf("call chaincode %s on channel %s: %w", p.Chaincode, p.ChannelID, err))
	}
	nested := c.e.stub(p, s, c.root, c.signed)
	in := c.e.callWith(p, c.signed)
	in.Budget, in.Depth, in.ReadOnly = call.Budget, call.Depth, call.ReadOnly
	response, err := module.Invoke(ctx, in, nested)
	if nested.fault != nil && c.fault == nil {
		c.fault = nested.fault
	}
	var trap *wasm.Trap
	if errors.As(err, &trap) && c.fault == nil {
		return nil, &wasm.GuestError{Text: "execute failed: " + terminated(err).Error()}
	}
	if response != nil {
		response.EventName, response.EventPayload = "", nil // only the outermost chaincode's event counts
	}
	return response, err
}

// callee finds the module of the definition that is committed on p's channel.
func (c *caller) callee(ctx context.Context, p *Proposal, s *sim.Simulator) (Module, error) {
	def, err := c.e.lookUp(p, s)
	if err != nil {
		return nil, fmt.Errorf("[channel %s] failed to get chaincode container info for %s: %w", p.ChannelID, p.Chaincode, err)
	}
	if err := initOnce(p, def, s); err != nil {
		return nil, err
	}
	return c.e.cfg.Chaincodes.Module(ctx, p.ChannelID, def)
}

// askSystem lets chaincode ask system chaincodes, which look after who may ask
// what by themselves, and do nothing: otherwise an administrator who calls some
// chaincode would lend it their rights.
func (c *caller) askSystem(ctx context.Context, p *Proposal, system System, s *sim.Simulator) (*wasm.Response, error) {
	if !onlyAsks(p) {
		return &wasm.Response{Status: 500, Message: fmt.Sprintf("Rejecting invoke of %s from another chaincode, original invocation for '%s'",
			strings.ToUpper(p.Chaincode), c.root)}, nil
	}
	r := system.Invoke(ctx, p, s)
	if r == nil {
		return nil, fmt.Errorf("system chaincode %s answered nothing", p.Chaincode)
	}
	return &wasm.Response{Status: r.Status, Message: r.Message, Payload: r.Payload}, nil
}

func onlyAsks(p *Proposal) bool {
	if p.Chaincode != definition.Namespace {
		return p.Chaincode == "qscc"
	}
	if len(p.Args) == 0 {
		return false
	}
	function := string(p.Args[0])
	return strings.HasPrefix(function, "Query") || strings.HasPrefix(function, "Check")
}
