package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The programs and the folder of a run of the tests. TestMain sets them.
var (
	weft, weftd string
	workDir     string
	offsets     int
)

const (
	// repository is the root of the checkout, from here.
	repository = "../../../.."
	// patience bounds whatever a test waits for. On idle cores nothing takes a
	// fiftieth of it.
	patience = 5 * time.Minute
	// pollInterval of what can only be asked.
	pollInterval = 20 * time.Millisecond
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run())
	}
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runAll builds the programs, runs the tests and stops what they share.
func runAll(m *testing.M) (code int, err error) {
	if workDir, err = os.MkdirTemp("", "weft-e2e"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(workDir)) }()
	weft, weftd = filepath.Join(workDir, "weft"), filepath.Join(workDir, "weftd")
	build := exec.Command("go", "build", "-o", workDir, "./cmd/weftd", "./cmd/weft")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	code = m.Run()
	return code, errors.Join(err, stopShared())
}

// processes marks a test that starts processes.
func processes(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes; the full run has it")
	}
	return t.Context()
}

// freeOffset finds a port offset at which a network finds all its ports free.
// The ports are below those that systems give to outgoing connections, so that
// a node that is started again finds its own; the process id keeps two runs
// apart.
func freeOffset(t *testing.T) int {
	t.Helper()
	const first, step, choices = 10000, 100, 80
	for range choices {
		offsets++
		offset := first + (os.Getpid()+offsets)%choices*step
		if offset%1000 != 0 && portsFree(offset) {
			return offset
		}
	}
	t.Fatal("no port offset has all ports free")
	return 0
}

func portsFree(offset int) bool {
	for thousand := 7000; thousand <= 14000; thousand += 1000 {
		for _, last := range []int{50, 51, 53} {
			for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
				l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(thousand+last+offset)))
				if err != nil {
					if errors.Is(err, syscall.EADDRNOTAVAIL) { // a system without the address
						continue
					}
					return false
				}
				_ = l.Close()
			}
		}
	}
	return true
}

// outcome of a program.
type outcome struct {
	code int
	text string // standard error
	out  string
}

// run runs a program to its end.
func run(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience) // clean-ups run programs too
	defer cancel()
	var out, text bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &text
	cmd.Env = append(os.Environ(), "WEFTD="+weftd)
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s %s did not end; it said:\n%s%s", filepath.Base(program), strings.Join(args, " "), out.String(), text.String())
	}
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), text.String(), out.String()}
}

// succeeds returns what the program printed.
func succeeds(t *testing.T, program string, args ...string) string {
	t.Helper()
	o := run(t, program, args...)
	if o.code != 0 {
		t.Fatalf("%s %s ended with %d:\n%s%s", filepath.Base(program), strings.Join(args, " "), o.code, o.out, o.text)
	}
	return o.out
}

// refused runs a program that must fail, and checks that it says all the words.
func refused(t *testing.T, words []string, program string, args ...string) outcome {
	t.Helper()
	o := run(t, program, args...)
	if o.code == 0 {
		t.Errorf("%s %s succeeded", filepath.Base(program), strings.Join(args, " "))
	}
	for _, w := range words {
		if !strings.Contains(o.text, w) {
			t.Errorf("%s %s does not say %q, but:\n%s", filepath.Base(program), strings.Join(args, " "), w, o.text)
		}
	}
	if strings.Contains(o.text, "goroutine ") || strings.Contains(o.text, "panic") {
		t.Errorf("it panicked:\n%s", o.text)
	}
	return o
}

// eventually asks again and again until the answer is nil.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// absent fails the test if the path exists.
func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); err == nil {
		t.Errorf("%s was left behind", path)
	}
}

// check ends the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must is check for calls that return something.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}
