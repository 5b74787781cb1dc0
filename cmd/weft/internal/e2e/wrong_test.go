package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/ledger/ident/ca"
)

// call is a transaction command on the network.
func (n *network) call(verb, chaincode string, rest ...string) []string {
	args := []string{"--dir", n.Dir, "tx", verb, "--channel", channel1, "--chaincode", chaincode}
	return append(args, rest...)
}

func TestCallsThatCannotBeSayWhy(t *testing.T) {
	n := shared(t)
	for name, c := range map[string]struct {
		args  []string
		words []string
	}{
		"unknown channel": {[]string{"--dir", n.Dir, "tx", "submit", "--channel", "channel9", "--chaincode", "asset", "List"},
			[]string{`no channel "channel9"`, n.Dir, "channel1"}},
		"not committed, update": {n.call("submit", "nothing", "List"), []string{"nothing is not committed on channel channel1", "weft chaincode deploy"}},
		"not committed, query":  {n.call("evaluate", "nothing", "List"), []string{"nothing is not committed on channel channel1", "weft chaincode deploy"}},
		"no function":           {n.call("evaluate", "asset", "Fly"), []string{"there is no function Fly", "Org1MSP"}},
		"wrong organisation":    {n.call("submit", "asset", "--org", "Org3", "List"), []string{"peer0.org3", "not on channel channel1", "--org"}},
		"wrong organisation at a member's peer": {n.call("submit", "asset", "--org", "Org3", "--peer", "peer0.org1", "List"),
			[]string{"User1@org3.example.com", "may not do that on channel channel1"}},
		"unknown organisation": {n.call("submit", "asset", "--org", "Org9", "List"), []string{`no organisation "Org9"`, "Org1, Org2, Org3"}},
		"unknown user":         {n.call("submit", "asset", "--user", "Nobody", "List"), []string{"Nobody", "Org1"}},
		"unknown peer":         {n.call("submit", "asset", "--peer", "peer9.org1", "List"), []string{`no node "peer9.org1"`, "peer0.org1"}},
		"orderer for a peer":   {n.call("submit", "asset", "--peer", "orderer", "List"), []string{"is an orderer", "peer"}},
		"joining as no member": {[]string{"--dir", n.Dir, "channel", "join", "--channel", "channel1", "--peer", "peer0.org3"},
			[]string{"peer0.org3", "Org3MSP is not a member of channel channel1"}},
		"joining with another's admin": {[]string{"--dir", n.Dir, "channel", "join", "--channel", "channel1", "--peer", "peer0.org3", "--as", "Org1"},
			[]string{"peer0.org3", "Org1"}},
		"channel that exists": {[]string{"--dir", n.Dir, "channel", "create", "channel1", "--orgs", "Org1,Org3"}, []string{"it exists", "Org1, Org2", "another id"}},
		"channel of orderers": {[]string{"--dir", n.Dir, "channel", "create", "channel9", "--orgs", "Orderer"}, []string{"Orderer", "has no peers"}},
		"bad name of channel": {[]string{"--dir", n.Dir, "channel", "create", "Channel/9", "--orgs", "Org1"}, []string{"Channel/9"}},
	} {
		t.Run(name, func(t *testing.T) {
			height := n.level(t)
			refused(t, c.words, weft, c.args...)
			if after := n.level(t); after != height {
				t.Errorf("a block was made of it")
			}
		})
	}
	absent(t, n.GenesisFile("channel9"))
}

// A peer that lacks the package says so, and that is another answer than that
// the chaincode is not committed.
func TestCommittedAndNotInstalledIsNotTheSameAsNotCommitted(t *testing.T) {
	n := shared(t)
	steps := func(args ...string) { succeeds(t, weft, append([]string{"--dir", n.Dir, "chaincode"}, args...)...) }
	definition := []string{"--channel", channel1, "--name", "absent"}
	for _, org := range []string{"Org1", "Org2"} {
		steps(append([]string{"approve", "--org", org}, definition...)...)
	}
	steps(append([]string{"commit"}, definition...)...)
	o := refused(t, []string{"absent is committed on channel channel1", "has its package"}, weft, n.call("evaluate", "absent", "List")...)
	if strings.Contains(o.text, "is not committed") {
		t.Error(o.text)
	}
	refused(t, []string{"absent is committed on channel channel1", "has its package"}, weft, n.call("submit", "absent", "List")...)

	id := must(n.access.Identity("Org1", "User1"))(t)
	conn := must(n.access.Conn(t.Context(), n.node(t, "peer0.org1")))(t)
	_, err := client.Ask(t.Context(), conn, id, client.Call{Channel: channel1, Chaincode: "absent", Args: client.Args("List")})
	if err == nil || !strings.Contains(err.Error(), "chaincode definition for 'absent' exists, but chaincode is not installed") {
		t.Errorf("a peer says %v", err)
	}
}

