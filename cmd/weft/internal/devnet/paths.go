package devnet

import "path/filepath"

// OrgDir is the organisation's folder of credentials.
func (n *Network) OrgDir(o *Org) string { return filepath.Join(n.Dir, o.dir()) }

// dir is the organisation's folder, relative to the network's.
func (o *Org) dir() string {
	kind := "peerOrganizations"
	if o.Orders {
		kind = "ordererOrganizations"
	}
	return filepath.Join("organizations", kind, o.Domain)
}

// UserDir is the folder (msp/, tls/) of a user such as Admin or User1 of the
// named organisation.
func (n *Network) UserDir(org, user string) (string, error) {
	o, err := n.Org(org)
	if err != nil {
		return "", err
	}
	return filepath.Join(n.OrgDir(o), "users", user+"@"+o.Domain), nil
}

// TLSCA is the certificate of the organisation's TLS CA: what a client trusts
// to reach its nodes.
func (n *Network) TLSCA(o *Org) string {
	return filepath.Join(n.OrgDir(o), "tlsca", "tlsca."+o.Domain+"-cert.pem")
}

// Network is the node's network.
func (node *Node) Network() *Network { return node.net }

// Organization is the node's organisation.
func (node *Node) Organization() *Org {
	for _, o := range node.net.Orgs {
		if o.Name == node.Org {
			return o
		}
	}
	return &Org{Name: node.Org}
}

// TLSCA is the certificate to trust when calling the node.
func (node *Node) TLSCA() string { return node.net.TLSCA(node.Organization()) }

// Dir is the node's folder; CredentialsDir has its msp/ and tls/; DataDir is
// what it keeps; LogFile is what it said.
func (node *Node) Dir() string            { return filepath.Join(node.net.Dir, "nodes", node.Name) }
func (node *Node) CredentialsDir() string { return filepath.Join(node.net.Dir, node.credentials()) }
func (node *Node) DataDir() string        { return filepath.Join(node.Dir(), "data") }
func (node *Node) LogFile() string        { return filepath.Join(node.Dir(), "log") }
func (node *Node) configFile() string     { return filepath.Join(node.Dir(), "weftd.yaml") }
func (node *Node) pidFile() string        { return filepath.Join(node.net.Dir, "run", node.Name+".pid") }

func (node *Node) credentials() string {
	kind := "peers"
	if node.Role == RoleOrderer {
		kind = "orderers"
	}
	return filepath.Join(node.Organization().dir(), kind, node.Name)
}
