package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
)

// ImplicitMeta is ANY, ALL or MAJORITY over the sub-policies; a missing
// sub-policy (nil) counts as one that is never satisfied. No sub-policies:
// satisfied. An unknown rule is never satisfied.
func ImplicitMeta(rule common.ImplicitMetaPolicy_Rule, name string, subs []Policy) Policy {
	threshold, err := thresholdOf(rule, len(subs))
	if err != nil {
		return never{fmt.Errorf("implicit policy over '%s': %w", name, err)}
	}
	return &implicitMeta{threshold, name, slices.Clone(subs)}
}

// thresholdOf is how many of n sub-policies a rule asks for.
func thresholdOf(rule common.ImplicitMetaPolicy_Rule, n int) (int, error) {
	switch {
	case rule < common.ImplicitMetaPolicy_ANY || rule > common.ImplicitMetaPolicy_MAJORITY:
		return 0, fmt.Errorf("rule %d is unknown", rule)
	case n == 0:
		return 0, nil
	case rule == common.ImplicitMetaPolicy_ANY:
		return 1, nil
	case rule == common.ImplicitMetaPolicy_ALL:
		return n, nil
	}
	return n/2 + 1, nil
}

type implicitMeta struct {
	threshold int
	name      string
	subs      []Policy
}

func (m *implicitMeta) Evaluate(ids []*ident.Identity) error {
	held := 0
	var why []error
	for _, sub := range m.subs {
		if held == m.threshold {
			return nil
		}
		if sub == nil {
			continue
		}
		if err := sub.Evaluate(ids); err != nil {
			why = append(why, err)
		} else {
			held++
		}
	}
	if held == m.threshold {
		return nil
	}
	return &tooFew{m, held, why}
}

// tooFew begins with Fabric's words, and says why.
type tooFew struct {
	m    *implicitMeta
	held int
	why  []error
}

func (e *tooFew) Error() string {
	head := fmt.Sprintf("implicit policy evaluation failed - %d sub-policies were satisfied, but this policy requires %d of the '%s' sub-policies to be satisfied",
		e.held, e.m.threshold, e.m.name)
	if len(e.why) == 0 {
		return head
	}
	reasons := make([]string, 0, maxNamed)
	for _, err := range e.why[:min(len(e.why), maxNamed)] {
		reasons = append(reasons, err.Error())
	}
	return head + ": " + strings.Join(reasons, "; ")
}
