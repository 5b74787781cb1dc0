package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v, want an error with %q", err, part)
	}
}

func parse(t testing.TB, dsl string) *common.SignaturePolicyEnvelope {
	t.Helper()
	env, err := policy.Parse(dsl)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// The examples of Fabric's documentation (endorsement-policies.rst, policies.md),
// and what else the language allows.
func TestDocumentedPoliciesParse(t *testing.T) {
	for dsl, want := range map[string]string{
		"AND('Org1MSP.member', 'Org2MSP.member')":                       "",
		"AND('Org1MSP.peer', 'Org2MSP.peer')":                           "",
		"AND('Org1MSP.member', 'Org2MSP.member', 'Org3MSP.member')":     "",
		"OR('Org1MSP.member', 'Org2MSP.member')":                        "",
		"OR('Org1MSP.member', AND('Org2MSP.member', 'Org3MSP.member'))": "",
		"OutOf(1, 'Org1MSP.member', 'Org2MSP.member')":                  "OR('Org1MSP.member', 'Org2MSP.member')",
		"OutOf(2, 'Org1MSP.member', 'Org2MSP.member')":                  "AND('Org1MSP.member', 'Org2MSP.member')",
		"OutOf(2, 'Org1MSP.member', 'Org2.member', 'Org3.member')":      "",
		"OR(AND('Org1MSP.member', 'Org2MSP.member'), AND('Org1MSP.member', 'Org3MSP.member'), AND('Org2MSP.member', 'Org3MSP.member'))": "",
		"OR('Org0MSP.admin', 'Org1MSP.member', 'Org1MSP.client', 'Org1MSP.peer')":                                                       "",
		"OR('Org1MSP.admin', 'Org1MSP.peer', 'Org1MSP.client')":                                                                         "",
		"OR('Org1.peer', 'Org2.peer')":                                                 "",
		"OR('Org0.admin', 'Org1.client', 'Org1.orderer')":                              "",
		"or ( \"MSP.WITH.DOTS.member\",\n\t'MSP-WITH-DASHES.peer' )":                   "OR('MSP.WITH.DOTS.member', 'MSP-WITH-DASHES.peer')",
		"oUtOf('2', And('A.peer'), 'B.peer', 'C.peer')":                                "OutOf(2, OR('A.peer'), 'B.peer', 'C.peer')",
		"OR(AND('A.member', 'B.member'), OR('C.admin', 'D.member'))":                   "",
		"OutOf(3, 'A.member', 'B.member')":                                             "",
		"OutOf(0, 'A.member')":                                                         "",
		"AND('Org1MSP.admin', OR('Org2MSP.peer', AND('Org3MSP.peer','Org4MSP.peer')))": "AND('Org1MSP.admin', OR('Org2MSP.peer', AND('Org3MSP.peer', 'Org4MSP.peer')))",
	} {
		if want == "" {
			want = dsl
		}
		if got := policy.String(parse(t, dsl)); got != want {
			t.Errorf("%s comes out as %s", dsl, got)
		}
	}
}

func TestNestedPrincipalsAreNumberedFirst(t *testing.T) {
	role := func(id string) *msp.MSPPrincipal {
		raw, err := proto.Marshal(&msp.MSPRole{MspIdentifier: id})
		if err != nil {
			t.Fatal(err)
		}
		return &msp.MSPPrincipal{Principal: raw}
	}
	signed := func(i int32) *common.SignaturePolicy {
		return &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: i}}
	}
	gate := func(n int32, rules ...*common.SignaturePolicy) *common.SignaturePolicy {
		return &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{NOutOf: &common.SignaturePolicy_NOutOf{N: n, Rules: rules}}}
	}
	want := &common.SignaturePolicyEnvelope{
		Rule:       gate(1, signed(2), gate(2, signed(0), signed(1))),
		Identities: []*msp.MSPPrincipal{role("B"), role("C"), role("A")},
	}
	if got := parse(t, "OR('A.member', AND('B.member', 'C.member'))"); !proto.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
}

