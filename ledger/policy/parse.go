package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

const (
	// maxText bounds a policy's text; real ones have some hundred bytes.
	maxText = 64 << 10
	// maxDepth bounds gates within gates, in text and in messages.
	maxDepth = 32
	// maxRules bounds the gates and principals of a policy, which bounds the
	// time that one evaluation takes.
	maxRules = 4096
)

// Parse reads Fabric's policy language: AND('Org1MSP.peer', OR(…)), OutOf(2,…).
// Gates may be written in any letter case. The result equals, byte for byte,
// what Fabric's tools make of the text: within a gate, the principals of nested
// gates are numbered before its own, and no principal is shared.
func Parse(dsl string) (*common.SignaturePolicyEnvelope, error) {
	if len(dsl) > maxText {
		return nil, fmt.Errorf("parse policy: it has %d bytes, more than %d", len(dsl), maxText)
	}
	p := &parser{text: dsl, env: &common.SignaturePolicyEnvelope{}}
	rule, err := p.policy()
	if err != nil {
		return nil, fmt.Errorf("parse policy %q: %w", shorten(dsl), err)
	}
	p.env.Rule = rule
	return p.env, nil
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

type parser struct {
	text  string
	pos   int
	rules int
	env   *common.SignaturePolicyEnvelope
}

// errorf places an error at a position, counted from one.
func (p *parser) errorf(pos int, format string, args ...any) error {
	return fmt.Errorf("at character %d: %w", pos+1, fmt.Errorf(format, args...))
}

// skip passes white space and returns the next byte, 0 at the end.
func (p *parser) skip() byte {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *parser) expect(b byte) error {
	if got := p.skip(); got != b {
		return p.errorf(p.pos, "%q is expected, but there is %s", string(b), p.here())
	}
	p.pos++
	return nil
}

// here names what stands at the position.
func (p *parser) here() string {
	if p.pos >= len(p.text) {
		return "the end"
	}
	for _, r := range p.text[p.pos:] {
		return strconv.QuoteRune(r)
	}
	return "the end"
}

func (p *parser) policy() (*common.SignaturePolicy, error) {
	if c := p.skip(); c == '\'' || c == '"' {
		return nil, p.errorf(p.pos, "a policy begins with AND, OR or OutOf; write OR(…) around a single principal")
	}
	rule, err := p.gate(maxDepth)
	if err != nil {
		return nil, err
	}
	if p.skip() != 0 {
		return nil, p.errorf(p.pos, "the policy ended before %s", p.here())
	}
	return rule, nil
}

// gate reads AND(…), OR(…) or OutOf(n, …).
func (p *parser) gate(depth int) (*common.SignaturePolicy, error) {
	p.skip()
	start := p.pos
	name := p.word()
	if depth == 0 {
		return nil, p.errorf(start, "gates are nested more than %d deep", maxDepth)
	}
	gate := strings.ToLower(name)
	switch {
	case name == "":
		return nil, p.errorf(start, "AND, OR or OutOf is expected, but there is %s", p.here())
	case gate != "and" && gate != "or" && gate != "outof":
		return nil, p.errorf(start, "%q is no gate; use AND, OR or OutOf, and put principals in quotes, such as 'Org1MSP.peer'", shorten(name))
	}
	if err := p.expect('('); err != nil {
		return nil, err
	}
	n := 1
	if gate == "outof" {
		var err error
		if n, err = p.number(); err != nil {
			return nil, err
		}
		if err := p.expect(','); err != nil {
			return nil, err
		}
	}
	rules, err := p.arguments(depth)
	if err != nil {
		return nil, err
	}
	if gate == "and" {
		n = len(rules)
	}
	// Fabric lets n be one more than there are rules: a policy that nobody satisfies.
	if n > len(rules)+1 {
		return nil, p.errorf(start, "%d of %d can never be satisfied", n, len(rules))
	}
	return nOutOf(n, rules), nil
}

func nOutOf(n int, rules []*common.SignaturePolicy) *common.SignaturePolicy {
	return &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{
		NOutOf: &common.SignaturePolicy_NOutOf{N: int32(n), Rules: rules}}}
}

