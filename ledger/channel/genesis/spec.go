package genesis

import (
	"maps"
	"path/filepath"
	"time"

	"github.com/weft-network/weft/ledger/channel"
)

// Spec is the YAML file: what a genesis block is made from. A field left out
// has the default that its comment names. Paths are relative to the file, or
// absolute.
type Spec struct {
	// Channel is the channel's id.
	Channel string `yaml:"channel"`
	// Orderer is the ordering service.
	Orderer Orderer `yaml:"orderer"`
	// Application are the organisations that share the ledger.
	Application Application `yaml:"application"`
	// Policies of the channel group, by name. Each default stays unless its
	// name is given: Readers ANY Readers, Writers ANY Writers, Admins MAJORITY
	// Admins.
	Policies Policies `yaml:"policies,omitempty"`
	// Capabilities default to V3_0.
	Capabilities []string `yaml:"capabilities,omitempty,flow"`
	// Timestamp of the channel header; 1970-01-01 by default.
	Timestamp time.Time `yaml:"timestamp,omitempty"`
	// Nonce of the signature header, 24 bytes in hexadecimal; by default taken
	// from the hash of the config.
	Nonce string `yaml:"nonce,omitempty"`

	// Dir is what relative paths start from; "" is the working directory. Load
	// sets it to the file's folder.
	Dir  string `yaml:"-"`
	file string
}

// Policies maps a policy's name to its rule: "ANY Readers", "ALL Writers" and
// "MAJORITY Admins" ask the policies of that name one level below; everything
// else is a signature policy such as "OR('Org1MSP.admin', 'Org1MSP.peer')".
type Policies map[string]string

// Orderer describes who orders and how blocks are cut.
type Orderer struct {
	// Type of consensus: etcdraft, which is the default.
	Type          string      `yaml:"type,omitempty"`
	Organizations []Org       `yaml:"organizations"`
	Consenters    []Consenter `yaml:"consenters"`
	Raft          Raft        `yaml:"raft,omitempty"`

	// BatchTimeout is how long the first transaction of a block waits for more
	// of them; 2s.
	BatchTimeout Duration `yaml:"batchTimeout,omitempty"`
	// MaxMessageCount is the most transactions of a block; 500.
	MaxMessageCount Count `yaml:"maxMessageCount,omitempty"`
	// AbsoluteMaxBytes is the most bytes of a block's transactions, and of one
	// transaction; 10 MB.
	AbsoluteMaxBytes Bytes `yaml:"absoluteMaxBytes,omitempty"`
	// PreferredMaxBytes is where a block is cut unless one transaction alone is
	// larger; 2 MB, or AbsoluteMaxBytes if that is less.
	PreferredMaxBytes Bytes `yaml:"preferredMaxBytes,omitempty"`

	// Policies default to Readers ANY Readers, Writers ANY Writers, Admins
	// MAJORITY Admins, BlockValidation ANY Writers.
	Policies Policies `yaml:"policies,omitempty"`
	// Capabilities default to V2_0.
	Capabilities []string `yaml:"capabilities,omitempty,flow"`
}

// Raft are the options of the consensus.
type Raft struct {
	TickInterval      Duration `yaml:"tickInterval,omitempty"`      // 500ms
	ElectionTick      Count    `yaml:"electionTick,omitempty"`      // 10
	HeartbeatTick     Count    `yaml:"heartbeatTick,omitempty"`     // 1
	MaxInflightBlocks Count    `yaml:"maxInflightBlocks,omitempty"` // 5
	// SnapshotIntervalSize is how many bytes of blocks lie between two
	// snapshots; 16 MB.
	SnapshotIntervalSize Bytes `yaml:"snapshotIntervalSize,omitempty"`
}

// Consenter is one orderer of the Raft cluster. Others know it by its TLS
// certificates.
type Consenter struct {
	Host          string `yaml:"host"`
	Port          uint16 `yaml:"port"`
	ClientTLSCert string `yaml:"clientTLSCert"`
	ServerTLSCert string `yaml:"serverTLSCert"`
	// MSPID, if given, is the organisation whose TLS CA must have issued the
	// certificates; otherwise any ordering organisation's may have.
	MSPID string `yaml:"mspID,omitempty"`
}

