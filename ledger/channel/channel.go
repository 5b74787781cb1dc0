// Package channel reads a channel's configuration (Fabric's config tree) into
// the questions that Weft asks of it: who belongs, who may do what, how blocks
// are cut, who orders them.
//
// A Config is either read whole or refused: every value that Weft relies on is
// decoded and checked once, every policy is compiled once, and an error names
// the path in the tree, such as /Channel/Orderer/BatchSize. A capability that
// this software does not have refuses the whole config by name, because a node
// that guesses at rules it does not know would fork. Reading is pure and never
// panics, whatever the bytes.
//
// A Config also judges what may follow it: Next takes a config transaction as
// peers do, Update makes one of a config update as orderers do.
//
// Genesis blocks are made by the package genesis below.
package channel

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// ConsensusRaft is the one consensus type of a channel so far.
const ConsensusRaft = "etcdraft"

// Config is one version of a channel's configuration. It is immutable and safe
// for concurrent use.
type Config struct {
	ID       string // channel id
	Sequence uint64
	Proto    *common.Config
	MSPs     *ident.Set // every organisation of the channel, orderers too
	Batch    Batch
	// ConsensusType is "etcdraft".
	ConsensusType string
	Consenters    []*etcdraft.Consenter // in config order; Raft id = index + 1
	RaftOptions   *etcdraft.Options
	// Capabilities are the names that each group requires, sorted.
	Capabilities Capabilities
	// Application are the application organisations, by MSP id.
	Application map[string]*Org
	// Orderers are the ordering organisations, by MSP id.
	Orderers map[string]*Org
	// Addresses are the channel-wide orderer endpoints of channels from before
	// V3_0, where they may stand in for the organisations' own.
	Addresses []string

	policies map[string]policy.Policy // by full path
	groups   map[string]*group        // by full path, for layouts
	acls     map[string]string        // overrides, as full paths
}

// Capabilities are the capability names of a channel's three groups.
type Capabilities struct {
	Channel, Orderer, Application []string
}

// Batch are the limits of a block.
type Batch struct {
	Timeout           time.Duration
	MaxMessageCount   uint32
	AbsoluteMaxBytes  uint32
	PreferredMaxBytes uint32
}

// Org is one organisation of a channel.
type Org struct {
	Name, MSPID string
	// AnchorPeers are host:port of client TLS ports; empty for orderers.
	AnchorPeers []string
	// Endpoints are host:port of orderers; empty for application organisations.
	Endpoints []string
	TLSRoots  *x509.CertPool
}

// OrdererEndpoints are the host:port of every orderer of the channel, those of
// the organisations first, each once.
func (c *Config) OrdererEndpoints() []string {
	var all []string
	for _, id := range sortedKeys(c.Orderers) {
		all = append(all, c.Orderers[id].Endpoints...)
	}
	all = append(all, c.Addresses...)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(e string) bool {
		again := seen[e]
		seen[e] = true
		return again
	})
}
