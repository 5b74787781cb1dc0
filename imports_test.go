package weft_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/weft-network/weft"

// owners are the only packages that may import a dependency directly. A path
// stands for itself and what is below it.
var owners = []struct {
	dependency string
	owner      []string
	why        string
}{
	{"github.com/cockroachdb/pebble", []string{"ledger/store"}, "what is on disk, and when it is synced, is one package's promise"},
	{"github.com/tetratelabs/wazero", []string{"wasm"}, "the engine's unspecified behaviour is relied on in one place"},
	{"github.com/libp2p", []string{"p2p"}, "the rest of Weft speaks of peers and streams, not of libp2p"},
	{"go.etcd.io/raft", []string{"node/order/raft"}, "order knows consensus, not Raft"},
	{"filippo.io/nistec", []string{"ledger/ident"}, "signatures are checked in one place"},
	{"google.golang.org/grpc", []string{"node", "cmd", "p2p/wire"}, "gRPC is for clients and for Identify"},
	{"github.com/hyperledger/fabric-protos-go-apiv2", []string{"ledger", "node", "cmd", "internal"}, "wasm and p2p move bytes"},
	{"github.com/hyperledger/fabric-config", []string{"ledger/channel"}, "configuration trees are built and printed in one place"},
	{"github.com/hyperledger/fabric-gateway", []string{"cmd", "node", "internal"}, "the client SDK is for clients and tests"},
	{"github.com/spf13/cobra", []string{"cmd"}, "commands parse and start, nothing else does"},
}

// forbidden are edges that would turn the layering around.
var forbidden = []struct{ from, to, why string }{
	{"ledger", "wasm", "the ledger decides without running anything"},
	{"ledger", "p2p", "the ledger does not know where blocks come from"},
	{"ledger", "node", "pillars do not know who joins them"},
	{"ledger", "cmd", "pillars do not know who starts them"},
	{"wasm", "ledger", "chaincode sees the ledger through wasm.Stub"},
	{"wasm", "p2p", "chaincode has no network"},
	{"wasm", "node", "pillars do not know who joins them"},
	{"p2p", "ledger", "p2p moves bytes and asks Membership"},
	{"p2p", "wasm", "p2p moves bytes"},
	{"p2p", "node", "pillars do not know who joins them"},
	{"node", "cmd", "a node does not know how it was started"},
	{"node/order", "wasm", "orderers run no chaincode"},
	{"ledger/validate", "time", "validation reads no clock"},
	{"ledger/validate", "math/rand", "validation is deterministic"},
	{"ledger/validate", "math/rand/v2", "validation is deterministic"},
}

type pkg struct {
	ImportPath, Name, Doc, Dir string
	Imports, GoFiles           []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Dir,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func local(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func TestEveryDependencyHasItsOwner(t *testing.T) {
	used := make([]bool, len(owners))
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for i, o := range owners {
				if !within(imp, o.dependency) {
					continue
				}
				used[i] = true
				allowed := false
				for _, at := range o.owner {
					allowed = allowed || within(local(p.ImportPath), at)
				}
				if !allowed {
					t.Errorf("%s imports %s, which belongs to %v: %s", local(p.ImportPath), imp, o.owner, o.why)
				}
			}
		}
	}
	for i, o := range owners {
		if !used[i] {
			t.Errorf("nothing imports %s any more: drop its entry", o.dependency)
		}
	}
}

func TestArrowsPointDown(t *testing.T) {
	list := packages(t)
	for _, f := range forbidden {
		seen := false
		for _, p := range list {
			if !within(local(p.ImportPath), f.from) {
				continue
			}
			seen = true
			for _, imp := range p.Imports {
				if imp == f.to || within(imp, module+"/"+f.to) {
					t.Errorf("%s imports %s: %s", local(p.ImportPath), imp, f.why)
				}
			}
		}
		if !seen {
			t.Errorf("the rule about %s stands for no package any more: drop it", f.from)
		}
	}
}

// testsForUsers is what weft chaincode test is made of: production code.
const testsForUsers = module + "/cmd/weft/internal/cctest"

func TestProductionCodeImportsNoTestHelper(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasSuffix(p.Name, "test") {
			continue
		}
		for _, imp := range p.Imports {
			if within(imp, module) && strings.HasSuffix(imp, "test") && imp != testsForUsers {
				t.Errorf("%s imports the test helper %s", local(p.ImportPath), local(imp))
			}
		}
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("package %s has no doc comment", local(p.ImportPath))
		}
	}
}

// The ledger reads no clock: two peers must decide alike, today and in ten years.
func TestLedgerReadsNoClock(t *testing.T) {
	for _, p := range packages(t) {
		if !within(local(p.ImportPath), "ledger") || strings.HasSuffix(p.Name, "test") {
			continue
		}
		for _, f := range p.GoFiles {
			for _, call := range clockCalls(t, filepath.Join(p.Dir, f)) {
				t.Errorf("%s: the ledger may not ask for the time", call)
			}
		}
	}
}

func clockCalls(t *testing.T, path string) []string {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && (sel.Sel.Name == "Now" || sel.Sel.Name == "Since" || sel.Sel.Name == "Until") {
			found = append(found, fset.Position(sel.Pos()).String())
		}
		return true
	})
	return found
}
