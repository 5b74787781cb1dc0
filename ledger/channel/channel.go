// Package channel reads a channel's configuration (Fabric's config tree) into
// the questions that Weft asks of it, and builds genesis blocks.
package channel

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

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
	// Application are the application organisations, by MSP id.
	Application map[string]*Org
	// Orderers are the ordering organisations, by MSP id.
	Orderers map[string]*Org
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

// FromBlock reads a config block (genesis included) and refuses, by name, a
// required capability that this software does not have.
func FromBlock(b *common.Block) (*Config, error) { return nil, errors.New("not built yet") }

// FromEnvelope reads the CONFIG envelope of a config block.
func FromEnvelope(env *common.Envelope) (*Config, error) { return nil, errors.New("not built yet") }

// Policy returns the policy at a full path such as "/Channel/Application/Writers".
// A missing policy is returned as one that nobody satisfies, and whose error
// names the path.
func (c *Config) Policy(path string) policy.Policy { return nil }

// HasPolicy reports whether the path names a policy.
func (c *Config) HasPolicy(path string) bool { return false }

// ACL returns the policy path that guards a resource such as "peer/Propose":
// the channel's override or Fabric's default.
func (c *Config) ACL(resource string) string { return "" }

// EndorsementPolicy is /Channel/Application/Endorsement, or a majority of
// members where the channel has none; LifecycleEndorsementPolicy likewise.
func (c *Config) EndorsementPolicy() policy.Policy { return nil }

// LifecycleEndorsementPolicy guards commits of chaincode definitions.
func (c *Config) LifecycleEndorsementPolicy() policy.Policy { return nil }

// LifecycleOrgs are the organisations whose endorsement the gateway asks for a
// chaincode commit: layouts as policy.Layouts gives them.
func (c *Config) LifecycleLayouts() []map[string]int { return nil }

// JSON prints a block or config as configtxlator would (protolator).
func JSON(b *common.Block) ([]byte, error) { return nil, errors.New("not built yet") }
