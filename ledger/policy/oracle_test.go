package policy_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

// The oracle: policies as trees of its own, sets of identities as bits.

// node is a principal (org and role) or a gate over subs.
type node struct {
	org, role string
	n         int
	subs      []node
}

func (x node) leaf() bool { return x.org != "" }

type signer struct{ org, role string }

func (x node) fits(s signer) bool {
	return x.org == s.org && (x.role == "member" || x.role == s.role)
}

// greedy is Fabric's evaluation as a function: the signers used after the node,
// and whether it holds.
func (x node) greedy(all []signer, used uint) (uint, bool) {
	if x.leaf() {
		for i, s := range all {
			if used&(1<<i) == 0 && x.fits(s) {
				return used | 1<<i, true
			}
		}
		return used, false
	}
	held, now := 0, used
	for _, sub := range x.subs {
		if after, ok := sub.greedy(all, now); ok {
			held, now = held+1, after
		}
	}
	if held < x.n {
		return used, false
	}
	return now, true
}

// ways are all sets of signers, as bits of one number each, that can satisfy the
// node with every principal served by another signer: brute force, no order.
func (x node) ways(all []signer) map[uint]bool {
	found := map[uint]bool{}
	if x.leaf() {
		for i, s := range all {
			if x.fits(s) {
				found[1<<i] = true
			}
		}
		return found
	}
	type partial struct {
		set  uint
		held int
	}
	reached := map[partial]bool{{}: true}
	for _, sub := range x.subs {
		before := maps.Clone(reached)
		for set := range sub.ways(all) {
			for p := range before {
				if p.set&set == 0 {
					reached[partial{p.set | set, p.held + 1}] = true
				}
			}
		}
	}
	for p := range reached {
		if p.held >= x.n {
			found[p.set] = true
		}
	}
	return found
}

// leaves visits the principals.
func (x node) leaves(f func(node)) {
	if x.leaf() {
		f(x)
	}
	for _, sub := range x.subs {
		sub.leaves(f)
	}
}

// apart reports whether nobody fits two principals: then order cannot matter.
func (x node) apart(all []signer) bool {
	for _, s := range all {
		fitting := 0
		x.leaves(func(leaf node) {
			if leaf.fits(s) {
				fitting++
			}
		})
		if fitting > 1 {
			return false
		}
	}
	return true
}

// dsl writes the node in the policy language, untidily.
func (x node) dsl(rnd *rand.Rand) string {
	space := []string{"", " ", "\n\t"}[rnd.IntN(3)]
	if x.leaf() {
		quote := []string{"'", `"`}[rnd.IntN(2)]
		return space + quote + x.org + "." + x.role + quote
	}
	args := make([]string, 0, len(x.subs)+1)
	gate := []string{"OutOf", "outof", "OUTOF"}[rnd.IntN(3)]
	switch {
	case x.n == len(x.subs) && rnd.IntN(2) == 0:
		gate = []string{"AND", "and", "And"}[rnd.IntN(3)]
	case x.n == 1 && rnd.IntN(2) == 0:
		gate = []string{"OR", "or", "Or"}[rnd.IntN(3)]
	default:
		args = append(args, fmt.Sprint(x.n))
	}
	for _, sub := range x.subs {
		args = append(args, sub.dsl(rnd))
	}
	return gate + space + "(" + strings.Join(args, ",") + space + ")"
}

// message builds the envelope that no text stands for: principals shared, n out
// of all bounds, a lone principal.
func (x node) message(tb testing.TB, env *common.SignaturePolicyEnvelope) *common.SignaturePolicy {
	if !x.leaf() {
		gate := &common.SignaturePolicy_NOutOf{N: int32(x.n)}
		for _, sub := range x.subs {
			gate.Rules = append(gate.Rules, sub.message(tb, env))
		}
		return &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{NOutOf: gate}}
	}
	role := msp.MSPRole_MSPRoleType(msp.MSPRole_MSPRoleType_value[strings.ToUpper(x.role)])
	raw, err := proto.Marshal(&msp.MSPRole{MspIdentifier: x.org, Role: role})
	if err != nil {
		tb.Fatal(err)
	}
	principal, at := &msp.MSPPrincipal{Principal: raw}, len(env.Identities)
	for i, known := range env.Identities {
		if proto.Equal(known, principal) {
			at = i
		}
	}
	if at == len(env.Identities) {
		env.Identities = append(env.Identities, principal)
	}
	return &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(at)}}
}

func randomNode(rnd *rand.Rand, depth int, bounded bool) node {
	if depth == 0 || rnd.IntN(2) == 0 {
		return node{org: []string{"AMSP", "BMSP"}[rnd.IntN(2)], role: []string{"member", "admin", "client", "peer"}[rnd.IntN(4)]}
	}
	return randomGate(rnd, depth, bounded)
}

