package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// The test binary is its own compiler, as weftd is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case Command:
			os.Exit(Serve(os.Args[2:], os.Stdin, os.Stdout))
		case lookAround:
			os.Exit(tellSurroundings())
		case lie:
			os.Exit(tellLie(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

// module is a valid module of functions that are loops after loops, which the
// compiler finds much harder than they look. salt makes it another one.
func module(functions, loops, salt int) []byte {
	body := []byte{0} // no locals
	for range loops {
		body = append(body, 0x03, 0x40, 0x0b) // loop end
	}
	body = append(body, 0x41) // i32.const salt, drop
	body = append(append(body, leb(salt&63)...), 0x1a, 0x0b)
	types := []byte{1, 0x60, 0, 0}
	declared, code := leb(functions), leb(functions)
	for range functions {
		declared = append(declared, 0)
		code = append(append(code, leb(len(body))...), body...)
	}
	m := []byte("\x00asm\x01\x00\x00\x00")
	for id, section := range map[byte][]byte{1: types} {
		m = append(append(append(m, id), leb(len(section))...), section...)
	}
	m = append(append(append(m, 3), leb(len(declared))...), declared...)
	return append(append(append(m, 10), leb(len(code))...), code...)
}

func leb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// small compiles in no time.
func small() []byte { return module(2, 3, 1) }

// words collects what is logged.
type words struct {
	mu sync.Mutex
	bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Buffer.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Buffer.String()
}

// compiler is one with children that are counted.
type compiler struct {
	*Compiler
	log      words
	mu       sync.Mutex
	children []int
}

func newCompiler(t *testing.T, dir string, l Limits) *compiler {
	t.Helper()
	c := &compiler{}
	var err error
	c.Compiler, err = New(Config{Dir: dir, Program: Self(), Limits: l, Log: slog.New(slog.NewTextHandler(&c.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	c.started = func(pid int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.children = append(c.children, pid)
	}
	return c
}

func (c *compiler) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.children)
}

func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "cache") }

func TestAModuleIsCompiledOnceAndFoundAfterARestart(t *testing.T) {
	dir := folder(t)
	first := newCompiler(t, dir, Limits{})
	for range 2 {
		if err := first.Compile(t.Context(), small()); err != nil {
			t.Fatal(err)
		}
	}
	again := newCompiler(t, dir, Limits{})
	if err := again.Compile(t.Context(), small()); err != nil {
		t.Fatal(err)
	}
	if first.count() != 1 || again.count() != 0 {
		t.Errorf("%d children, and %d after a restart", first.count(), again.count())
	}
	if err := again.Compile(t.Context(), module(2, 3, 2)); err != nil || again.count() != 1 {
		t.Errorf("another module: %v, %d children", err, again.count())
	}
}

func TestManyThatShareAFolderCompileAModuleOnce(t *testing.T) {
	dir := folder(t)
	var peers []*compiler
	for range 3 {
		peers = append(peers, newCompiler(t, dir, Limits{}))
	}
	var all sync.WaitGroup
	for i := range 9 {
		all.Go(func() {
			if err := peers[i%3].Compile(t.Context(), small()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	for _, p := range peers {
		n += p.count()
	}
	if n != 1 {
		t.Errorf("%d children compiled it", n)
	}
}

// engineFile is the machine code in a folder.
func engineFile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

func TestMachineCodeThatIsNotWhatWasCompiledIsReplaced(t *testing.T) {
	for what, spoil := range map[string]func(t *testing.T, file, record string){
		"a changed byte": func(t *testing.T, file, _ string) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			write(t, file, raw)
		},
		"a file cut short": func(t *testing.T, file, _ string) { write(t, file, []byte("WAZEVO")) },
		"a file that is gone": func(t *testing.T, file, _ string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
		"code without a record": func(t *testing.T, file, record string) {
			write(t, file, []byte("planted"))
			write(t, record, nil)
		},
		"a damaged record":   func(t *testing.T, _, record string) { write(t, record, []byte("{")) },
		"a record of a path": func(t *testing.T, _, record string) { write(t, record, []byte(`{"file":"../../etc/passwd"}`)) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := folder(t)
			c := newCompiler(t, dir, Limits{})
			if err := c.Compile(t.Context(), small()); err != nil {
				t.Fatal(err)
			}
			file, record := engineFile(t, dir), c.entry(small()).path
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, file, record)
			if err := c.Compile(t.Context(), small()); err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(before, after) || c.count() != 2 {
				t.Errorf("%v; the code is as before: %t; %d children", err, bytes.Equal(before, after), c.count())
			}
			if what != "code without a record" && !strings.Contains(c.log.String(), "compiled again") {
				t.Errorf("nothing loud was said: %s", &c.log)
			}
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderThatOthersReachIsRefused(t *testing.T) {
	dir := folder(t)
	c := newCompiler(t, dir, Limits{})
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := c.Compile(t.Context(), small()); err == nil || !strings.Contains(err.Error(), "has mode 0750") {
		t.Errorf("compile: %v", err)
	}
	if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("open: %v", err)
	}
}

func TestAModuleThatTakesTooLongEndsTheChildAndNamesTheLimit(t *testing.T) {
	dir := folder(t)
	c := newCompiler(t, dir, Limits{CPU: time.Second})
	err := c.Compile(t.Context(), module(40, 8000, 0)) // some 30 s
	var limit *LimitError
	if !errors.As(err, &limit) || limit.What != "processor time" || !strings.Contains(err.Error(), "more than 1s of processor time") {
		t.Fatal(err)
	}
	nothingLeft(t, dir)
	// Not with the same limit: on a slow machine a child may take as much before
	// it even begins.
	if err := newCompiler(t, dir, Limits{}).Compile(t.Context(), small()); err != nil {
		t.Errorf("and then: %v", err)
	}
}

func TestAModuleThatTakesTooMuchMemoryEndsTheChildAndNamesTheLimit(t *testing.T) {
	if !memoryLimited {
		t.Skip("this system does not limit memory")
	}
	dir := folder(t)
	c := newCompiler(t, dir, Limits{Memory: 96 << 20})
	err := c.Compile(t.Context(), module(30_000, 20, 0))
	var limit *LimitError
	if !errors.As(err, &limit) || limit.What != "memory" || limit.Limit != "96 MiB" {
		t.Fatal(err)
	}
	nothingLeft(t, dir)
}

// nothingLeft checks that a failure left neither code nor leftovers.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); e.IsDir() || err != nil || info.Size() != 0 {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func TestAKilledChildIsAnErrorAndTheNextTryWorks(t *testing.T) {
	dir := folder(t)
	c := newCompiler(t, dir, Limits{})
	c.started = func(pid int) {
		p, err := os.FindProcess(pid)
		if err == nil {
			err = p.Kill()
		}
		if err != nil {
			t.Error(err)
		}
	}
	err := c.Compile(t.Context(), small())
	if err == nil || !strings.Contains(err.Error(), "was ended before it was done (signal: killed)") || !strings.Contains(err.Error(), "install it again") {
		t.Fatal(err)
	}
	nothingLeft(t, dir)
	c.started = func(int) {}
	if err := c.Compile(t.Context(), small()); err != nil {
		t.Errorf("the next try: %v", err)
	}
}

func TestAnInstallThatIsGivenUpEndsTheChild(t *testing.T) {
	c := newCompiler(t, folder(t), Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	c.started = func(int) { cancel() }
	if err := c.Compile(ctx, module(40, 8000, 0)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Compile returned, so the child was waited for: it is gone.
}

func TestAChildThatGetsNoProcessorIsGivenUp(t *testing.T) {
	// With the first it may end before it has begun.
	for _, wall := range []time.Duration{time.Nanosecond, time.Millisecond, 100 * time.Millisecond} {
		c := newCompiler(t, folder(t), Limits{Wall: wall})
		var limit *LimitError
		if err := c.Compile(t.Context(), module(40, 8000, 0)); !errors.As(err, &limit) || limit.What != "time" {
			t.Errorf("%s: %v", wall, err)
		}
	}
}

func TestWhatIsNoModuleIsSaidByTheChild(t *testing.T) {
	c := newCompiler(t, folder(t), Limits{})
	if err := c.Compile(t.Context(), []byte("no module")); err == nil || !strings.Contains(err.Error(), "not valid WebAssembly") {
		t.Error(err)
	}
	c.cfg.Program = []string{filepath.Join(t.TempDir(), "absent")}
	if err := c.Compile(t.Context(), small()); err == nil || !strings.Contains(err.Error(), "start a process of") {
		t.Error(err)
	}
}

func TestAChildEndsWithItsParent(t *testing.T) {
	// The parent's end of the pipe is closed in the middle of compiling, which
	// is what its death does.
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{Command, "30", "1073741824", "5"}, compileTask(dir).args...)...)
	cmd.SysProcAttr = attributes()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	feed(in, module(40, 8000, 0)) // some 30 s
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitAlone {
		t.Error(err)
	}
}

// lookAround has the test binary tell what a child is given.
const lookAround = "look-around"

func tellSurroundings() int {
	fmt.Fprintf(os.Stderr, "out of memory: env %q", os.Environ()) // any words that come back
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, fd := range fds {
			if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.Contains(to, "secret") {
				fmt.Fprint(os.Stderr, " LEAKED ", to)
			}
		}
	}
	return 1
}

func TestAChildIsGivenNeitherFilesNorEnvironment(t *testing.T) {
	t.Setenv("WEFT_SECRET", "secret")
	f, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inheritable(t, f) // as one that this process was started with
	ch := child{program: []string{Self()[0], lookAround}, limits: DefaultLimits(), workers: 1, started: func(int) {}}
	var out, said head
	out.limit, said.limit = maxVerdict, lastWords
	_ = ch.attend(ch.command(t.Context(), &out, &said), nil) // it fails: that is no compiler
	if got := said.String(); strings.Contains(got, "ecret") || !strings.Contains(got, `env ["GOMAXPROCS=1" "GOMEMLIMIT=`) {
		t.Error(got)
	}
}

func TestTheCompilerTakesOneProcessorWhileThePeerServes(t *testing.T) {
	for workers, want := range map[int]string{1: "GOMAXPROCS=1", 2: fmt.Sprintf("GOMAXPROCS=%d", min(2, runtime.NumCPU()))} {
		ch := child{program: Self(), limits: DefaultLimits(), workers: workers}
		if env := ch.command(t.Context(), nil, nil).Env; env[0] != want {
			t.Errorf("%d workers: %q", workers, env)
		}
	}
}

func TestWithoutAProgramModulesAreCompiledHere(t *testing.T) {
	dir := folder(t)
	c, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Compile(t.Context(), small()); err != nil {
		t.Fatal(err)
	}
	engineFile(t, dir)
	if err := c.entry(small()).verify(); err != nil {
		t.Error(err)
	}
}

func TestLimitsHaveBounds(t *testing.T) {
	for want, l := range map[string]Limits{
		"":                                  {},
		"cpu is 1ms; it is 1s to 1h0m0s":    {CPU: time.Millisecond},
		"memory is 1 bytes; it is 67108864": {Memory: 1},
		"timeout is 48h0m0s; it is 1s":      {Wall: 48 * time.Hour},
	} {
		if err := l.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if err := DefaultLimits().Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"file":"wazero-dev-amd64-linux/00","bytes":3,"sha256":"00"}`))
	f.Add([]byte(`{"file":"/etc/passwd"}`))
	f.Add([]byte{})
	dir := f.TempDir()
	e := &entry{dir: dir, engine: fingerprint{"wazero-dev-amd64-linux", "00"}, path: filepath.Join(dir, "record")}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(e.path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := e.read(); err == nil && filepath.Dir(filepath.Join(dir, r.File)) != filepath.Join(dir, e.engine.folder) {
			t.Errorf("%q leads to %s", raw, r.File)
		}
		if e.verify() == nil {
			t.Errorf("%q stands for code that is not there", raw)
		}
	})
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x03\x00\x00\x00\x00\x00\x00\x00abc"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := receive(bytes.NewReader(raw))
		if err == nil && (uint64(len(m)) != binary.LittleEndian.Uint64(raw) || !bytes.HasPrefix(raw[8:], m)) {
			t.Errorf("%d bytes of %d", len(m), len(raw))
		}
	})
}
