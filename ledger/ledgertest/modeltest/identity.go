package modeltest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// org is what the configuration says of one organisation's members.
type org struct {
	roots   []*x509.Certificate
	revoked map[string]bool // by issuer and serial number
}

// member is an identity in good standing.
type member struct {
	mspID string
	cert  *x509.Certificate
	roles []string // the OUs of its certificate that are roles
}

func (m *member) key() string { return m.mspID + string(m.cert.Raw) }

func readOrg(raw []byte) (string, *org, error) {
	outer, cfg := &msp.MSPConfig{}, &msp.FabricMSPConfig{}
	if err := proto.Unmarshal(raw, outer); err != nil {
		return "", nil, err
	}
	if err := proto.Unmarshal(outer.Config, cfg); err != nil {
		return "", nil, err
	}
	o := &org{revoked: map[string]bool{}}
	for _, raw := range cfg.RootCerts {
		cert, err := readCert(raw)
		if err != nil {
			return "", nil, err
		}
		o.roots = append(o.roots, cert)
	}
	for _, raw := range cfg.RevocationList {
		block, _ := pem.Decode(raw)
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return "", nil, err
		}
		for _, e := range list.RevokedCertificateEntries {
			o.revoked[e.SerialNumber.String()] = true
		}
	}
	return cfg.Name, o, nil
}

func readCert(raw []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, asn1.SyntaxError{Msg: "no PEM"}
	}
	return x509.ParseCertificate(block.Bytes)
}

// member finds out who a serialized identity is; nil for nobody.
func (c *config) member(serialized []byte, bug Bug) *member {
	if m, ok := c.members[string(serialized)]; ok {
		return m
	}
	m := c.findMember(serialized, bug)
	c.members[string(serialized)] = m
	return m
}

func (c *config) findMember(serialized []byte, bug Bug) *member {
	id := &msp.SerializedIdentity{}
	if proto.Unmarshal(serialized, id) != nil {
		return nil
	}
	o := c.orgs[id.Mspid]
	cert, err := readCert(id.IdBytes)
	if o == nil || err != nil || cert.IsCA {
		return nil
	}
	issued := slices.ContainsFunc(o.roots, func(root *x509.Certificate) bool { return cert.CheckSignatureFrom(root) == nil })
	if !issued || o.revoked[cert.SerialNumber.String()] && bug != Revoked {
		return nil
	}
	m := &member{mspID: id.Mspid, cert: cert}
	for _, ou := range cert.Subject.OrganizationalUnit {
		if slices.Contains([]string{"client", "peer", "admin", "orderer"}, ou) {
			m.roles = append(m.roles, ou)
		}
	}
	if len(m.roles) != 1 {
		return nil // with NodeOUs, everybody is just one of them
	}
	return m
}

// signature is somebody's over data.
type signature struct{ data, identity, sig []byte }

// good checks it, whoever the identity is.
func (c *config) good(m *member, s signature, bug Bug) bool {
	if pub, ok := m.cert.PublicKey.(ed25519.PublicKey); ok {
		return ed25519.Verify(pub, s.data, s.sig)
	}
	pub := m.cert.PublicKey.(*ecdsa.PublicKey)
	digest := sha256.Sum256(s.data)
	memo := string(join(m.cert.Raw, digest[:], s.sig))
	if known, ok := c.checked[memo]; ok {
		return known
	}
	var rs struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(s.sig, &rs)
	half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	ok := err == nil && rs.R.Sign() > 0 && rs.S.Sign() > 0 &&
		(rs.S.Cmp(half) <= 0 || bug == HighS) && ecdsa.Verify(pub, digest[:], rs.R, rs.S)
	c.checked[memo] = ok
	return ok
}

// signers are the members whose signature is good, each once, in order.
func (c *config) signers(bug Bug, all []signature) []*member {
	var found []*member
	seen := map[string]bool{}
	for _, s := range all {
		m := c.member(s.identity, bug)
		if m == nil || seen[m.key()] && bug != RepeatedEndorser || !c.good(m, s, bug) {
			continue
		}
		seen[m.key()] = true
		found = append(found, m)
	}
	return found
}
