package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// pids of the nodes that run, by name, as weft status tells them.
func pids(t *testing.T, dir string) map[string]int {
	t.Helper()
	var s struct {
		Nodes []struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
		} `json:"nodes"`
	}
	check(t, json.Unmarshal([]byte(succeeds(t, weft, "--dir", dir, "status", "-o", "json")), &s))
	m := map[string]int{}
	for _, n := range s.Nodes {
		if n.PID != 0 {
			m[n.Name] = n.PID
		}
	}
	return m
}

// ended fails unless none of the processes is there any more.
func ended(t *testing.T, what string, pids map[string]int) {
	t.Helper()
	eventually(t, "no node is left after "+what, func() error {
		for name, pid := range pids {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !zombie(pid) {
				return fmt.Errorf("%s runs as %d", name, pid)
			}
		}
		return nil
	})
}

// zombie tells a process that has ended and waits for its parent to hear of it:
// whoever inherits the nodes of a killed weft may take a while.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

func TestUpStaysUpAndDownMakesAnEnd(t *testing.T) {
	processes(t)
	dir := filepath.Join(t.TempDir(), "net")
	offset := strconv.Itoa(freeOffset(t))
	up := []string{"--dir", dir, "up", "--detach"}
	out := succeeds(t, weft, append(up, "--port-offset", offset)...)
	t.Cleanup(func() { succeeds(t, weft, "--dir", dir, "down", "--wipe") })
	for _, words := range []string{"peer0.org1.example.com", "organizations", "Try next", "chaincode deploy"} {
		if !strings.Contains(out, words) {
			t.Errorf("weft up does not speak of %q:\n%s", words, out)
		}
	}
	first := pids(t, dir)
	if len(first) != 7 {
		t.Fatalf("%d nodes run", len(first))
	}
	t.Run("again is harmless", func(t *testing.T) {
		succeeds(t, weft, up...)
		succeeds(t, weft, append(up, "--port-offset", offset)...)
		if again := pids(t, dir); fmt.Sprint(again) != fmt.Sprint(first) {
			t.Errorf("%v became %v", first, again)
		}
	})
	t.Run("a second network on its ports", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "other")
		refused(t, []string{"the client port of orderer.example.com", "is in use by another process", "--port-offset", "weft down"},
			weft, "--dir", other, "up", "--detach", "--port-offset", offset)
		absent(t, other)
	})
	t.Run("another network in its folder", func(t *testing.T) {
		refused(t, []string{"4 peers", "another one than asked for", "--dir"}, weft, append(up, "--peers", "2", "--port-offset", offset)...)
		if again := pids(t, dir); fmt.Sprint(again) != fmt.Sprint(first) {
			t.Errorf("%v became %v", first, again)
		}
	})
	t.Run("removing what runs needs no force", func(t *testing.T) {
		succeeds(t, weft, "--dir", dir, "down")
		ended(t, "weft down", first)
		if _, err := os.Stat(filepath.Join(dir, "network.json")); err != nil {
			t.Error("its data is gone")
		}
		succeeds(t, weft, "--dir", dir, "down")
	})
	t.Run("a port that was taken meanwhile", func(t *testing.T) {
		n := must(devnet.Open(dir))(t)
		l := must(net.Listen("tcp", must(n.Node("peer0.org2"))(t).Endpoint))(t)
		defer l.Close()
		refused(t, []string{"the client port of peer0.org2.example.com", "nothing was started"}, weft, up...)
		if left := pids(t, dir); len(left) != 0 {
			t.Errorf("running: %v", left)
		}
	})
}

func TestAFolderOfSomethingElseIsLeftAlone(t *testing.T) {
	processes(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "thesis.txt")
	check(t, os.WriteFile(file, []byte("mine"), 0o600))
	words := []string{dir, "holds something else than a Weft network", "thesis.txt", "--dir"}
	refused(t, words, weft, "--dir", dir, "up", "--detach")
	refused(t, words, weft, "--dir", dir, "down", "--wipe")
	refused(t, []string{file, "a folder is needed", "--dir"}, weft, "--dir", file, "up", "--detach")
	entries := must(os.ReadDir(dir))(t)
	if len(entries) != 1 || string(must(os.ReadFile(file))(t)) != "mine" {
		t.Errorf("the folder has %v", entries)
	}
}

func TestWithoutANetworkThereIsNothingToSee(t *testing.T) {
	processes(t)
	dir := filepath.Join(t.TempDir(), "net")
	for _, args := range [][]string{{"status"}, {"channel", "list"}, {"chaincode", "list", "--channel", "c"}, {"tx", "evaluate", "--channel", "c", "--chaincode", "a", "F"}} {
		refused(t, []string{"no Weft network in " + dir, "weft up", "--dir"}, weft, append([]string{"--dir", dir}, args...)...)
	}
	if out := succeeds(t, weft, "--dir", dir, "down"); !strings.Contains(out, "nothing to do") {
		t.Error(out)
	}
	absent(t, dir)
}

// A node that cannot start takes the others of this weft up down with it, and
// its last words are told.
func TestANodeThatCannotStartLeavesNoneRunning(t *testing.T) {
	n := made(t)
	peer := must(n.Node("peer0.org2"))(t)
	check(t, os.Remove(filepath.Join(peer.CredentialsDir(), "msp", "keystore", "priv_sk")))
	refused(t, []string{"start peer0.org2.example.com", "there is no key", peer.LogFile()}, weft, "--dir", n.Dir, "up", "--detach")
	if left := pids(t, n.Dir); len(left) != 0 {
		t.Errorf("running: %v", left)
	}
}

func TestNoProcessIsLeftWhenUpIsInterruptedOrKilled(t *testing.T) {
	processes(t)
	dir := filepath.Join(t.TempDir(), "net")
	offset := strconv.Itoa(freeOffset(t))
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		code   int
	}{
		{"Ctrl-C", syscall.SIGINT, 0},
		{"kill -9", syscall.SIGKILL, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.signal == syscall.SIGKILL && runtime.GOOS != "linux" {
				t.Skip("this system does not end the children of a killed process")
			}
			cmd := exec.Command(weft, "--dir", dir, "up", "--port-offset", offset)
			cmd.Env = append(os.Environ(), "WEFTD="+weftd)
			text := must(cmd.StderrPipe())(t)
			check(t, cmd.Start())
			var said bytes.Buffer
			for buf := make([]byte, 4096); !strings.Contains(said.String(), "Ctrl-C stops"); {
				k, err := text.Read(buf)
				said.Write(buf[:k])
				if err != nil {
					t.Fatalf("weft up ended: %s", said.String())
				}
			}
			running := pids(t, dir)
			if len(running) != 7 {
				t.Errorf("%d nodes run", len(running))
			}
			check(t, cmd.Process.Signal(c.signal))
			err := cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("weft up ended with %d (%v)", code, err)
			}
			ended(t, c.name, running)
			if left := pids(t, dir); len(left) != 0 {
				t.Errorf("running: %v", left)
			}
		})
	}
	succeeds(t, weft, "--dir", dir, "down", "--wipe")
	absent(t, dir)
}
