package devnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// patience is how long a node may take to stop before it is killed: longer
	// than its servers drain and a busy disk takes to have its files.
	patience = 30 * time.Second
	// pollInterval of what can only be asked, not waited for.
	pollInterval = 15 * time.Millisecond
)

// process is a node's process that this weft started.
type process struct {
	record
	logFrom int64         // where its part of the log begins
	ended   chan struct{} // closed after err is set
	err     error
}

// supervisor starts processes for a network. Attached ones are started from
// one thread that lives as long as weft does, because the system ties their
// lives to that thread.
type supervisor struct {
	mu       sync.Mutex
	attached bool
	weftd    string
	thread   chan func()
}

// Attach has every node started from now on end with this process, even if it
// is killed (where the system can do that: see attributes).
func (n *Network) Attach() {
	n.sup.mu.Lock()
	defer n.sup.mu.Unlock()
	if n.sup.attached {
		return
	}
	n.sup.attached = true
	n.sup.thread = make(chan func())
	go func() {
		runtime.LockOSThread() // never unlocked: this goroutine ends with the process
		for f := range n.sup.thread {
			f()
		}
	}()
}

// start is cmd.Start on the right thread.
func (s *supervisor) start(cmd *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd.SysProcAttr = attributes(s.attached)
	if !s.attached {
		return cmd.Start()
	}
	result := make(chan error)
	s.thread <- func() { result <- cmd.Start() }
	return <-result
}

// UseWeftd names the node daemon to start; "" searches it: the environment
// variable WEFTD, beside this program, in PATH.
func (n *Network) UseWeftd(path string) error {
	found, err := findWeftd(path)
	if err != nil {
		return err
	}
	n.sup.mu.Lock()
	defer n.sup.mu.Unlock()
	n.sup.weftd = found
	return nil
}

// CheckWeftd tells whether UseWeftd will find the daemon.
func CheckWeftd(path string) error {
	_, err := findWeftd(path)
	return err
}

func (n *Network) daemon() (string, error) {
	n.sup.mu.Lock()
	found := n.sup.weftd
	n.sup.mu.Unlock()
	if found != "" {
		return found, nil
	}
	return findWeftd("")
}

func findWeftd(path string) (string, error) {
	if path == "" {
		path = os.Getenv("WEFTD")
	}
	if path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("the node daemon %s cannot be run: %w: correct --weftd or the environment variable WEFTD", path, err)
		}
		return filepath.Abs(found)
	}
	if self, err := os.Executable(); err == nil {
		if found, err := exec.LookPath(filepath.Join(filepath.Dir(self), "weftd")); err == nil {
			return found, nil
		}
	}
	found, err := exec.LookPath("weftd")
	if err != nil {
		return "", errors.New("the node daemon weftd is neither beside weft nor in PATH: build it with \"make build\", or name it with --weftd or the environment variable WEFTD")
	}
	return filepath.Abs(found)
}

// spawn starts the node's process and notes its pid.
func (node *Node) spawn() (*process, error) {
	weftd, err := node.net.daemon()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(node.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(weftd, "--config", node.configFile())
	cmd.Dir = node.Dir()
	cmd.Stdout, cmd.Stderr = log, log
	if err := node.net.sup.start(cmd); err != nil {
		return nil, err
	}
	p := &process{record: record{PID: cmd.Process.Pid}, logFrom: info.Size(), ended: make(chan struct{})}
	// The process is ours and not waited for yet, so its pid is its own. If it
	// has ended already there is no start time, and nothing to note.
	if p.Start, err = startOf(p.PID); err == nil {
		if err := p.write(node.pidFile()); err != nil {
			return nil, errors.Join(fmt.Errorf("note the pid: %w", err), cmd.Process.Kill(), cmd.Wait())
		}
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	node.mu.Lock()
	node.proc = p
	node.mu.Unlock()
	return p, nil
}

// own is the process that this weft started last, or nil.
func (node *Node) own() *process {
	node.mu.Lock()
	defer node.mu.Unlock()
	return node.proc
}

// current is the process that runs as the node: the one that this weft started,
// or the one that the pid file names.
func (node *Node) current() (record, bool, error) {
	if p := node.own(); p != nil {
		select {
		case <-p.ended:
		default:
			if f, ok := p.record.find(); ok {
				_ = f.Release()
				return p.record, true, nil
			}
			<-p.ended // it is dead, by another's hand: only the bookkeeping is left
		}
	}
	return readRecord(node.pidFile())
}

// PID is the process that runs as the node, 0 for none.
func (node *Node) PID() (int, error) {
	r, running, err := node.current()
	if err != nil || !running {
		return 0, err
	}
	return r.PID, nil
}

// Start starts the node unless it runs, and returns when it answers.
func (node *Node) Start(ctx context.Context) error {
	pid, err := node.PID()
	if err == nil && pid == 0 {
		_, err = node.spawn()
	}
	if err == nil {
		err = node.waitAnswer(ctx)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", node.Name, err)
	}
	return nil
}

// Stop asks the node to end and waits until it has; if it takes too long, or ctx
// ends, it is killed. A node that does not run is no error.
func (node *Node) Stop(ctx context.Context) error { return node.end(ctx, syscall.SIGTERM) }

// Kill ends the node at once, as a crash would.
func (node *Node) Kill() error { return node.end(context.Background(), syscall.SIGKILL) }

func (node *Node) end(ctx context.Context, how syscall.Signal) error {
	r, running, err := node.current()
	if err != nil {
		return fmt.Errorf("stop %s: %w", node.Name, err)
	}
	if running {
		if err := r.end(ctx, how); err != nil {
			return fmt.Errorf("stop %s (pid %d): %w", node.Name, r.PID, err)
		}
	}
	if p := node.own(); p != nil {
		<-p.ended // it is dead: only the bookkeeping is left
	}
	if err := os.Remove(node.pidFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("stop %s: %w", node.Name, err)
	}
	return nil
}

func (r record) end(ctx context.Context, how syscall.Signal) error {
	p, ok := r.find()
	if !ok {
		return nil
	}
	defer func() { _ = p.Release() }()
	if err := p.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	gentle, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if how != syscall.SIGKILL && r.gone(gentle) {
		return nil
	}
	if err := p.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	hard, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !r.gone(hard) {
		return errors.New("it does not end, even killed")
	}
	return nil
}

// gone waits until the process has ended.
func (r record) gone(ctx context.Context) bool {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if start, err := startOf(r.PID); err != nil || start != r.Start {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