func TestParseErrorsSayWhere(t *testing.T) {
	deep := strings.Repeat("OR(", 40) + "'A.peer'" + strings.Repeat(")", 40)
	for dsl, want := range map[string]string{
		"":                              "at character 1: AND, OR or OutOf is expected, but there is the end",
		"'A.peer'":                      "at character 1: a policy begins with",
		"XOR('A.peer')":                 `at character 1: "XOR" is no gate`,
		"AND('A.peer', B)":              `at character 15: "B" is no gate`,
		"AND('A.peer'":                  `at character 13: ")" is expected, but there is the end`,
		"AND('A.peer',)":                "at character 14",
		"AND()":                         "at character 5",
		"AND('A.peer') x":               "at character 15: the policy ended before 'x'",
		"AND('A.peer":                   "at character 5: the quote is never closed",
		"AND('A.Peer')":                 `role "Peer" is unknown; use member`,
		"AND('peer')":                   "not of the form 'MSPID.role'",
		"AND('A_B.peer')":               "letters, digits, dots and dashes",
		"OutOf(1)":                      "at character 8",
		"OutOf(true, 'A.peer')":         "at character 7: OutOf begins with how many",
		"OutOf(-1, 'A.peer')":           "at character 7: OutOf begins with how many",
		"OutOf(3, 'A.peer')":            "3 of 1 can never be satisfied",
		deep:                            "nested more than 32 deep",
		strings.Repeat(" ", 1<<20):      "bytes, more than",
		"AND(" + many("'A.peer'", 5000): "more than 4096 parts",
	} {
		_, err := policy.Parse(dsl)
		wantError(t, err, want)
	}
}

func many(s string, n int) string { return strings.Repeat(s+",", n-1) + s + ")" }

// drawDSL draws a policy text with few distinct organisations.
func drawDSL(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		return fmt.Sprintf("'%s.%s'", rapid.SampledFrom([]string{"A", "B", "C.D-E"}).Draw(t, "org"),
			rapid.SampledFrom([]string{"member", "admin", "client", "peer", "orderer"}).Draw(t, "role"))
	}
	return drawGate(t, depth)
}

func drawGate(t *rapid.T, depth int) string {
	args := make([]string, rapid.IntRange(1, 4).Draw(t, "args"))
	for i := range args {
		args[i] = drawDSL(t, depth-1)
	}
	gate := rapid.SampledFrom([]string{"AND(", "or(", "OutOf("}).Draw(t, "gate")
	if gate == "OutOf(" {
		gate += fmt.Sprint(rapid.IntRange(0, len(args)+1).Draw(t, "n")) + ","
	}
	return gate + strings.Join(args, ",") + ")"
}

func TestParseOfStringIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env, err := policy.Parse(drawGate(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		again, err := policy.Parse(policy.String(env))
		if err != nil || !proto.Equal(env, again) {
			t.Fatalf("%s: %v", policy.String(env), err)
		}
	})
}

func FuzzPolicyParse(f *testing.F) {
	for _, s := range []string{"AND('A.peer', OutOf(2, 'B.member', 'C.admin'))", "or(\"x.y.client\")", "OutOf('1','A.peer')", "AND("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, dsl string) {
		env, err := policy.Parse(dsl)
		if err != nil {
			return
		}
		again, err := policy.Parse(policy.String(env))
		if err != nil || !proto.Equal(env, again) {
			t.Fatalf("%q becomes %q: %v", dsl, policy.String(env), err)
		}
	})
}

// network is two organisations A and B.
type network struct {
	set  *ident.Set
	a, b *catest.Org
}

func newNetwork(t testing.TB) network {
	n := network{a: catest.New(t, "A"), b: catest.New(t, "B")}
	n.set = catest.Set(t, n.a, n.b)
	return n
}

