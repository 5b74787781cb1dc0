package node

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/weft-network/weft/p2p/wire"
	"github.com/weft-network/weft/wasm/pack"
	"github.com/weft-network/weft/wasm/sandbox"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// The test binary compiles chaincode for its peers, as weftd does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Serve(os.Args[2:], os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// slowToCompile passes every check and takes the compiler half a minute.
func slowToCompile() []byte {
	m := wasmtest.NewModule()
	body := wasmtest.Repeat(2_000, wasmtest.Seq(wasmtest.LocalGet(0), wasmtest.IfElse(0, wasmtest.Nop, wasmtest.Nop)))
	for range 60 {
		m.Func("i:i", "", body, wasmtest.I32(0))
	}
	return m.Finish(1, "", wasmtest.I32(0))
}

func packed(t *testing.T, label string, code []byte) []byte {
	t.Helper()
	raw, err := pack.Write(label, code)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnInstallThatIsTooMuchToCompileLeavesThePeerAsItWas(t *testing.T) {
	n := newNetwork(t, 0, map[string]int{"Org1": 1})
	p := n.peers["peer0.Org1"]
	p.cfg.Peer.Compiler, p.cfg.Peer.Compile.CPU = sandbox.Self(), 3*time.Second
	p.start()
	bomb := packed(t, "bomb", slowToCompile())
	install := func(raw []byte) error {
		_, _, err := p.node.peer.chaincode.packages.Install(t.Context(), raw)
		return err
	}
	if err := install(bomb); err == nil || !strings.Contains(err.Error(), "more than 3s of processor time") {
		t.Errorf("the bomb: %v", err)
	}
	if _, list := p.node.peer.chaincode.status(); len(list) != 0 {
		t.Errorf("installed: %v", list)
	}
	phases := p.watch(pack.ID("good", packed(t, "good", wasmtest.Chaincode(1, "", wasmtest.I32(0)))))
	if err := install(packed(t, "good", wasmtest.Chaincode(1, "", wasmtest.I32(0)))); err != nil {
		t.Errorf("what is good: %v", err)
	}
	if got := <-phases; len(got) == 0 || got[len(got)-1] != "done" {
		t.Errorf("the installer was told %v", got)
	}
}

// watch collects what the peer tells a client about an install.
func (r *running) watch(id string) <-chan []string {
	t := r.net.t
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+r.cfg.Listen, grpc.WithTransportCredentials(
		credentials.NewTLS(&tls.Config{RootCAs: r.org.TLSRoots(), ServerName: r.member.Name, MinVersion: tls.VersionTLS12})))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := wire.NewNodeClient(conn).WatchInstall(context.Background(), &wire.WatchInstallRequest{PackageId: id})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the peer knows of the watcher", func() bool { return r.node.peer.chaincode.packages.Watched(id) })
	told := make(chan []string, 1)
	go func() {
		defer conn.Close()
		var list []string
		for {
			p, err := stream.Recv()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					list = append(list, err.Error())
				}
				told <- list
				return
			}
			list = append(list, p.Phase)
		}
	}()
	return told
}

func TestOtherLimitsAreAnotherProfileAndPackagesArePreparedAnew(t *testing.T) {
	n := newNetwork(t, 0, map[string]int{"Org1": 1})
	p := n.peers["peer0.Org1"]
	p.start()
	id, _, err := p.node.peer.chaincode.packages.Install(t.Context(), packed(t, "good", wasmtest.Chaincode(1, "", wasmtest.I32(0))))
	if err != nil {
		t.Fatal(err)
	}
	before := p.node.Status()
	one := before.Packages[0]
	if before.Profile == "" || one.ID != id || one.Profile != before.Profile || len(one.Image) != 64 {
		t.Fatalf("status: %+v", before)
	}
	p.halt()
	p.cfg.Peer.Chaincode.Fuel = 50_000_000
	p.start()
	after := p.node.Status()
	if after.Profile == before.Profile {
		t.Fatal("the profile is the same")
	}
	eventually(t, "the package is prepared under the new profile", func() bool {
		list := p.node.Status().Packages
		return len(list) == 1 && list[0].Profile == after.Profile
	})
}
