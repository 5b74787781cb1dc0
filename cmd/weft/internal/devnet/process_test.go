package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/weft-network/weft/node/ops"
)

// daemonEnv makes this test binary a daemon that only answers /status: "serve",
// "fail" or "deaf" (to SIGTERM).
const daemonEnv = "DEVNET_TEST_DAEMON"

func TestMain(m *testing.M) {
	if how := os.Getenv(daemonEnv); how != "" {
		os.Exit(daemon(how))
	}
	os.Exit(m.Run())
}

func daemon(how string) int {
	text, err := os.ReadFile(os.Args[len(os.Args)-1])
	var c nodeConfig
	if err := errors.Join(err, yaml.Unmarshal(text, &c)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if how == "fail" {
		fmt.Fprintln(os.Stderr, "the key is unreadable")
		return 3
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if how == "deaf" {
		ctx = context.Background()
	}
	go func() {
		err := http.ListenAndServe(c.Operations, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(ops.Status{Endpoint: c.Endpoint, MSPID: c.MSPID})
		}))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}()
	<-ctx.Done()
	return 0
}

func testNode(t *testing.T, how string) *Node {
	t.Helper()
	t.Setenv(daemonEnv, how)
	n := network(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.UseWeftd(self); err != nil {
		t.Fatal(err)
	}
	n.Attach() // nothing is left behind if the test is killed
	t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n.Nodes[0]
}

func TestANodeStartsOnceAndStops(t *testing.T) {
	node := testNode(t, "serve")
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid, err := node.PID()
	if err != nil || pid == 0 {
		t.Fatalf("pid %d, %v", pid, err)
	}
	// Another weft finds it by the pid file and does not start it again.
	other, err := Open(node.net.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Nodes[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, err := other.Nodes[0].PID(); again != pid || err != nil {
		t.Fatalf("pid %d, then %d, %v", pid, again, err)
	}
	if s := other.Status(t.Context()); s[0].State != StateRunning || s[0].PID != pid || s[1].State != StateStopped {
		t.Errorf("status %+v", s[:2])
	}
	if err := other.Nodes[0].Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pid, err := node.PID(); pid != 0 || err != nil {
		t.Fatalf("after stop: pid %d, %v", pid, err)
	}
	if err := node.Stop(t.Context()); err != nil {
		t.Fatal("stopping twice:", err)
	}
}

func TestAKilledNodeStartsAgain(t *testing.T) {
	node := testNode(t, "serve")
	for range 2 {
		if err := node.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := node.Kill(); err != nil {
			t.Fatal(err)
		}
		var ended *EndedError
		if err := node.alive(); !errors.As(err, &ended) || !strings.Contains(ended.Reason, "killed") {
			t.Fatalf("after kill: %v", err)
		}
	}
}

func TestANodeThatDiesAtStartSaysItsLastWords(t *testing.T) {
	node := testNode(t, "fail")
	if err := os.WriteFile(node.LogFile(), []byte("words of an earlier run\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := node.Start(t.Context())
	for _, want := range []string{node.Name, "exit status 3", "the key is unreadable", node.LogFile()} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "earlier run") {
		t.Errorf("%v repeats an earlier run", err)
	}
}

func TestANodeThatDoesNotListenIsKilled(t *testing.T) {
	node := testNode(t, "deaf")
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no patience
	if err := node.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if pid, err := node.PID(); pid != 0 || err != nil {
		t.Fatalf("pid %d, %v", pid, err)
	}
}

func TestAReusedPidIsNotTheNode(t *testing.T) {
	node := testNode(t, "serve")
	start, err := startOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := (record{PID: os.Getpid(), Start: start + "0"}).write(node.pidFile()); err != nil {
		t.Fatal(err)
	}
	if pid, err := node.PID(); pid != 0 || err != nil {
		t.Fatalf("this test is taken for the node: pid %d, %v", pid, err)
	}
	if err := node.Kill(); err != nil { // or else this test ends here
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "{}", `{"pid":1,"start":"x"}`, `{"pid":-1}`} {
		if err := os.WriteFile(node.pidFile(), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := node.Kill(); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: %v", damaged, err)
		}
	}
	if err := os.Remove(node.pidFile()); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingDaemonIsNamed(t *testing.T) {
	if _, err := findWeftd("/nowhere/weftd"); err == nil || !strings.Contains(err.Error(), "--weftd") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", "")
	t.Setenv("WEFTD", "")
	if _, err := findWeftd(""); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("%v", err)
	}
}