// signed lets members sign one message each and returns who counts.
func (n network) signed(t testing.TB, members ...*ca.Member) []*ident.Identity {
	t.Helper()
	var all []policy.Signed
	for _, m := range members {
		sig, err := m.Signer().Sign([]byte("data"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, policy.Signed{Data: []byte("data"), Identity: m.Serialized, Signature: sig})
	}
	return policy.Verify(n.set, all)
}

func TestEvaluate(t *testing.T) {
	n := newNetwork(t)
	a0, a1, b0, user := n.a.Peer("peer0"), n.a.Peer("peer1"), n.b.Peer("peer0"), n.a.User("User1")
	stranger := catest.New(t, "C").Peer("peer0")
	for _, c := range []struct {
		dsl     string
		signers []*ca.Member
		missing string // part of the error; "": satisfied
	}{
		{"OR('AMSP.peer', 'BMSP.peer')", []*ca.Member{b0}, ""},
		{"OR('AMSP.peer')", []*ca.Member{user}, "nobody signed as AMSP.peer; signed by User1@a.example.com of AMSP (member, client)"},
		{"AND('AMSP.peer', 'BMSP.peer')", []*ca.Member{b0, a0}, ""},
		{"AND('AMSP.peer', 'BMSP.peer')", []*ca.Member{a0, a1}, "nobody signed as BMSP.peer"},
		{"AND('AMSP.peer', 'BMSP.peer')", nil, "there is no valid signature"},
		{"OutOf(2, 'AMSP.member', 'AMSP.member')", []*ca.Member{a0}, "too few signers"},
		{"OutOf(2, 'AMSP.member', 'AMSP.member')", []*ca.Member{a0, a0}, "too few signers"},
		{"OutOf(2, 'AMSP.member', 'AMSP.member')", []*ca.Member{a0, a1}, ""},
		{"OR('AMSP.peer')", []*ca.Member{stranger, a0}, ""},
		{"OutOf(0, 'AMSP.peer')", nil, ""},
		{"OutOf(2, 'AMSP.peer')", []*ca.Member{a0, a1}, "did not satisfy policy OutOf(2, 'AMSP.peer')"},
		// Greedy: the first principal takes the peer that the second needs.
		{"AND('AMSP.member', 'AMSP.peer')", []*ca.Member{a0, user}, "too few signers"},
		{"AND('AMSP.member', 'AMSP.peer')", []*ca.Member{user, a0}, ""},
		// A gate uses all it can, even when it has enough,
		{"AND(OR('AMSP.peer', 'BMSP.peer'), 'AMSP.peer')", []*ca.Member{a0, b0}, "too few signers"},
		{"AND(OR('AMSP.peer', 'BMSP.peer'), 'AMSP.peer')", []*ca.Member{a0, a1}, ""},
		// and a gate that fails uses nothing.
		{"OR(AND('AMSP.peer', 'BMSP.peer'), 'AMSP.peer')", []*ca.Member{a0}, ""},
	} {
		p, err := policy.FromSignature(n.set, parse(t, c.dsl))
		if err != nil {
			t.Fatal(err)
		}
		err = p.Evaluate(n.signed(t, c.signers...))
		if c.missing == "" && err != nil {
			t.Error(err)
		}
		if c.missing != "" {
			wantError(t, err, c.missing)
		}
	}
}

func TestVerifyLeavesOutWhatDoesNotCount(t *testing.T) {
	n := newNetwork(t)
	a0 := n.a.Peer("peer0")
	sig, err := a0.Signer().Sign([]byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	good := policy.Signed{Data: []byte("data"), Identity: a0.Serialized, Signature: sig}
	bad := policy.Signed{Data: []byte("other"), Identity: a0.Serialized, Signature: sig}
	none := policy.Signed{Identity: []byte("x")}
	ids := policy.Verify(n.set, []policy.Signed{none, bad, good, good})
	if len(ids) != 1 || ids[0].Cert.Subject.CommonName != "peer0.a.example.com" {
		t.Fatalf("%v count", ids)
	}
}

// However often and in however many encodings it signs, an identity counts once.
func TestAnIdentityCountsOnce(t *testing.T) {
	n := newNetwork(t)
	a0, a1 := n.a.Peer("peer0"), n.a.Peer("peer1")
	var all []policy.Signed
	for _, m := range []*ca.Member{a0, a0} {
		sig, err := m.Signer().Sign([]byte("data"))
		if err != nil {
			t.Fatal(err)
		}
		again := protowire.AppendVarint(protowire.AppendTag(slices.Clone(m.Serialized), 99, protowire.VarintType), 1)
		all = append(all, policy.Signed{Data: []byte("data"), Identity: m.Serialized, Signature: sig},
			policy.Signed{Data: []byte("data"), Identity: again, Signature: sig})
	}
	p, err := policy.FromSignature(n.set, parse(t, "OutOf(2, 'AMSP.member', 'AMSP.member')"))
	if err != nil {
		t.Fatal(err)
	}
	ids := policy.Verify(n.set, all)
	if len(ids) != 1 {
		t.Errorf("one identity counts as %d", len(ids))
	}
	wantError(t, p.Evaluate(ids), "too few signers")
	if err := p.Evaluate(n.signed(t, a0, a1)); err != nil {
		t.Error(err)
	}
}

func TestUnsoundPoliciesAreRefused(t *testing.T) {
	n := newNetwork(t)
	deep := &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{}}
	for range 100 {
		deep = &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{
			NOutOf: &common.SignaturePolicy_NOutOf{N: 1, Rules: []*common.SignaturePolicy{deep}}}}
	}
	wide := &common.SignaturePolicy_NOutOf{Rules: make([]*common.SignaturePolicy, 5000)}
	for i := range wide.Rules {
		wide.Rules[i] = &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{}}
	}
	one := parse(t, "OR('A.peer')").Identities
	by := func(i int32) *common.SignaturePolicy {
		return &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: i}}
	}
	for want, env := range map[string]*common.SignaturePolicyEnvelope{
		"it is empty":                  {},
		"version 1 is unknown":         {Version: 1, Rule: by(0), Identities: one},
		"asks for principal 1, but":    {Rule: by(1), Identities: one},
		"asks for principal -1, but":   {Rule: by(-1), Identities: one},
		"an empty part":                {Rule: &common.SignaturePolicy{}, Identities: one},
		"nested more than 32 deep":     {Rule: deep, Identities: one},
		"more than 4096 parts":         {Rule: &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{NOutOf: wide}}, Identities: one},
		"principals, more than 4096":   {Rule: by(0), Identities: make([]*msp.MSPPrincipal, 5000)},
		"it is empty ":                 nil,
		"it asks for principal 0, but": {Rule: by(0)},
	} {
		_, err := policy.FromSignature(n.set, env)
		wantError(t, err, strings.TrimSpace(want))
		_ = policy.String(env)
		_ = policy.Layouts(env, 5)
	}
}