// Application describes the organisations that share the ledger.
type Application struct {
	Organizations []Org `yaml:"organizations"`
	// Policies default to Readers ANY Readers, Writers ANY Writers, Admins
	// MAJORITY Admins, Endorsement and LifecycleEndorsement MAJORITY Endorsement.
	Policies Policies `yaml:"policies,omitempty"`
	// ACLs map a resource such as peer/Propose to the policy that guards it;
	// those left out have Fabric's defaults.
	ACLs map[string]string `yaml:"acls,omitempty"`
	// Capabilities default to V2_5.
	Capabilities []string `yaml:"capabilities,omitempty,flow"`
}

// Org is one organisation of either side.
type Org struct {
	Name   string `yaml:"name"`
	MSPID  string `yaml:"mspID"`
	MSPDir string `yaml:"mspDir"`
	// AnchorPeers are host:port of peers that other organisations may contact
	// first; of application organisations only.
	AnchorPeers []string `yaml:"anchorPeers,omitempty"`
	// OrdererEndpoints are host:port of orderers; of ordering organisations
	// only, which must have one.
	OrdererEndpoints []string `yaml:"ordererEndpoints,omitempty"`
	// Policies default to those of Fabric's test network: an ordering
	// organisation's Readers and Writers are its members, Admins its admins; an
	// application organisation's Readers are its admins, peers and clients,
	// Writers its admins and clients, Admins its admins, Endorsement its peers.
	Policies Policies `yaml:"policies,omitempty"`
}

// withDefaults is a copy with every default filled in.
func (s *Spec) withDefaults() *Spec {
	f := *s
	o, a := &f.Orderer, &f.Application
	def(&o.Type, channel.ConsensusRaft)
	def(&o.BatchTimeout, Duration(2*time.Second))
	def(&o.MaxMessageCount, 500)
	def(&o.AbsoluteMaxBytes, 10*mib)
	def(&o.PreferredMaxBytes, min(2*mib, o.AbsoluteMaxBytes))
	def(&o.Raft.TickInterval, Duration(500*time.Millisecond))
	def(&o.Raft.ElectionTick, 10)
	def(&o.Raft.HeartbeatTick, 1)
	def(&o.Raft.MaxInflightBlocks, 5)
	def(&o.Raft.SnapshotIntervalSize, 16*mib)

	defList(&f.Capabilities, channel.ChannelV3_0)
	defList(&o.Capabilities, channel.OrdererV2_0)
	defList(&a.Capabilities, channel.ApplicationV2_5)

	f.Policies = f.Policies.over(groupPolicies())
	o.Policies = o.Policies.over(groupPolicies()).over(Policies{"BlockValidation": "ANY Writers"})
	a.Policies = a.Policies.over(groupPolicies()).over(Policies{
		"Endorsement":          "MAJORITY Endorsement",
		"LifecycleEndorsement": "MAJORITY Endorsement",
	})
	o.Organizations = withPolicies(o.Organizations, ordererPolicies)
	a.Organizations = withPolicies(a.Organizations, applicationPolicies)
	return &f
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func defList(field *[]string, value string) {
	if len(*field) == 0 {
		*field = []string{value}
	}
}

// over adds the defaults whose names p does not have.
func (p Policies) over(defaults Policies) Policies {
	all := maps.Clone(defaults)
	maps.Copy(all, p)
	return all
}

func withPolicies(orgs []Org, defaults func(mspID string) Policies) []Org {
	var all []Org
	for _, o := range orgs {
		o.Policies = o.Policies.over(defaults(o.MSPID))
		all = append(all, o)
	}
	return all
}

func groupPolicies() Policies {
	return Policies{"Readers": "ANY Readers", "Writers": "ANY Writers", "Admins": "MAJORITY Admins"}
}

func ordererPolicies(id string) Policies {
	return Policies{
		"Readers": "OR('" + id + ".member')",
		"Writers": "OR('" + id + ".member')",
		"Admins":  "OR('" + id + ".admin')",
	}
}

func applicationPolicies(id string) Policies {
	return Policies{
		"Readers":     "OR('" + id + ".admin', '" + id + ".peer', '" + id + ".client')",
		"Writers":     "OR('" + id + ".admin', '" + id + ".client')",
		"Admins":      "OR('" + id + ".admin')",
		"Endorsement": "OR('" + id + ".peer')",
	}
}

// path makes a path of the file absolute or relative to the working directory.
func (s *Spec) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.Dir, p)
}
