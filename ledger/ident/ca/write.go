package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write puts the organisation and the members made so far under
// dir/peerOrganizations/<domain> or dir/ordererOrganizations/<domain>, as
// cryptogen lays them out, and returns that folder. It refuses to overwrite.
// The folder appears whole or not at all: it is filled under another name
// (<domain>.part, which a crash leaves and the next Write removes) and renamed.
func (o *Org) Write(dir string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	target := filepath.Join(dir, o.Spec.Kind.folder(), o.Spec.Domain)
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("write organisation %s: %s exists; remove it or choose another folder", o.Spec.Name, target)
	}
	part := target + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", fmt.Errorf("write organisation %s: %w", o.Spec.Name, err)
	}
	if err := o.tree().write(part); err != nil {
		return "", fmt.Errorf("write organisation %s: %w", o.Spec.Name, err)
	}
	if err := os.Rename(part, target); err != nil {
		return "", fmt.Errorf("write organisation %s: %w", o.Spec.Name, err)
	}
	return target, nil
}

func (k Kind) folder() string {
	if k == OrdererOrg {
		return "ordererOrganizations"
	}
	return "peerOrganizations"
}

// Dir is the member's folder, with msp and tls in it, under the organisation's
// folder that Write returns.
func (m *Member) Dir() string {
	switch m.Role {
	case RolePeer:
		return filepath.Join("peers", m.Name)
	case RoleOrderer:
		return filepath.Join("orderers", m.Name)
	}
	return filepath.Join("users", m.Name)
}

// tree is a folder as data: a file's content by its path; a path that ends in
// a slash is an empty folder.
type tree map[string][]byte

func (o *Org) tree() tree {
	t := tree{}
	caFile, tlsFile := "ca."+o.Spec.Domain+"-cert.pem", "tlsca."+o.Spec.Domain+"-cert.pem"
	t["ca/"+caFile], t["ca/priv_sk"] = o.ca.pem, o.ca.keyPEM
	t["tlsca/"+tlsFile], t["tlsca/priv_sk"] = o.tlsCA.pem, o.tlsCA.keyPEM
	mspFolder := func(base string) {
		t[base+"msp/admincerts/"] = nil
		t[base+"msp/cacerts/"+caFile] = o.ca.pem
		t[base+"msp/tlscacerts/"+tlsFile] = o.tlsCA.pem
		t[base+"msp/config.yaml"] = []byte(configYAML("cacerts/" + caFile))
	}
	mspFolder("")
	for _, m := range o.order {
		base, side := filepath.ToSlash(m.Dir())+"/", "client"
		if m.isNode() {
			side = "server"
		}
		mspFolder(base)
		t[base+"msp/signcerts/"+m.Name+"-cert.pem"] = m.CertPEM
		t[base+"msp/keystore/priv_sk"] = m.KeyPEM
		t[base+"tls/ca.crt"] = o.tlsCA.pem
		t[base+"tls/"+side+".crt"] = m.TLSCertPEM
		t[base+"tls/"+side+".key"] = m.TLSKeyPEM
	}
	return t
}

func configYAML(caFile string) string {
	var b strings.Builder
	b.WriteString("NodeOUs:\n  Enable: true\n")
	for _, r := range [][2]string{{"Client", RoleClient}, {"Peer", RolePeer}, {"Admin", RoleAdmin}, {"Orderer", RoleOrderer}} {
		fmt.Fprintf(&b, "  %sOUIdentifier:\n    Certificate: %s\n    OrganizationalUnitIdentifier: %s\n", r[0], caFile, r[1])
	}
	return b.String()
}

func (t tree) write(root string) error {
	for path, content := range t {
		full := filepath.Join(root, filepath.FromSlash(path))
		if strings.HasSuffix(path, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, content, mode(path)); err != nil {
			return err
		}
	}
	return nil
}

// mode keeps keys to their owner.
func mode(path string) fs.FileMode {
	if strings.HasSuffix(path, ".key") || strings.HasSuffix(path, "_sk") {
		return 0o600
	}
	return 0o644
}