func signedBy(index int) *common.SignaturePolicy {
	return &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(index)}}
}

// arguments reads principals and gates up to the closing bracket. Principals
// get their numbers last, after those of all nested gates.
func (p *parser) arguments(depth int) ([]*common.SignaturePolicy, error) {
	var rules []*common.SignaturePolicy
	own := map[int]*msp.MSPPrincipal{}
	for {
		if p.rules++; p.rules > maxRules {
			return nil, p.errorf(p.pos, "the policy has more than %d parts", maxRules)
		}
		if c := p.skip(); c == '\'' || c == '"' {
			principal, err := p.principal()
			if err != nil {
				return nil, err
			}
			own[len(rules)] = principal
			rules = append(rules, nil)
		} else {
			rule, err := p.gate(depth - 1)
			if err != nil {
				return nil, err
			}
			rules = append(rules, rule)
		}
		if p.skip() != ',' {
			break
		}
		p.pos++
	}
	if err := p.expect(')'); err != nil {
		return nil, err
	}
	for i := range rules {
		if principal := own[i]; principal != nil {
			rules[i] = signedBy(len(p.env.Identities))
			p.env.Identities = append(p.env.Identities, principal)
		}
	}
	return rules, nil
}

func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.text) && isAlnum(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// number reads the n of OutOf, which Fabric allows in quotes too.
func (p *parser) number() (int, error) {
	c := p.skip()
	start := p.pos
	digits := ""
	if c == '\'' || c == '"' {
		var err error
		if digits, err = p.quoted(); err != nil {
			return 0, err
		}
	} else {
		digits = p.word()
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return 0, p.errorf(start, "OutOf begins with how many of the rest must hold, a number")
	}
	return int(n), nil
}

func (p *parser) quoted() (string, error) {
	start, quote := p.pos, p.text[p.pos]
	end := strings.IndexByte(p.text[start+1:], quote)
	if end < 0 {
		return "", p.errorf(start, "the quote is never closed")
	}
	p.pos = start + 1 + end + 1
	return p.text[start+1 : start+1+end], nil
}

// principal reads 'MSPID.role'. The id may hold letters, digits, dots and dashes.
func (p *parser) principal() (*msp.MSPPrincipal, error) {
	start := p.pos
	text, err := p.quoted()
	if err != nil {
		return nil, err
	}
	dot := strings.LastIndexByte(text, '.')
	if dot <= 0 {
		return nil, p.errorf(start, "principal %q is not of the form 'MSPID.role'", shorten(text))
	}
	id, role := text[:dot], text[dot+1:]
	if strings.ContainsFunc(id, func(r rune) bool { return r > 127 || !isAlnum(byte(r)) && r != '.' && r != '-' }) {
		return nil, p.errorf(start, "MSP id %q holds other characters than letters, digits, dots and dashes", shorten(id))
	}
	number, ok := roleNumber(role)
	if !ok {
		return nil, p.errorf(start, "role %q is unknown; use member, admin, client, peer or orderer", shorten(role))
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&msp.MSPRole{MspIdentifier: id, Role: number})
	if err != nil {
		return nil, p.errorf(start, "principal %q: %w", shorten(text), err)
	}
	return &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_ROLE, Principal: raw}, nil
}

func roleNumber(role string) (msp.MSPRole_MSPRoleType, bool) {
	switch role {
	case "member":
		return msp.MSPRole_MEMBER, true
	case "admin":
		return msp.MSPRole_ADMIN, true
	case "client":
		return msp.MSPRole_CLIENT, true
	case "peer":
		return msp.MSPRole_PEER, true
	case "orderer":
		return msp.MSPRole_ORDERER, true
	}
	return 0, false
}
