package sim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// ValidationParameter is the name under which a key's metadata has its own
// endorsement policy, a marshalled common.SignaturePolicyEnvelope.
var ValidationParameter = peer.MetaDataKeys_VALIDATION_PARAMETER.String()

// MaxMetadataBytes bounds one metadata value. It is read whenever its key is
// written; a policy that names every organisation of the largest channels is a
// tenth of it.
const MaxMetadataBytes = 256 << 10

// Metadata reads what the committed metadata of a key has under a name, nil for
// nothing. The key counts as read, at its version, as by Get; metadata written
// by this transaction is not seen.
func (s *Simulator) Metadata(namespace, key, name string) ([]byte, error) {
	if err := s.check(namespace, key); err != nil {
		return nil, err
	}
	e, err := s.reader.Entry(namespace, "", key)
	if err != nil {
		return nil, err
	}
	var version *ledger.Version
	if e != nil {
		version = &e.Version
	}
	if err := s.noteRead(namespace, key, version); err != nil {
		return nil, err
	}
	return named(e, name)
}

// named is an entry of a key's metadata; nil when it is absent or empty.
func named(e *state.Entry, name string) ([]byte, error) {
	if e == nil || len(e.Metadata) == 0 {
		return nil, nil
	}
	entries, err := state.DecodeMetadata(e.Metadata)
	if err != nil {
		return nil, err
	}
	// Of several of one name the last counts, as in Fabric.
	for _, m := range slices.Backward(entries) {
		if m.Name == name && len(m.Value) > 0 {
			return m.Value, nil
		} else if m.Name == name {
			return nil, nil
		}
	}
	return nil, nil
}

// PutMetadata records that the metadata of a key is to be this one entry; what
// else it had is gone then. Of several for one key the last counts. At commit it
// does nothing to a key that is absent. The value is copied.
func (s *Simulator) PutMetadata(namespace, key, name string, value []byte) error {
	if err := s.check(namespace, key); err != nil {
		return err
	}
	if s.paged {
		return ErrWriteAfterPage
	}
	if len(value) > MaxMetadataBytes {
		return refuse("metadata of a key may have %d bytes", MaxMetadataBytes)
	}
	n := s.namespace(namespace)
	old, again := n.metadata[key]
	more := len(name) + len(value)
	if again {
		more -= len(old.Name) + len(old.Value)
	} else {
		more += len(key)
	}
	if err := s.payWrite(!again, more); err != nil {
		return err
	}
	if n.metadata == nil {
		n.metadata = map[string]ledger.MetadataEntry{}
	}
	n.metadata[key] = ledger.MetadataEntry{Name: name, Value: bytes.Clone(value)}
	return nil
}

// Demand says who has to endorse what a transaction did in one namespace.
type Demand struct {
	Namespace string
	// Policies are those of written keys that have their own, each once, in byte
	// order: as they stand in the state, good or not.
	Policies [][]byte
	// Chaincode tells that the namespace's own policy has to hold too: a key
	// without its own is written, or none is.
	Chaincode bool
}

// MaxPolicies bounds the different key policies in the demands of one
// transaction: no gateway can plan for more.
const MaxPolicies = 256

// Demands are those of the namespaces that were accessed, in their order, by the
// policies that are committed now. It is asked for before or after Results, as
// long as the reader is open.
func (s *Simulator) Demands() ([]Demand, error) {
	var all []Demand
	left := MaxPolicies
	for _, name := range s.Namespaces() {
		d, err := s.demand(name, &left)
		if err != nil {
			return nil, fmt.Errorf("policies of keys of %s: %w", name, err)
		}
		all = append(all, d)
	}
	return all, nil
}

func (s *Simulator) demand(name string, left *int) (Demand, error) {
	d := Demand{Namespace: name}
	n := s.namespaces[name]
	if n == nil || len(n.writes)+len(n.metadata) == 0 || s.reader.NoMetadata() {
		d.Chaincode = true
		return d, nil
	}
	var found map[string]bool // most transactions find none
	for _, key := range n.written() {
		e, err := s.reader.Entry(name, "", key)
		if err != nil {
			return d, err
		}
		policy, err := named(e, ValidationParameter)
		switch {
		case err != nil:
			return d, err
		case policy == nil:
			d.Chaincode = true
		case !found[string(policy)]:
			if *left--; *left < 0 {
				return d, refuse("a transaction may write keys of %d different endorsement policies", MaxPolicies)
			}
			if found == nil {
				found = map[string]bool{}
			}
			found[string(policy)] = true
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(found)) {
		d.Policies = append(d.Policies, []byte(policy))
	}
	return d, nil
}

// written are the keys whose value or metadata is written.
func (n *namespace) written() []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(n.writes)), maps.Keys(n.metadata))
	slices.Sort(keys)
	return slices.Compact(keys)
}
