// Package modeltest is a second opinion on what becomes of a block: the rules
// of docs/validation.md written once more, from Fabric's behaviour, as plainly
// as possible. It keeps the state in a map, parses every envelope each time from
// the bytes, evaluates policies on the trees as they stand in the configuration,
// and is slow. It shares no code with the ledger: it imports nothing of it.
package modeltest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Key names one key of the state: in an empty collection a public one, in
// another the hash of a private one.
type Key struct{ Namespace, Collection, Name string }

// Value is what stands under a key: of a private one the hash of its value.
type Value struct {
	Value, Metadata string
	Block, Tx       uint64
}

// Bug is a rule that the model leaves out, to see whether the histories would
// notice if the ledger did.
type Bug string

// The bugs that the model can have.
const (
	NoBug             Bug = ""
	NoCreatorCheck    Bug = "the creator's signature is not checked"
	NoTxIDCheck       Bug = "the transaction id is not recomputed"
	NoProposalHash    Bug = "the proposal hash is not compared"
	NoLedgerDuplicate Bug = "ids on the ledger are forgotten"
	NoBlockDuplicate  Bug = "ids within the block are not compared"
	ClaimedIDsOnly    Bug = "an id that a transaction leaves out is not computed for the index"
	NoPolicy          Bug = "endorsement policies are not evaluated"
	InvokedOnly       Bug = "only the invoked chaincode's policy is evaluated"
	NoKeyPolicy       Bug = "key-level policies are ignored"
	NoKeyPolicyChange Bug = "a change of a key's policy within the block is ignored"
	NoCollectionRule  Bug = "collection policies are ignored"
	RepeatedEndorser  Bug = "an endorser counts as often as it signed"
	AnyOrder          Bug = "an identity may be used for several principals"
	NoReadCheck       Bug = "reads are not compared with the state"
	NoPendingRead     Bug = "reads are not compared with earlier writes of the block"
	NoHashedRead      Bug = "hashed reads are not compared"
	NoPhantom         Bug = "range queries are not run again"
	ExclusiveEnd      Bug = "the end of an unfinished range query is left out"
	LostMetadata      Bug = "a write of a value drops the key's metadata"
	SameVersion       Bug = "a write of metadata leaves the key's version"
	HighS             Bug = "signatures with a high S are good"
	StaleConfig       Bug = "a configuration takes effect one block late"
	Revoked           Bug = "revocation lists are ignored"
)

// Bugs are all of them.
var Bugs = []Bug{
	NoCreatorCheck, NoTxIDCheck, NoProposalHash, NoLedgerDuplicate,
	NoBlockDuplicate, ClaimedIDsOnly, NoPolicy, InvokedOnly,
	NoKeyPolicy, NoKeyPolicyChange, NoCollectionRule, RepeatedEndorser,
	AnyOrder, NoReadCheck, NoPendingRead, NoHashedRead,
	NoPhantom, ExclusiveEnd, LostMetadata, SameVersion,
	HighS, StaleConfig, Revoked,
}

// Model is a channel's ledger.
type Model struct {
	Height     uint64
	CommitHash []byte
	State      map[Key]Value
	IDs        map[string]bool // of every transaction on the ledger
	Bug        Bug

	channel string
	hash    []byte // of the newest header
	config  *config
	late    *config // of StaleConfig
}

// New starts with a genesis block.
func New(genesis *common.Block) (*Model, error) {
	m := &Model{State: map[Key]Value{}, IDs: map[string]bool{}, Height: 1, hash: headerHash(genesis.Header)}
	p, err := parsePayload(genesis.Data.Data[0])
	if err != nil {
		return nil, err
	}
	ch := &common.ChannelHeader{}
	if err := proto.Unmarshal(p.Header.GetChannelHeader(), ch); err != nil {
		return nil, err
	}
	m.channel = ch.ChannelId
	m.State[configKey] = Value{Value: string(p.Data)}
	m.IDs[indexID(genesis.Data.Data[0], NoBug)] = true
	m.config, err = readConfig(p.Data)
	return m, err
}

// Clone is an independent copy.
func (m *Model) Clone() *Model {
	c := *m
	c.State, c.IDs = maps.Clone(m.State), maps.Clone(m.IDs)
	return &c
}

// Outcome is what becomes of a block.
type Outcome struct {
	// Refused is why the block is not one of this chain, Halt why the channel
	// stops at it; at most one is set, and the ledger is as before then.
	Refused, Halt error
	Codes         []peer.TxValidationCode
}

// ErrBadConfig halts the channel.
var ErrBadConfig = errors.New("the configuration does not follow from the one in force")

// Facts are what the model is told about a block instead of finding it out.
type Facts struct {
	// BadConfig: the configuration in the block is none that the one in force
	// allows.
	BadConfig bool
	// Trusted skips the checks of the block itself.
	Trusted bool
}

// configKey is where the configuration in force stands in the state.
var configKey = Key{Name: "CHANNEL_CONFIG_ENV_BYTES"}

// Commit judges the next block and, if it belongs there, commits it.
func (m *Model) Commit(b *common.Block, f Facts) Outcome {
	if !f.Trusted {
		if err := m.refuse(b); err != nil {
			return Outcome{Refused: err}
		}
	}
	j := &judgement{m: m, number: b.Header.Number, pending: map[Key]*Value{}, f: f}
	codes, err := j.block(b)
	if err != nil {
		return Outcome{Halt: err}
	}
	m.CommitHash = CommitHash(m.CommitHash, codes, j.pending)
	for k, v := range j.pending {
		if v.Value == "" {
			delete(m.State, k)
		} else {
			m.State[k] = *v
		}
	}
	for _, raw := range b.Data.Data {
		m.IDs[indexID(raw, m.Bug)] = true
	}
	m.Height, m.hash = m.Height+1, headerHash(b.Header)
	if m.late != nil {
		m.config, m.late = m.late, nil
	}
	switch {
	case j.config != nil && m.Bug == StaleConfig:
		m.late = j.config
	case j.config != nil:
		m.config = j.config
	}
	return Outcome{Codes: codes}
}

// indexID is the id under which the ledger knows a transaction: the one that it
// claims, and otherwise the one that it would have to claim; "" for what has no
// header.
func indexID(raw []byte, bug Bug) string {
	p, err := parsePayload(raw)
	if err != nil || p.Header == nil {
		return ""
	}
	ch, sh := &common.ChannelHeader{}, &common.SignatureHeader{}
	if proto.Unmarshal(p.Header.ChannelHeader, ch) != nil {
		return ""
	}
	if ch.TxId != "" || bug == ClaimedIDsOnly {
		return ch.TxId
	}
	if proto.Unmarshal(p.Header.SignatureHeader, sh) != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(append(append([]byte{}, sh.Nonce...), sh.Creator...)))
}

func parsePayload(raw []byte) (*common.Payload, error) {
	env, p := &common.Envelope{}, &common.Payload{}
	if err := proto.Unmarshal(raw, env); err != nil {
		return nil, err
	}
	return p, proto.Unmarshal(env.Payload, p)
}
