// Package catest makes organisations for tests. The time is fixed and the keys
// come from a seed, so that two runs see the same certificates and signatures.
package catest

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
)

// Epoch is the NotBefore of every certificate. They last until 2046, so that
// TLS with the wall clock works too.
func Epoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// Org is an organisation whose methods end the test instead of returning errors.
type Org struct {
	*ca.Org
	tb testing.TB
}

// New makes the peer organisation of that name: Org1 gets the MSP id Org1MSP and
// the domain org1.example.com.
func New(tb testing.TB, name string) *Org {
	return newOrg(tb, ca.Spec{Name: name, MSPID: name + "MSP",
		Domain: strings.ToLower(name) + ".example.com", Kind: ca.PeerOrg})
}

// NewOrderer makes the ordering organisation OrdererMSP of example.com.
func NewOrderer(tb testing.TB) *Org {
	return newOrg(tb, ca.Spec{Name: "Orderer", MSPID: "OrdererMSP", Domain: "example.com", Kind: ca.OrdererOrg})
}

func newOrg(tb testing.TB, spec ca.Spec) *Org {
	tb.Helper()
	var seed [32]byte
	copy(seed[:], spec.MSPID)
	spec.Rand = rand.NewChaCha8(seed)
	spec.NotBefore, spec.NotAfter = Epoch(), Epoch().AddDate(20, 0, 0)
	org, err := ca.NewOrg(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return &Org{org, tb}
}

// Peer, Orderer, User and Admin are those of ca.Org without the error.
func (o *Org) Peer(name string, opts ...ca.Option) *ca.Member {
	return o.must(o.Org.Peer(name, opts...))
}
func (o *Org) Orderer(name string, opts ...ca.Option) *ca.Member {
	return o.must(o.Org.Orderer(name, opts...))
}
func (o *Org) User(name string, opts ...ca.Option) *ca.Member {
	return o.must(o.Org.User(name, opts...))
}
func (o *Org) Admin(name string, opts ...ca.Option) *ca.Member {
	return o.must(o.Org.Admin(name, opts...))
}

func (o *Org) must(m *ca.Member, err error) *ca.Member {
	o.tb.Helper()
	if err != nil {
		o.tb.Fatal(err)
	}
	return m
}

// Config is ca.Org.MSPConfig without the error.
func (o *Org) Config(crls ...[]byte) *msp.MSPConfig {
	o.tb.Helper()
	cfg, err := o.Org.MSPConfig(crls...)
	if err != nil {
		o.tb.Fatal(err)
	}
	return cfg
}

// MSP is the organisation's membership provider.
func (o *Org) MSP(crls ...[]byte) *ident.MSP {
	o.tb.Helper()
	m, err := ident.NewMSP(o.Config(crls...))
	if err != nil {
		o.tb.Fatal(err)
	}
	return m
}

// Set joins the MSPs of organisations.
func Set(tb testing.TB, orgs ...*Org) *ident.Set {
	tb.Helper()
	msps := make([]*ident.MSP, len(orgs))
	for i, o := range orgs {
		msps[i] = o.MSP()
	}
	set, err := ident.NewSet(msps...)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}
