package cctest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/weft-network/weft/ledger/ident/ca"
)

// certificates of a test are valid far beyond every time that it will name.
var (
	notBefore = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// identities makes the serialized identities of the suite's creators. They are
// a function of organisation and name, and no secret.
func (s *Suite) identities() (map[string][]byte, error) {
	made := map[string][]byte{}
	for name, c := range s.Creators {
		if c.MSP == "" {
			c.MSP = s.MSP
		}
		member, err := c.member(name)
		if err != nil {
			return nil, fmt.Errorf("creator %s: %w", name, err)
		}
		made[name] = member.Serialized
	}
	return made, nil
}

func (c Creator) member(name string) (*ca.Member, error) {
	source := &switchable{seeded(c.MSP)}
	org, err := ca.NewOrg(ca.Spec{Name: c.MSP, MSPID: c.MSP, Domain: domain(c.MSP), NotBefore: notBefore, NotAfter: notAfter, Rand: source})
	if err != nil {
		return nil, err
	}
	source.Reader = seeded(c.MSP + "/" + name)
	with := ca.WithAttributes(c.Attributes)
	switch c.Role {
	case ca.RoleAdmin:
		return org.Admin(name, with)
	case ca.RolePeer:
		return org.Peer(name, with)
	case ca.RoleOrderer:
		return org.Orderer(name, with)
	}
	return org.User(name, with)
}

// domain of an organisation: Org1MSP lives at org1.example.com.
func domain(msp string) string {
	name := strings.ToLower(strings.TrimSuffix(msp, "MSP"))
	if name == "" {
		name = "org"
	}
	return name + ".example.com"
}

type switchable struct{ io.Reader }

func seeded(text string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(text))) }