func TestImplicitMeta(t *testing.T) {
	n := newNetwork(t)
	sub := func(dsl string) policy.Policy {
		p, err := policy.FromSignature(n.set, parse(t, dsl))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b := sub("OR('AMSP.peer')"), sub("OR('BMSP.peer')")
	ids := n.signed(t, n.a.Peer("peer0"))
	const fabricAny, fabricAll, majority = common.ImplicitMetaPolicy_ANY, common.ImplicitMetaPolicy_ALL, common.ImplicitMetaPolicy_MAJORITY
	for _, c := range []struct {
		rule common.ImplicitMetaPolicy_Rule
		subs []policy.Policy
		want bool
	}{
		{fabricAny, []policy.Policy{b, a}, true}, {fabricAny, []policy.Policy{b, nil}, false}, {fabricAny, nil, true},
		{fabricAll, []policy.Policy{a, a}, true}, {fabricAll, []policy.Policy{a, nil}, false}, {fabricAll, nil, true},
		{majority, []policy.Policy{a, b}, false}, {majority, []policy.Policy{a, b, a}, true}, {majority, []policy.Policy{a}, true},
		{majority, nil, true}, {7, []policy.Policy{a}, false}, {7, nil, false},
	} {
		if err := policy.ImplicitMeta(c.rule, "Writers", c.subs).Evaluate(ids); (err == nil) != c.want {
			t.Errorf("%s of %d: %v", c.rule, len(c.subs), err)
		}
	}
	err := policy.ImplicitMeta(fabricAll, "Writers", []policy.Policy{a, b}).Evaluate(ids)
	wantError(t, err, "1 sub-policies were satisfied, but this policy requires 2 of the 'Writers' sub-policies to be satisfied")
	wantError(t, err, "nobody signed as BMSP.peer")
}

func TestLayouts(t *testing.T) {
	for dsl, want := range map[string]string{
		"OR('A.peer', 'B.member')":                       "[map[A:1] map[B:1]]",
		"AND('A.peer', 'B.peer')":                        "[map[A:1 B:1]]",
		"OutOf(2, 'A.peer', 'B.peer', 'C.peer')":         "[map[A:1 B:1] map[A:1 C:1] map[B:1 C:1]]",
		"AND('A.peer', 'A.peer')":                        "[map[A:2]]",
		"OR('A.admin', 'B.peer')":                        "[map[B:1]]",
		"AND('A.client', 'B.peer')":                      "[]",
		"OR(AND('A.peer', 'B.peer'), 'A.peer')":          "[map[A:1]]",
		"AND(OR('A.peer', 'B.peer'), 'A.peer')":          "[map[A:2]]",
		"AND(OR('A.peer', 'B.peer'), 'A.peer','B.peer')": "[map[A:2 B:2]]",
		"OutOf(0, 'A.peer')":                             "[map[]]",
		"OutOf(2, 'A.peer')":                             "[]",
	} {
		if got := fmt.Sprint(policy.Layouts(parse(t, dsl), 10)); got != want {
			t.Errorf("%s: %s, want %s", dsl, got, want)
		}
	}
	if got := policy.Layouts(parse(t, "OR('A.peer', 'B.peer')"), 1); len(got) != 1 {
		t.Errorf("%v are more than one", got)
	}
}

func TestImplicitMetaLayouts(t *testing.T) {
	a, b, c := []map[string]int{{"A": 1}}, []map[string]int{{"B": 1}}, []map[string]int{{"C": 1}}
	got := policy.ImplicitMetaLayouts(common.ImplicitMetaPolicy_MAJORITY, [][]map[string]int{a, b, c, nil, a}, 10)
	if want := "[map[A:1 B:1] map[A:1 C:1]]"; fmt.Sprint(got) != want {
		t.Fatalf("got %v, want %s", got, want)
	}
}

// Whatever is planned must hold, and the plan must not give up on policies that
// can be satisfied.
func TestLayoutsSatisfyTheirPolicy(t *testing.T) {
	n := newNetwork(t)
	peers := map[string][]*ca.Member{}
	for i := range 12 {
		peers["AMSP"] = append(peers["AMSP"], n.a.Peer(fmt.Sprint("peer", i)))
		peers["BMSP"] = append(peers["BMSP"], n.b.Peer(fmt.Sprint("peer", i)))
	}
	everybody := n.signed(t, append(peers["AMSP"], peers["BMSP"]...)...)
	roles := strings.NewReplacer("'A.", "'AMSP.", "'B.", "'BMSP.", "C.D-E", "AMSP", "admin", "peer", "client", "member", "orderer", "peer")
	rapid.Check(t, func(rt *rapid.T) {
		env := parse(t, roles.Replace(drawGate(rt, 2)))
		p, err := policy.FromSignature(n.set, env)
		if err != nil {
			rt.Fatal(err)
		}
		layouts := policy.Layouts(env, 5)
		if p.Evaluate(everybody) == nil && len(layouts) == 0 {
			rt.Fatalf("%s can be satisfied", policy.String(env))
		}
		for _, l := range layouts {
			var ids []*ident.Identity
			for _, id := range everybody {
				if l[id.MSPID] > 0 {
					l[id.MSPID]--
					ids = append(ids, id)
				}
			}
			if err := p.Evaluate(ids); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	n := newNetwork(b)
	p, err := policy.FromSignature(n.set, parse(b, "AND('AMSP.peer', 'BMSP.peer')"))
	if err != nil {
		b.Fatal(err)
	}
	ids := n.signed(b, n.b.Peer("peer0"), n.a.Peer("peer0"))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Evaluate(ids); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzSignaturePolicy drives everything that takes a policy's message from outside.
func FuzzSignaturePolicy(f *testing.F) {
	n := newNetwork(f)
	ids := n.signed(f, n.a.Peer("peer0"), n.b.Peer("peer0"))
	for _, dsl := range []string{"AND('AMSP.peer', OutOf(2, 'BMSP.member', 'AMSP.admin'))", "OutOf(0, 'A.peer')"} {
		raw, err := proto.Marshal(parse(f, dsl))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var env common.SignaturePolicyEnvelope
		if proto.Unmarshal(raw, &env) != nil {
			return
		}
		_, _ = policy.String(&env), policy.Layouts(&env, 3)
		p, err := policy.FromSignature(n.set, &env)
		if err != nil {
			return
		}
		if err := p.Evaluate(ids); err != nil && err.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}

func TestLayoutsOfLargePoliciesEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("the search is long on purpose, and has no goroutines to race")
	}
	gate := func(n, from, to int, arg func(int) string) string {
		s := fmt.Sprintf("OutOf(%d", n)
		for i := from; i < to; i++ {
			s += ", " + arg(i)
		}
		return s + ")"
	}
	org := func(i int) string { return fmt.Sprintf("'Org%d.peer'", i) }
	nested := gate(5, 0, 10, func(i int) string { return gate(5, 10*i, 10*i+10, org) })
	for _, dsl := range []string{gate(11, 0, 20, org), gate(30, 0, 60, org), nested} {
		if got := policy.Layouts(parse(t, dsl), 10); len(got) != 10 {
			t.Errorf("%d layouts of %.60s…", len(got), dsl)
		}
	}
}
