package order

import (
	"context"
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// Message is one admitted envelope on its way into a block.
type Message struct {
	// Raw is the marshalled common.Envelope, as it will stand in the block.
	Raw []byte
	// Size is what Fabric counts against the limits of a block: payload and
	// signature, without framing.
	Size uint32
	// ConfigSequence is the sequence of the configuration it was admitted under.
	ConfigSequence uint64
	// Passed tells that another orderer has passed the message to this one; it
	// is not passed on a second time.
	Passed bool
}

// Consensus puts the messages of one channel into blocks, the same on every
// consenter.
type Consensus interface {
	// Submit hands in a message without waiting. done is called exactly once:
	// with nil after a quorum has the message's block durably and this node has
	// written it, else with a *Refusal. It may be called before Submit returns,
	// and must not block. Messages that one goroutine submits keep their order.
	Submit(m Message, done func(error))
	// Step takes a consensus message from another consenter. After an error
	// there is no point in sending more.
	Step(from uint64, msg []byte) error
	// Leader is the id of the leading consenter, 0 when there is none.
	Leader() uint64
	// Leaderless is closed as soon as there is no leader, and stays so; while
	// there is none, it is closed from the start.
	Leaderless() <-chan struct{}
	// Run works until ctx ends or the channel must halt. Once.
	Run(ctx context.Context) error
}

// Refusal is an error with the status that a broadcast is answered with.
type Refusal struct {
	Status common.Status
	Info   string
}

// Error is the refusal's text.
func (r *Refusal) Error() string { return r.Info }

func refuse(s common.Status, info string) *Refusal { return &Refusal{Status: s, Info: info} }

// Why a message was not ordered, though nothing is wrong with it. A client may
// send it again: if it was ordered after all, the copy becomes DUPLICATE_TXID.
var (
	ErrNoLeader       = refuse(common.Status_SERVICE_UNAVAILABLE, "no Raft leader")
	ErrLeadershipLost = refuse(common.Status_SERVICE_UNAVAILABLE, "Raft leadership changed before the envelope was known to be ordered; send it again")
	ErrBusy           = refuse(common.Status_SERVICE_UNAVAILABLE, "too many envelopes are waiting to be ordered; send it again later")
	ErrStopped        = refuse(common.Status_SERVICE_UNAVAILABLE, "the orderer's consensus on this channel is not running")
	ErrConfigChanged  = refuse(common.Status_SERVICE_UNAVAILABLE, "the channel configuration changed while the envelope was queued; send it again")
)

// StatusOf is the status and text that answer a broadcast which ended with err.
func StatusOf(err error) (common.Status, string) {
	var r *Refusal
	switch {
	case err == nil:
		return common.Status_SUCCESS, ""
	case errors.As(err, &r):
		return r.Status, r.Info
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return common.Status_SERVICE_UNAVAILABLE, err.Error()
	default:
		return common.Status_INTERNAL_SERVER_ERROR, err.Error()
	}
}
