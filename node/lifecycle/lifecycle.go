package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/node/endorse"
	"google.golang.org/protobuf/proto"
)

// Config of a Lifecycle.
type Config struct {
	// MSPID is this peer's organisation; Local holds it and nothing else.
	MSPID     string
	Local     *ident.Set
	Packages  *Packages
	Approvals *Approvals
	// Channels are those that this peer has joined.
	Channels func() []endorse.Channel
	Log      *slog.Logger
}

// Lifecycle is the system chaincode _lifecycle (an endorse.System), and finds
// the module of a committed chaincode (an endorse.Chaincodes). Safe for
// concurrent use.
type Lifecycle struct {
	cfg       Config
	functions map[string]function
}

var (
	_ endorse.System     = (*Lifecycle)(nil)
	_ endorse.Chaincodes = (*Lifecycle)(nil)
)

// The functions of _lifecycle.
const (
	installFunction        = "InstallChaincode"
	queryInstalledFunction = "QueryInstalledChaincode"
	listInstalledFunction  = "QueryInstalledChaincodes"
	getPackageFunction     = "GetInstalledChaincodePackage"
	approveFunction        = "ApproveChaincodeDefinitionForMyOrg"
	queryApprovedFunction  = "QueryApprovedChaincodeDefinition"
	listApprovedFunction   = "QueryApprovedChaincodeDefinitions"
	readinessFunction      = "CheckCommitReadiness"
	commitFunction         = "CommitChaincodeDefinition"
	queryDefinedFunction   = "QueryChaincodeDefinition"
	listDefinedFunction    = "QueryChaincodeDefinitions"
)

// function is one function of _lifecycle: args is its marshalled argument.
type function struct {
	// admin functions are for administrators of this organisation; the others
	// follow the channel's ACL.
	admin bool
	// channel functions need a proposal for a channel.
	channel bool
	run     func(ctx context.Context, c *call) (proto.Message, error)
}

// call is one invocation.
type call struct {
	*endorse.Proposal
	sim *sim.Simulator // nil without a channel
}

// arguments parses the call's one argument.
func (c *call) arguments(m proto.Message) error {
	if err := proto.Unmarshal(c.Args[1], m); err != nil {
		return fmt.Errorf("could not unmarshal argument of function %s: %w", c.Args[0], err)
	}
	return nil
}

// New makes the _lifecycle chaincode.
func New(cfg Config) *Lifecycle {
	l := &Lifecycle{cfg: cfg}
	l.functions = map[string]function{
		installFunction:        {admin: true, run: l.install},
		queryInstalledFunction: {admin: true, run: l.queryInstalled},
		listInstalledFunction:  {admin: true, run: l.listInstalled},
		getPackageFunction:     {admin: true, run: l.getPackage},
		approveFunction:        {admin: true, channel: true, run: l.approve},
		queryApprovedFunction:  {admin: true, channel: true, run: l.queryApproved},
		listApprovedFunction:   {admin: true, channel: true, run: l.listApproved},
		readinessFunction:      {channel: true, run: l.readiness},
		commitFunction:         {channel: true, run: l.commit},
		queryDefinedFunction:   {channel: true, run: l.queryDefined},
		listDefinedFunction:    {channel: true, run: l.listDefined},
	}
	return l
}

// notDefined is the answer, with status 404, to queries of a chaincode that has
// no committed definition.
type notDefined struct{ name string }

func (e *notDefined) Error() string { return fmt.Sprintf("namespace %s is not defined", e.name) }

// Invoke implements endorse.System.
func (l *Lifecycle) Invoke(ctx context.Context, p *endorse.Proposal, s *sim.Simulator) *peer.Response {
	switch len(p.Args) {
	case 2:
	case 0:
		return refused("lifecycle scc must be invoked with arguments")
	default:
		return refused("lifecycle scc operations require exactly two arguments but received %d", len(p.Args))
	}
	name := string(p.Args[0])
	f, known := l.functions[name]
	if !known {
		return refused("failed to invoke backing implementation of '%s': receiver *lifecycle.Invocation.%s does not exist", name, name)
	}
	if f.channel && p.Channel == nil {
		return refused("failed to invoke backing implementation of '%s': the proposal names no channel", name)
	}
	if err := l.authorize(p, f, name); err != nil {
		return refused("Failed to authorize invocation due to failed ACL check: %s", err)
	}
	result, err := f.run(ctx, &call{Proposal: p, sim: s})
	var missing *notDefined
	switch {
	case errors.As(err, &missing):
		return &peer.Response{Status: 404, Message: err.Error()}
	case err != nil:
		return refused("failed to invoke backing implementation of '%s': %s", name, err)
	}
	return success(result)
}

func (l *Lifecycle) authorize(p *endorse.Proposal, f function, name string) error {
	if f.admin {
		return endorse.AuthorizeAdmin(p, l.cfg.Local)
	}
	return endorse.Authorize(p, p.Channel.Config(), definition.Namespace+"/"+name)
}

// refused is a system chaincode's 500. What it quotes may come from outside,
// and a protobuf string must be UTF-8.
func refused(format string, args ...any) *peer.Response {
	return &peer.Response{Status: 500, Message: strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD")}
}

func success(m proto.Message) *peer.Response {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return refused("failed to marshal result: %s", err)
	}
	return &peer.Response{Status: 200, Payload: raw}
}

// organisations of the channel, sorted.
func organisations(p *endorse.Proposal) []string {
	var ids []string
	for id := range p.Channel.Config().Application {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
