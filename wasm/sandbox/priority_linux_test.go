package sandbox

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAChildGivesWayAsASessionOfItsOwn(t *testing.T) {
	settable := setsAtOnce(t)
	for nice, want := range map[int]string{mostNice: "19", someNice: "0"} {
		args := append([]string{Command, "30", "1073741824", strconv.Itoa(nice)}, compileTask(folder(t)).args...)
		child := exec.Command(Self()[0], args...)
		child.SysProcAttr = attributes()
		in, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// It limits itself before it reads, and is there until it is waited for.
		if _, err := in.Write(bytes.Repeat([]byte{0xff}, 8)); err != nil { // the size of a module
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		pid := child.Process.Pid
		if session, err := unix.Getsid(pid); err != nil || session != pid {
			t.Errorf("nice %d: it is in session %d, not its own, %d (%v)", nice, session, pid, err)
		}
		if got, _ := sessionNice(t, strconv.Itoa(pid)); settable && got != want {
			t.Errorf("nice %d: its session has %s, not %s", nice, got, want)
		}
		_ = child.Wait() // it fails: that is too large
	}
}

// setsAtOnce tells that this process may set the priority of a session whenever it
// wants. Others may only some time after anyone did, and a child of theirs may have
// come too soon.
func setsAtOnce(t *testing.T) bool {
	const times, apart = 5, 100 * time.Millisecond
	nice, told := sessionNice(t, "self")
	began := time.Now()
	for range times {
		if !told || os.WriteFile(sessionPriority, []byte(nice), 0o600) != nil {
			return false
		}
	}
	return time.Since(began) < (times-1)*apart
}

// sessionNice is that of a process, on systems that tell.
func sessionNice(t *testing.T, pid string) (nice string, told bool) {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + pid + "/autogroup") // "/autogroup-12 nice 19"
	if err != nil {
		t.Log(err)
		return "", false
	}
	_, nice, told = strings.Cut(strings.TrimSpace(string(raw)), " nice ")
	return nice, told
}

func TestAChildThatDoesNotGetAlongGivesWayLess(t *testing.T) {
	const passed = 10 * time.Second
	for _, c := range []struct {
		nice int
		used time.Duration
		want int
	}{
		{19, passed, 19},
		{19, passed / leastShare, 19},
		{19, passed/leastShare - 1, 14},
		{4, 0, 0},
		{0, 0, 0}, // never before others
	} {
		if got := niceAfter(c.nice, c.used, passed); got != c.want {
			t.Errorf("nice %d, %s of %s: %d, not %d", c.nice, c.used, passed, got, c.want)
		}
	}
}
