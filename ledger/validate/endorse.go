package validate

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/state"
)

// endorsed is rule 15 in one namespace: for every key that is written, its own
// policy holds, or else that of its collection, or else that of the chaincode;
// and if nothing is written, that of the chaincode.
func (j *judge) endorsed(tx int, ns *ledger.NsRWSet, rules *namespace) (verdict, error) {
	c := check{judge: j, rules: rules, endorsers: j.txs[tx].endorsers}
	for i := range ns.Writes {
		if v, err := c.key(place{ns.Namespace, "", ns.Writes[i].Key}); v != nil || err != nil {
			return v, err
		}
	}
	for i := range ns.Metadata {
		if v, err := c.key(place{ns.Namespace, "", ns.Metadata[i].Key}); v != nil || err != nil {
			return v, err
		}
	}
	for i := range ns.Collections {
		coll := &ns.Collections[i]
		for k := range coll.Writes {
			if v, err := c.key(place{ns.Namespace, coll.Name, string(coll.Writes[k].KeyHash)}); v != nil || err != nil {
				return v, err
			}
		}
	}
	for i := range ns.Collections {
		coll := &ns.Collections[i]
		for k := range coll.Metadata {
			if v, err := c.key(place{ns.Namespace, coll.Name, string(coll.Metadata[k].KeyHash)}); v != nil || err != nil {
				return v, err
			}
		}
	}
	if c.evaluated {
		return nil, nil
	}
	return c.hold(rules.chaincode, ofChaincode, place{namespace: ns.Namespace}), nil
}

// check is one transaction's rule 15 in one namespace.
type check struct {
	*judge
	rules     *namespace
	endorsers []*ident.Identity
	evaluated bool  // some policy
	held      *rule // the last one that held and was not a key's own: most keys are under the same
}

// key checks one key that is written.
func (c *check) key(p place) (verdict, error) {
	if earlier, ok := c.redefined[p]; ok {
		return c.redefinedBy(p, earlier), nil
	}
	r, err := c.rules.of(p.collection)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		v := invalid(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE, "chaincode %q has no collection %q", p.namespace, p.collection)
		return at(p, v), nil
	}
	metadata, err := c.before.metadata(p)
	if err != nil {
		return nil, err
	}
	own, err := validationParameter(metadata)
	switch {
	case err != nil:
		return nil, fmt.Errorf("metadata of %s: %w", p, err)
	case len(own) > 0:
		return c.hold(c.policies.ofKey(own), ofKey, p), nil
	case r == c.held:
		return nil, nil
	}
	c.held = r
	if p.collection == "" {
		return c.hold(r, ofChaincode, place{namespace: p.namespace}), nil
	}
	return c.hold(r, ofCollection, place{namespace: p.namespace, collection: p.collection}), nil
}

// owner tells whose policy it is.
type owner int

const (
	ofChaincode owner = iota
	ofCollection
	ofKey
)

// hold evaluates a policy.
func (c *check) hold(r *rule, of owner, p place) verdict {
	c.evaluated = true
	err := r.Evaluate(c.endorsers)
	if err == nil {
		return nil
	}
	whose := fmt.Sprintf("%q", p.namespace)
	switch of {
	case ofKey:
		whose = p.String()
	case ofCollection:
		whose = fmt.Sprintf("collection %q of %q", p.collection, p.namespace)
	}
	v := at(p, invalid(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE, "endorsement policy of %s: %v", whose, err))
	r.explain(v, c.endorsers, &c.policies.left)
	return v
}

// redefinedBy says that the policy of a key is not known before this block is
// committed: a transaction before this one changes it.
func (c *check) redefinedBy(p place, earlier int) verdict {
	v := invalid(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE,
		"transaction %d of this block changes the endorsement policy of %s; endorse the transaction again under the new one", earlier, p)
	v.Found = &ledger.Version{Block: c.block.Header.GetNumber(), Tx: uint64(earlier)}
	return at(p, v)
}

// redefine remembers the keys whose metadata a transaction writes in a namespace
// whose policies it satisfies: whether the rest of it is valid does not matter.
func (j *judge) redefine(tx int, ns *ledger.NsRWSet) {
	for i := range ns.Metadata {
		j.redefinedOnce(place{ns.Namespace, "", ns.Metadata[i].Key}, tx)
	}
	for i := range ns.Collections {
		c := &ns.Collections[i]
		for k := range c.Metadata {
			j.redefinedOnce(place{ns.Namespace, c.Name, string(c.Metadata[k].KeyHash)}, tx)
		}
	}
}

func (j *judge) redefinedOnce(p place, tx int) {
	if _, ok := j.redefined[p]; !ok {
		j.redefined[p] = tx
	}
}

// validationParameter takes a key's own endorsement policy out of its metadata,
// nil for none. Metadata that does not parse is not what this peer wrote.
func validationParameter(metadata []byte) ([]byte, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	entries, err := state.DecodeMetadata(metadata)
	if err != nil {
		return nil, err
	}
	var own []byte
	for _, e := range entries {
		if e.Name == peer.MetaDataKeys_VALIDATION_PARAMETER.String() {
			own = e.Value // of several, the last counts
		}
	}
	return own, nil
}
