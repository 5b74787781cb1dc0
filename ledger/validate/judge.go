package validate

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/channel"
	"google.golang.org/protobuf/proto"
)

// judge goes through a block in order and makes every check before MVCC except
// that for duplicates within the block.
type judge struct {
	*Prepared
	ledger   Ledger
	before   *committed
	policies *policies
	verdicts []verdict
	// redefined are the keys whose own endorsement policy an earlier transaction
	// of the block changes, with that transaction: see endorsed.
	redefined map[place]int
	// changed is the configuration after the configurations so far, if any.
	changed *channel.Config
}

func newJudge(p *Prepared, l Ledger, before *committed) *judge {
	return &judge{
		Prepared: p, ledger: l, before: before,
		policies:  newPolicies(p.cfg, before),
		verdicts:  make([]verdict, len(p.txs)),
		redefined: make(map[place]int),
	}
}

func (j *judge) judge() error {
	for i := range j.txs {
		v, err := j.transaction(i)
		if err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
		j.verdicts[i] = v
	}
	return nil
}

func (j *judge) transaction(i int) (verdict, error) {
	p, t := &j.txs[i], j.block.Txs[i]
	switch {
	case p.early != nil:
		return p.early, nil
	case t.IsConfig():
		return nil, j.configure(t)
	}
	onLedger, err := j.ledger.HasTx(t.TxID()) // rule 9
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up transaction id %s: %w", t.TxID(), err)
	case onLedger:
		return invalid(peer.TxValidationCode_DUPLICATE_TXID, "the transaction id is on the ledger already"), nil
	case p.late != nil:
		return p.late, nil
	}
	return j.namespaces(i)
}

// configure is rule 16. Whoever skipped a configuration would part from those
// that obey it, hence an error, which halts the channel. A configuration is
// alone in its block; should it not be, it holds from the next block on, and a
// second one is judged by the first.
func (j *judge) configure(t *ledger.Tx) error {
	env := &common.ConfigEnvelope{}
	if err := proto.Unmarshal(t.Payload.GetData(), env); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	current := j.cfg
	if j.changed != nil {
		current = j.changed
	}
	next, err := current.Next(env)
	if err != nil {
		return fmt.Errorf("configuration after sequence %d: %w", current.Sequence, err)
	}
	j.changed = next
	return nil
}

// namespaces is rules 14 and 15: first every namespace has a policy, then every
// policy holds. Fabric takes namespaces in no order; this is the one order.
//
// All are judged even after the first failure: whether the transaction is good
// for one namespace matters to those after it whatever the others say.
func (j *judge) namespaces(i int) (verdict, error) {
	var missing, failed verdict
	for _, ns := range judgedNamespaces(j.block.Txs[i]) {
		rules, err := j.policies.of(ns.Namespace)
		if err != nil {
			return nil, err
		}
		if rules.chaincode == nil {
			if missing == nil {
				missing = invalid(peer.TxValidationCode_INVALID_CHAINCODE, "%s", rules.missing)
				missing.Namespace = ns.Namespace
			}
			continue
		}
		v, err := j.endorsed(i, ns, rules)
		switch {
		case err != nil:
			return nil, err
		case v == nil:
			j.redefine(i, ns)
		case failed == nil:
			failed = v
		}
	}
	if missing != nil {
		return missing, nil
	}
	return failed, nil
}

// judgedNamespaces are the invoked chaincode, written or not, and every
// namespace with writes, in the order of the read-write set.
func judgedNamespaces(t *ledger.Tx) []*ledger.NsRWSet {
	set := t.RWSet.Namespaces
	judged := make([]*ledger.NsRWSet, 1, len(set)+1)
	for i := range set {
		switch ns := &set[i]; {
		case ns.Namespace == t.Chaincode():
			judged[0] = ns
		case writes(ns):
			judged = append(judged, ns)
		}
	}
	if judged[0] == nil {
		judged[0] = &ledger.NsRWSet{Namespace: t.Chaincode()}
	}
	return judged
}

func writes(ns *ledger.NsRWSet) bool {
	if len(ns.Writes) > 0 || len(ns.Metadata) > 0 {
		return true
	}
	for i := range ns.Collections {
		if c := &ns.Collections[i]; len(c.Writes) > 0 || len(c.Metadata) > 0 {
			return true
		}
	}
	return false
}

// markDuplicates invalidates transactions whose id an earlier transaction of
// the block has, if that one was valid so far; a later read conflict of the
// earlier one changes nothing. Ids of configurations do not count.
func markDuplicates(txs []*ledger.Tx, verdicts []verdict) {
	first := make(map[string]int, len(txs))
	for i, t := range txs {
		if verdicts[i] != nil || t.IsConfig() {
			continue
		}
		if j, seen := first[t.TxID()]; seen {
			verdicts[i] = invalid(peer.TxValidationCode_DUPLICATE_TXID, "transaction %d of this block has the same id", j)
			continue
		}
		first[t.TxID()] = i
	}
}