func TestWhatIsNoChaincodeIsNotDeployed(t *testing.T) {
	n := shared(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	command := filepath.Join(dir, "command")
	check(t, os.Mkdir(command, 0o700))
	check(t, os.WriteFile(filepath.Join(command, "go.mod"), []byte("module command\n\ngo 1.24\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(command, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	wasi := filepath.Join(dir, "command.wasm")
	build := exec.Command("go", "build", "-o", wasi, ".")
	build.Dir, build.Env = command, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	broken := filepath.Join(dir, "broken")
	check(t, os.Mkdir(broken, 0o700))
	check(t, os.WriteFile(filepath.Join(broken, "go.mod"), []byte("module broken\n\ngo 1.24\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(broken, "main.go"), []byte("package main\n\nfunc main() { fly() }\n"), 0o600))

	packages := succeeds(t, weft, "--dir", n.Dir, "chaincode", "installed")
	for name, c := range map[string]struct {
		path  string
		words []string
	}{
		"garbage":               {file("garbage.wasm", "\x00asm\x01\x00\x00\x00garbage"), []string{"garbage.wasm is no chaincode", "weft chaincode build"}},
		"another version":       {file("version.wasm", "\x00asmgarbage"), []string{"version.wasm is no chaincode", "weft chaincode build"}},
		"text":                  {file("text.wasm", "hello"), []string{"text.wasm is no chaincode", "not a WebAssembly module", "weft chaincode build"}},
		"WASI command":          {wasi, []string{"command.wasm is no chaincode", "WASI command", "weft chaincode build"}},
		"source of a command":   {command, []string{command, "not a chaincode"}},
		"source with mistakes":  {broken, []string{broken, "main.go:3", "fly"}},
		"nothing":               {filepath.Join(dir, "nothing"), []string{"nothing", "name a folder of source or a .wasm file"}},
		"folder without source": {t.TempDir(), []string{"go.mod"}},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.words, weft, "--dir", n.Dir, "chaincode", "deploy", "--channel", channel1, "--name", "no", c.path)
			refused(t, c.words, weft, "chaincode", "package", "--label", "no_1", "-o", filepath.Join(dir, "no.tar.gz"), c.path)
			absent(t, filepath.Join(dir, "no.tar.gz"))
		})
	}
	refused(t, []string{"weft chaincode package"}, weft, "--dir", n.Dir, "chaincode", "install", file("no.tar.gz2", "no package"))
	if after := succeeds(t, weft, "--dir", n.Dir, "chaincode", "installed"); after != packages {
		t.Errorf("packages were\n%s and are\n%s", packages, after)
	}
	refused(t, []string{"no is not committed"}, weft, n.call("evaluate", "no", "List")...)
}

func TestAPolicyThatCannotBeIsRefusedBeforeAnythingIsInstalled(t *testing.T) {
	n := shared(t)
	packages := succeeds(t, weft, "--dir", n.Dir, "chaincode", "installed")
	for policy, words := range map[string][]string{
		"AND('Org1MSP.peer'":                 {"at character 19", `")" is expected`},
		"AND('Org1MSP.peer','Org9MSP.peer')": {"Org9MSP", "no member of channel channel1", "Org1MSP, Org2MSP"},
		"OutOf(3,'Org1MSP.peer')":            {"OutOf", "3"},
		"AND('Org1MSP.pear')":                {"pear"},
		"/Channel/Application/Nothing":       {"/Channel/Application/Nothing", "channel1"},
	} {
		refused(t, words, weft, "--dir", n.Dir, "chaincode", "deploy", "--channel", channel1, "--name", "no", "--policy", policy,
			filepath.Join(repository, "chaincode-examples", "counter"))
	}
	if after := succeeds(t, weft, "--dir", n.Dir, "chaincode", "installed"); after != packages {
		t.Errorf("packages were\n%s and are\n%s", packages, after)
	}
}

func TestAnExpiredUserIsRefused(t *testing.T) {
	n := shared(t)
	old := must(organisation(t, n.Network, "Org1").User("Old", ca.ValidUntil(time.Now().Add(-time.Minute))))(t)
	dir := must(n.UserDir("Org1", "Old"))(t)
	check(t, os.CopyFS(dir, os.DirFS(must(n.UserDir("Org1", "User1"))(t))))
	certs := must(filepath.Glob(filepath.Join(dir, "msp", "signcerts", "*")))(t)
	for path, pem := range map[string][]byte{
		certs[0]: old.CertPEM, filepath.Join(dir, "msp", "keystore", "priv_sk"): old.KeyPEM,
		filepath.Join(dir, "tls", "client.crt"): old.TLSCertPEM, filepath.Join(dir, "tls", "client.key"): old.TLSKeyPEM,
	} {
		check(t, os.WriteFile(path, pem, 0o600))
	}
	words := []string{"identity expired at " + old.Cert().NotAfter.UTC().Format(time.RFC3339)}
	for _, verb := range []string{"submit", "evaluate"} {
		refused(t, words, weft, n.call(verb, "asset", "--user", "Old", "List")...)
	}
}

func TestADescriptionOfAChannelThatIsWrongMakesNoBlock(t *testing.T) {
	n := made(t)
	good := string(must(os.ReadFile(filepath.Join(n.Dir, "channels", "channel1.yaml")))(t))
	for name, c := range map[string]struct {
		old, new string
		words    []string
	}{
		"unknown key":       {"batchTimeout:", "batchTimeOut:", []string{"batchTimeOut", "line "}},
		"malformed":         {"orderer:", "orderer: [", []string{"line "}},
		"missing file":      {"mspDir: ../", "mspDir: ../nowhere/", []string{"nowhere"}},
		"nonsense duration": {"batchTimeout: 2s", "batchTimeout: soon", []string{"soon"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatalf("no %q in\n%s", c.old, good)
			}
			file := filepath.Join(n.Dir, "channels", "wrong.yml")
			block := filepath.Join(t.TempDir(), "wrong.block")
			check(t, os.WriteFile(file, []byte(text), 0o600))
			refused(t, append(c.words, file), weft, "channel", "genesis", "--config", file, "--block", block)
			absent(t, block)
		})
	}
}
