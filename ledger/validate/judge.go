package validate

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
)

// ErrConfigUpdate is Finish's answer to a configuration after the genesis block.
// Skipping it would split this peer from those that obey it, hence the halt.
var ErrConfigUpdate = errors.New("configuration updates are not supported by this version")

// judge is everything before MVCC except duplicates within the block.
func (p *Prepared) judge(l Ledger) ([]verdict, error) {
	policies := newPolicies(p.cfg, l)
	verdicts := make([]verdict, len(p.txs))
	for i := range p.txs {
		v, err := p.txs[i].judge(p.block.Txs[i], l, policies)
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		verdicts[i] = v
	}
	return verdicts, nil
}

func (p *prepared) judge(t *ledger.Tx, l Ledger, policies *policies) (verdict, error) {
	switch {
	case !p.early.ok():
		return p.early, nil
	case t.IsConfig():
		return verdict{}, ErrConfigUpdate
	}
	known, err := l.HasTx(t.TxID()) // rule 9
	switch {
	case err != nil:
		return verdict{}, fmt.Errorf("look up transaction id %s: %w", t.TxID(), err)
	case known:
		return invalid(peer.TxValidationCode_DUPLICATE_TXID, "the transaction id is on the ledger already"), nil
	case !p.late.ok():
		return p.late, nil
	}
	return p.endorsed(t, policies)
}

// endorsed is rules 14 and 15: first every namespace has a policy, then every
// policy holds. Fabric takes namespaces in no order; this is the one order.
func (p *prepared) endorsed(t *ledger.Tx, policies *policies) (verdict, error) {
	namespaces := judgedNamespaces(t)
	rules := make([]nsPolicy, len(namespaces))
	for i, ns := range namespaces {
		rule, err := policies.of(ns)
		switch {
		case err != nil:
			return verdict{}, err
		case rule.policy == nil:
			return invalid(peer.TxValidationCode_INVALID_CHAINCODE, "%s", rule.missing), nil
		}
		rules[i] = rule
	}
	for i, rule := range rules {
		if err := rule.policy.Evaluate(p.endorsers); err != nil {
			return invalid(peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE,
				"endorsement policy of %q: %v", namespaces[i], err), nil
		}
	}
	return verdict{}, nil
}

// judgedNamespaces are the invoked chaincode, written or not, and every
// namespace with writes, in the order of the read-write set.
func judgedNamespaces(t *ledger.Tx) []string {
	names := []string{t.Chaincode()}
	for _, ns := range t.RWSet.Namespaces {
		if len(ns.Writes) > 0 && ns.Namespace != t.Chaincode() {
			names = append(names, ns.Namespace)
		}
	}
	return names
}

// markDuplicates invalidates transactions whose id an earlier transaction of
// the block has, if that one was valid so far; a later read conflict of the
// earlier one changes nothing.
func markDuplicates(txs []*ledger.Tx, verdicts []verdict) {
	first := make(map[string]int, len(txs))
	for i, t := range txs {
		if !verdicts[i].ok() {
			continue
		}
		if j, seen := first[t.TxID()]; seen {
			verdicts[i] = invalid(peer.TxValidationCode_DUPLICATE_TXID, "transaction %d of this block has the same id", j)
			continue
		}
		first[t.TxID()] = i
	}
}