func randomGate(rnd *rand.Rand, depth int, bounded bool) node {
	x := node{subs: make([]node, 1+rnd.IntN(3))}
	for i := range x.subs {
		x.subs[i] = randomNode(rnd, depth-1, bounded)
	}
	x.n = rnd.IntN(len(x.subs) + 2)
	if !bounded {
		x.n = rnd.IntN(len(x.subs)+4) - 2
		if rnd.IntN(8) == 0 {
			x.subs = nil
		}
	}
	return x
}

// crowd is a pool of identities made once.
func crowd(t *testing.T) (ids []*ident.Identity, who []signer, set *ident.Set) {
	n := newNetwork(t)
	add := func(org, role string, m *ca.Member) {
		id, err := n.set.Identity(m.Serialized)
		if err != nil {
			t.Fatal(err)
		}
		ids, who = append(ids, id), append(who, signer{org, role})
	}
	for i, org := range []string{"AMSP", "BMSP"} {
		o := n.a
		if i == 1 {
			o = n.b
		}
		add(org, "peer", o.Peer("peer0"))
		add(org, "peer", o.Peer("peer1"))
		add(org, "client", o.User("User1"))
		add(org, "admin", o.Admin("Admin"))
	}
	return ids, who, n.set
}

// cases is how many policies and sets of identities are compared.
const cases = 100_000

func TestPoliciesAreEvaluatedAsTheOracleSays(t *testing.T) {
	ids, who, set := crowd(t)
	const seed = 3
	rnd := rand.New(rand.NewPCG(seed, seed))
	left, yes, certain := cases, 0, 0
	if testing.Short() {
		left /= 20
	}
	for left > 0 {
		asText := rnd.IntN(2) == 0
		x := randomGate(rnd, 2, asText)
		env := &common.SignaturePolicyEnvelope{}
		if asText {
			env = parse(t, x.dsl(rnd))
		} else {
			env.Rule = x.message(t, env)
		}
		p, err := policy.FromSignature(set, env)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			left--
			perm := rnd.Perm(len(ids))[:rnd.IntN(5)]
			some, all := make([]*ident.Identity, len(perm)), make([]signer, len(perm))
			for i, at := range perm {
				some[i], all[i] = ids[at], who[at]
			}
			_, want := x.greedy(all, 0)
			if got := p.Evaluate(some); (got == nil) != want {
				t.Fatalf("seed %d: %s of %v: the oracle says %v, we say %v", seed, policy.String(env), all, want, got)
			}
			possible := len(x.ways(all)) > 0
			if want && !possible {
				t.Fatalf("seed %d: %s of %v holds, and cannot", seed, policy.String(env), all)
			}
			if x.apart(all) {
				certain++
				if want != possible {
					t.Fatalf("seed %d: %s of %v: possible is %v, but it is %v", seed, policy.String(env), all, possible, want)
				}
			}
			if want {
				yes++
			}
		}
	}
	if part := cases / 100; !testing.Short() && (yes < part || yes > cases-part || certain < part) {
		t.Errorf("%d satisfied, %d where order cannot matter: too one-sided", yes, certain)
	}
}

// yesNo is a policy that knows its answer.
type yesNo bool

func (y yesNo) Evaluate([]*ident.Identity) error {
	if y {
		return nil
	}
	return fmt.Errorf("no")
}

// All rules over all combinations of up to seven sub-policies that hold, do not
// hold, or are missing.
func TestImplicitMetaCountsWhatHolds(t *testing.T) {
	kinds := []policy.Policy{yesNo(true), yesNo(false), nil}
	for n := range 8 {
		combinations := 1
		for range n {
			combinations *= len(kinds)
		}
		for c := range combinations {
			subs, hold := make([]policy.Policy, n), 0
			for i, rest := 0, c; i < n; i, rest = i+1, rest/len(kinds) {
				subs[i] = kinds[rest%len(kinds)]
				if rest%len(kinds) == 0 {
					hold++
				}
			}
			for rule, want := range map[common.ImplicitMetaPolicy_Rule]bool{
				common.ImplicitMetaPolicy_ANY:      n == 0 || hold >= 1,
				common.ImplicitMetaPolicy_ALL:      hold == n,
				common.ImplicitMetaPolicy_MAJORITY: n == 0 || 2*hold > n,
			} {
				if got := policy.ImplicitMeta(rule, "Admins", subs).Evaluate(nil); (got == nil) != want {
					t.Fatalf("%s of %d, %d hold: %v", rule, n, hold, got)
				}
			}
		}
	}
}
