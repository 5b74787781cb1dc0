package e2e

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/ident/ca"
)

// made makes a network that nobody starts.
func made(t *testing.T) *devnet.Network {
	t.Helper()
	processes(t)
	n, _, err := devnet.Prepare(filepath.Join(t.TempDir(), "net"), &devnet.Topology{PortOffset: freeOffset(t)}, nil)
	check(t, err)
	return n
}

// configured is a weftd configuration: that of peer0.org1 with absolute paths
// and a data directory of its own, after edits of what stands left to what
// stands right.
type configured struct {
	node       *devnet.Node
	file, data string
	text       string
}

func configure(t *testing.T, n *devnet.Network, edits ...string) configured {
	t.Helper()
	node := must(n.Node("peer0.org1"))(t)
	dir := t.TempDir()
	c := configured{node: node, file: filepath.Join(dir, "weftd.yaml"), data: filepath.Join(dir, "data")}
	text := string(must(os.ReadFile(filepath.Join(node.Dir(), "weftd.yaml")))(t))
	c.text = strings.ReplaceAll(text, "../../", n.Dir+"/")
	for i := 0; i+1 < len(edits); i += 2 {
		next := strings.Replace(c.text, edits[i], edits[i+1], 1)
		if next == c.text {
			t.Fatalf("the configuration has no %q:\n%s", edits[i], c.text)
		}
		c.text = next
	}
	check(t, os.WriteFile(c.file, []byte(c.text), 0o600))
	return c
}

// refused checks what weftd says, and that it leaves no data directory.
func (c configured) refused(t *testing.T, words ...string) {
	t.Helper()
	refused(t, words, weftd, "--config", c.file)
	absent(t, c.data)
}

func TestANodeRefusesAConfigurationThatItDoesNotUnderstand(t *testing.T) {
	n := made(t)
	for name, c := range map[string]struct {
		old, new string
		words    []string
	}{
		"unknown key":         {"listen:", "lisen:", []string{`"lisen"`, "unknown key"}},
		"unknown inner key":   {"wasmCache:", "wasmcash:", []string{`"peer.wasmcash"`, "unknown key"}},
		"twice the same key":  {"log:", "mspID: Org2MSP\nlog:", []string{"line ", "mspID"}},
		"malformed":           {"roles: [peer]", "roles: [peer", []string{"line "}},
		"text for a number":   {"peer:\n", "peer:\n    validatorWorkers: many\n", []string{"peer.validatorWorkers", "many"}},
		"text for a duration": {"peer:\n", "peer:\n    executeTimeout: long\n", []string{"peer.executeTimeout", "long"}},
		"unknown role":        {"roles: [peer]", "roles: [miner]", []string{"roles", "miner"}},
		"missing value":       {"mspID: Org1MSP", "mspID:", []string{"mspID is missing"}},
		"unknown level":       {"level: info", "level: loud", []string{"log.level", "debug, info"}},
	} {
		t.Run(name, func(t *testing.T) {
			conf := configure(t, n, c.old, c.new)
			conf.refused(t, append(c.words, conf.file)...)
		})
	}
	t.Run("no file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "nothing.yaml")
		refused(t, []string{file, "no such file"}, weftd, "--config", file)
	})
	t.Run("unknown variable", func(t *testing.T) {
		t.Setenv("WEFTD_LISEN", "127.0.0.1:1")
		configure(t, n).refused(t, "WEFTD_LISEN")
	})
}

