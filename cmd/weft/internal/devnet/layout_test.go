package devnet

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weft-network/weft/internal/porttest"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
)

func threeAddresses() Addresses {
	return Addresses{Client: "127.0.0.1", P2P: "127.0.0.2", Operations: "127.0.0.3"}
}

func TestPortsAreTheDocumentedOnes(t *testing.T) {
	n, err := Topology{}.layOut(threeAddresses())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"orderer.example.com":    "127.0.0.1:7050 127.0.0.1:7053 127.0.0.2:8050 127.0.0.3:9050",
		"orderer2.example.com":   "127.0.0.1:8050 127.0.0.1:8053 127.0.0.2:9050 127.0.0.3:10050",
		"orderer3.example.com":   "127.0.0.1:9050 127.0.0.1:9053 127.0.0.2:10050 127.0.0.3:11050",
		"peer0.org1.example.com": "127.0.0.1:7051  127.0.0.2:8051 127.0.0.3:9051",
		"peer1.org1.example.com": "127.0.0.1:8051  127.0.0.2:9051 127.0.0.3:10051",
		"peer0.org2.example.com": "127.0.0.1:9051  127.0.0.2:10051 127.0.0.3:11051",
		"peer0.org3.example.com": "127.0.0.1:11051  127.0.0.2:12051 127.0.0.3:13051",
	}
	for _, node := range n.Nodes {
		got := strings.Join([]string{node.Endpoint, node.Admin, node.P2P, node.Operations}, " ")
		if got != want[node.Name] {
			t.Errorf("%s: %s, want %s", node.Name, got, want[node.Name])
		}
		delete(want, node.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestNoTwoPortsMeet(t *testing.T) {
	for _, topology := range []Topology{{}, {Peers: 1}, {Peers: 3}, {Peers: maxPeers}, {Peers: 4, PortOffset: 20000}, {PortOffset: -1000}} {
		n, err := topology.layOut(threeAddresses())
		if err != nil {
			t.Fatal(err)
		}
		users := map[string]string{}
		for _, node := range n.Nodes {
			for _, p := range node.ports() {
				if other := users[p.addr]; other != "" {
					t.Errorf("%+v: %s is used by %s and %s", topology, p.addr, other, node.Name)
				}
				users[p.addr] = node.Name
			}
		}
	}
}

func TestTopologiesThatCannotBe(t *testing.T) {
	for want, topology := range map[string]Topology{
		"peers per organisation": {Peers: maxPeers + 1},
		"port offset 60000":      {PortOffset: 60000},
		"port offset -7051":      {PortOffset: -7051},
	} {
		if _, err := topology.layOut(threeAddresses()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v does not mention %q", topology, err, want)
		}
	}
}

// network makes one with free ports, as far as that can be known.
func network(t *testing.T) *Network {
	t.Helper()
	n, err := Topology{}.layOut(threeAddresses())
	if err != nil {
		t.Fatal(err)
	}
	n.Dir = t.TempDir()
	for _, node := range n.Nodes {
		node.Operations = net.JoinHostPort("127.0.0.1", strconv.Itoa(porttest.Devnet.Free(t)))
	}
	if err := n.make(time.Now()); err != nil {
		t.Fatal(err)
	}
	n, err = Open(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAMadeNetworkHasEverythingANodeNeeds(t *testing.T) {
	n := network(t)
	if _, err := os.Stat(filepath.Join(n.Dir, markFile)); err == nil {
		t.Error("the mark of the making is left")
	}
	for _, node := range n.Nodes {
		if _, err := ident.LoadSigner(filepath.Join(node.CredentialsDir(), "msp"), node.Organization().MSPID); err != nil {
			t.Error(err)
		}
		for _, f := range []string{node.configFile(), node.TLSCA(), filepath.Join(node.CredentialsDir(), "tls", "server.key")} {
			if _, err := os.Stat(f); err != nil {
				t.Error(err)
			}
		}
	}
	for _, o := range n.Orgs {
		for _, user := range []string{"Admin", "User1"} {
			if _, err := n.User(o.Name, user); err != nil {
				t.Error(err)
			}
		}
	}
	b, _, err := n.Genesis(FirstChannel)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := channel.FromBlock(b); err != nil {
		t.Error(err)
	}
	if members, err := n.Members(FirstChannel); err != nil || strings.Join(members, " ") != "Org1 Org2" {
		t.Errorf("members %v, %v", members, err)
	}
	if _, err := n.Members("../channel1"); err == nil {
		t.Error("a path is taken for a channel")
	}
	if node, err := n.Node("peer0.org2"); err != nil || node.Name != "peer0.org2.example.com" {
		t.Errorf("node by short name: %v, %v", node, err)
	}
}

func TestAFolderOfSomethingElseIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "organizations")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"up":   func() error { _, _, err := Prepare(dir, nil, nil); return err },
		"down": func() error { _, err := Down(t.Context(), dir, true); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "something else") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

func TestAHalfMadeNetworkIsMadeAnew(t *testing.T) {
	n := network(t)
	if err := errors.Join(os.Remove(filepath.Join(n.Dir, networkFile)), os.WriteFile(filepath.Join(n.Dir, markFile), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(n.Dir); !errors.Is(err, ErrNoNetwork) {
		t.Fatalf("half of a network opens: %v", err)
	}
	if err := vacant(n.Dir); err != nil {
		t.Fatal(err)
	}
	if err := n.make(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(n.Dir); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherTopologyThanTheOneThere(t *testing.T) {
	n := network(t)
	if _, made, err := Prepare(n.Dir, nil, nil); made || err != nil {
		t.Fatalf("made %v, %v", made, err)
	}
	if _, _, err := Prepare(n.Dir, &Topology{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Topology{{Peers: 1}, {PortOffset: 7}} {
		if _, _, err := Prepare(n.Dir, &want, nil); err == nil || !strings.Contains(err.Error(), "--wipe") {
			t.Errorf("%+v: %v", want, err)
		}
	}
}

func TestAPortInUseIsFoundBeforeAnythingIsMade(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	dir := filepath.Join(t.TempDir(), "net")
	_, _, err = Prepare(dir, &Topology{PortOffset: taken - 7050}, nil)
	if err == nil {
		t.Fatal("a network on a port in use")
	}
	for _, want := range []string{"client port of orderer.example.com", "--port-offset", l.Addr().String()} {
		// A random port may be too high for the ports above it, which is as good.
		if !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "ports are 1 to") {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

func TestWipeLeavesWhatIsNotTheNetworks(t *testing.T) {
	n := network(t)
	if found, err := Down(t.Context(), n.Dir, false); !found || err != nil {
		t.Fatalf("down: %v, %v", found, err)
	}
	mine := filepath.Join(n.Dir, "notes.txt")
	if err := os.WriteFile(mine, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Down(t.Context(), n.Dir, true); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(n.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "notes.txt" {
		t.Errorf("left: %v, %v", entries, err)
	}
	if err := os.Remove(mine); err != nil {
		t.Fatal(err)
	}
	if found, err := Down(t.Context(), n.Dir, true); found || err != nil {
		t.Errorf("a second time: %v, %v", found, err)
	}
}

func TestNetworkFileIsForScripts(t *testing.T) {
	n := network(t)
	text, err := os.ReadFile(filepath.Join(n.Dir, networkFile))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Format     int
		PortOffset int
		Nodes      []struct{ Name, Endpoint, Operations, Libp2p, Role, Organization string }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.Format != 1 || len(file.Nodes) != len(n.Nodes) || file.Nodes[0].Endpoint != "127.0.0.1:7050" {
		t.Errorf("%s", text)
	}
	if strings.Contains(string(text), n.Dir) {
		t.Error("the file would be wrong after the folder is moved")
	}
}