func TestANodeRefusesCredentialsThatItCannotUse(t *testing.T) {
	n := made(t)
	node := must(n.Node("peer0.org1"))(t)
	msp := filepath.Join(node.CredentialsDir(), "msp")
	// with makes a copy of the node's MSP folder, and changes it.
	with := func(t *testing.T, change func(dir string) error) configured {
		dir := filepath.Join(t.TempDir(), "msp")
		check(t, os.CopyFS(dir, os.DirFS(msp)))
		check(t, change(dir))
		return configure(t, n, msp, dir)
	}
	key := func(dir string) string { return filepath.Join(dir, "keystore", "priv_sk") }
	garbage := filepath.Join(t.TempDir(), "garbage")
	check(t, os.WriteFile(garbage, []byte("garbage"), 0o600))

	t.Run("missing key", func(t *testing.T) {
		with(t, func(dir string) error { return os.Remove(key(dir)) }).refused(t, "keystore", "there is no key", "put the private key")
	})
	t.Run("unreadable key", func(t *testing.T) {
		with(t, func(dir string) error { return os.WriteFile(key(dir), []byte("garbage"), 0o600) }).refused(t, "priv_sk", "PEM")
	})
	t.Run("key of another certificate", func(t *testing.T) {
		other := must(n.Node("peer0.org2"))(t)
		with(t, func(dir string) error {
			raw, err := os.ReadFile(key(filepath.Join(other.CredentialsDir(), "msp")))
			check(t, err)
			return os.WriteFile(key(dir), raw, 0o600)
		}).refused(t, "keystore")
	})
	t.Run("missing folder", func(t *testing.T) {
		configure(t, n, msp, filepath.Join(t.TempDir(), "nowhere")).refused(t, "nowhere", "signcerts")
	})
	t.Run("missing TLS key", func(t *testing.T) {
		configure(t, n, "server.key", "nothing.key").refused(t, "nothing.key", "correct the path")
	})
	t.Run("unreadable TLS key", func(t *testing.T) {
		tls := filepath.Join(node.CredentialsDir(), "tls", "server.key")
		configure(t, n, tls, garbage).refused(t, garbage, "tls.key")
		configure(t, n, tls, t.TempDir()).refused(t, "is a directory", "tls.key")
	})
	t.Run("expired certificate", func(t *testing.T) {
		old := must(organisation(t, n, "Org1").Peer("old", ca.ValidUntil(time.Now().Add(-time.Minute))))(t)
		with(t, func(dir string) error {
			certs := must(filepath.Glob(filepath.Join(dir, "signcerts", "*")))(t)
			check(t, os.WriteFile(certs[0], old.CertPEM, 0o600))
			return os.WriteFile(key(dir), old.KeyPEM, 0o600)
		}).refused(t, "expired at "+old.Cert().NotAfter.UTC().Format(time.RFC3339), "enrol")
	})
	t.Run("expired TLS certificate", func(t *testing.T) {
		old := must(organisation(t, n, "Org1").Peer("old", ca.ValidUntil(time.Now().Add(-time.Minute))))(t)
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "server.crt"), old.TLSCertPEM, 0o600))
		check(t, os.WriteFile(filepath.Join(dir, "server.key"), old.TLSKeyPEM, 0o600))
		tls := filepath.Join(node.CredentialsDir(), "tls")
		configure(t, n, tls, dir, tls, dir).refused(t, dir, "expired at", "enrol")
	})
}

// organisation opens the CAs of an organisation of the network.
func organisation(t *testing.T, n *devnet.Network, name string) *ca.Org {
	t.Helper()
	o := must(n.Org(name))(t)
	notBefore, notAfter := ca.Validity(time.Now())
	return must(ca.Load(n.OrgDir(o), ca.Spec{Name: o.Name, MSPID: o.MSPID, Domain: o.Domain, Kind: ca.PeerOrg,
		NotBefore: notBefore, NotAfter: notAfter, Rand: rand.Reader}))(t)
}

func TestANodeSaysWhichOfItsPortsIsTaken(t *testing.T) {
	n := made(t)
	node := must(n.Node("peer0.org1"))(t)
	for name, addr := range map[string]string{"listen": node.Endpoint, "operations": node.Operations, "p2p": node.P2P} {
		t.Run(name, func(t *testing.T) {
			l := must(net.Listen("tcp", addr))(t)
			defer l.Close()
			_, port, err := net.SplitHostPort(addr)
			check(t, err)
			configure(t, n).refused(t, name, port, "in use", "or choose another")
		})
	}
}

// The data of a node is nobody else's, also if a folder is taken from another
// network in which the node has the same name.
func TestANodeTakesNoDataOfAnother(t *testing.T) {
	n := made(t)
	first := must(n.Node("peer0.org1"))(t)
	check(t, n.UseWeftd(weftd))
	n.Attach()
	check(t, first.Start(t.Context()))
	defer func() { check(t, first.Stop(context.WithoutCancel(t.Context()))) }()

	t.Run("in use", func(t *testing.T) {
		c := configure(t, n, "dataDir: data", "dataDir: "+first.DataDir())
		c.refused(t, first.DataDir(), "in use by another process")
	})
	check(t, first.Stop(t.Context()))
	before := must(os.ReadFile(filepath.Join(first.DataDir(), "node.json")))(t)
	t.Run("of another network", func(t *testing.T) {
		c := configure(t, made(t), "dataDir: data", "dataDir: "+first.DataDir())
		c.refused(t, first.DataDir(), "belongs to another node", "give this node its own directory")
	})
	if after := must(os.ReadFile(filepath.Join(first.DataDir(), "node.json")))(t); string(after) != string(before) {
		t.Errorf("%s became %s", before, after)
	}
	check(t, first.Start(t.Context())) // it still is its own
}
