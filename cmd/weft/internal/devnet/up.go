package devnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"
)

// readyTimeout bounds starting: on two idle cores it takes a few seconds.
const readyTimeout = 2 * time.Minute

// Event is a step of a longer work: Done of Total are through.
type Event struct {
	Step        string
	Done, Total int
}

// UpOptions say how a network is started.
type UpOptions struct {
	// Weftd is the node daemon; see UseWeftd.
	Weftd string
	// Attached nodes end with this process; see Attach.
	Attached bool
	// Report is told of progress, one event at a time. Optional.
	Report func(Event)
}

// Prepare opens the network in dir, or makes one where there is none; then
// made is true. Nothing is started. want, if not nil, is compared with the
// network that is there.
func Prepare(dir string, want *Topology, report func(Event)) (n *Network, made bool, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, false, err
	}
	n, err = Open(dir)
	if err == nil {
		return n, false, n.compare(want)
	}
	if !errors.Is(err, ErrNoNetwork) {
		return nil, false, err
	}
	if want == nil {
		want = &Topology{}
	}
	n, err = want.build(abs, report)
	if errors.Is(err, errMeanwhile) {
		n, err = Open(dir)
		return n, false, errors.Join(err, n.compare(want))
	}
	return n, err == nil, err
}

// errMeanwhile is that another weft made the network first.
var errMeanwhile = errors.New("the network exists")

// build makes a network after everything was checked that can be.
func (t Topology) build(dir string, report func(Event)) (*Network, error) {
	if err := vacant(dir); err != nil {
		return nil, err
	}
	addr, err := loopback()
	if err != nil {
		return nil, err
	}
	n, err := t.layOut(addr)
	if err != nil {
		return nil, err
	}
	n.Dir = dir
	if err := checkFree(n.Nodes, true); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the network's folder: %w: name another one with --dir", err)
	}
	unlock, err := lock(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, networkFile)); err == nil {
		return nil, errMeanwhile
	}
	note := counter(report, "identities and channel1 made", 1)
	if err := n.make(time.Now()); err != nil {
		return nil, fmt.Errorf("make a network in %s: %w", dir, errors.Join(err, wipe(dir)))
	}
	note()
	return n, nil
}

// compare refuses to take the network for another one.
func (n *Network) compare(want *Topology) error {
	if n == nil || want == nil {
		return nil
	}
	other, err := want.layOut(n.Addresses)
	if err != nil {
		return err
	}
	for i := range max(len(n.Nodes), len(other.Nodes)) {
		if i < len(n.Nodes) && i < len(other.Nodes) && n.Nodes[i].Name == other.Nodes[i].Name && n.Nodes[i].Endpoint == other.Nodes[i].Endpoint {
			continue
		}
		return fmt.Errorf("the network in %s has %d peers and port offset %d, which is another one than asked for (%d peers, port offset %d): leave --peers and --port-offset away to use it, name another folder with --dir, or remove it with \"weft down --wipe\"",
			n.Dir, len(n.Peers()), n.PortOffset, len(other.Peers()), other.PortOffset)
	}
	return nil
}

// lock keeps two wefts from making, starting or stopping one network at the
// same time. The second waits.
func lock(dir string) (unlock func(), err error) {
	l := flock.New(filepath.Join(dir, lockFile))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("lock the network: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// Up starts every node that does not run, has them join channel1, and returns
// when the orderers have a leader and all members have joined. If it fails, the
// nodes that it started are stopped. started is how many those are.
func (n *Network) Up(ctx context.Context, o UpOptions) (started int, err error) {
	if err := n.UseWeftd(o.Weftd); err != nil {
		return 0, err
	}
	if o.Attached {
		n.Attach()
	}
	unlock, err := lock(n.Dir)
	if err != nil {
		return 0, err
	}
	defer unlock()
	stopped, err := n.stopped()
	if err != nil {
		return 0, err
	}
	if err := checkFree(stopped, false); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("the network is not ready after %s", readyTimeout))
	defer cancel()
	if err := n.bringUp(ctx, stopped, o.Report); err != nil {
		return 0, errors.Join(err, stopAll(context.WithoutCancel(ctx), stopped))
	}
	return len(stopped), nil
}

func (n *Network) stopped() ([]*Node, error) {
	var nodes []*Node
	for _, node := range n.Nodes {
		pid, err := node.PID()
		if err != nil {
			return nil, err
		}
		if pid == 0 {
			nodes = append(nodes, node)
		}
	}
	return nodes, nil
}

// bringUp takes each node through starting and joining on its own, so that none
// waits for the slowest.
func (n *Network) bringUp(ctx context.Context, stopped []*Node, report func(Event)) error {
	members, err := n.participants(FirstChannel)
	if err != nil {
		return err
	}
	if len(stopped) == 0 {
		report = nil // nothing to tell
	}
	report = serial(report)
	step := "nodes started"
	if len(stopped) == 1 {
		step = stopped[0].Name + " started"
	}
	startedOne := counter(report, step, len(stopped))
	joinedOne := counter(report, "nodes joined "+FirstChannel, len(members))
	isMember := map[*Node]bool{}
	for _, node := range members {
		isMember[node] = true
	}
	isStopped := map[*Node]bool{}
	for _, node := range stopped {
		isStopped[node] = true
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, node := range n.Nodes {
		g.Go(func() error {
			if err := node.Start(gctx); err != nil {
				return err
			}
			if isStopped[node] {
				startedOne()
			}
			if !isMember[node] {
				return nil
			}
			if err := n.join(gctx, FirstChannel, node); err != nil {
				return err
			}
			joinedOne()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	ready := counter(report, "orderers have a leader, peers have "+FirstChannel, 1)
	if err := n.WaitReady(ctx, FirstChannel); err != nil {
		return err
	}
	ready()
	return nil
}

// counter makes a function to call each time one of total is through.
func counter(report func(Event), step string, total int) func() {
	if report == nil {
		return func() {}
	}
	if total == 0 {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	report(Event{Step: step, Total: total})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		report(Event{Step: step, Done: done, Total: total})
	}
}

// serial lets one event through at a time.
func serial(report func(Event)) func(Event) {
	if report == nil {
		return nil
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		report(e)
	}
}

// Stop stops all nodes at the same time.
func (n *Network) Stop(ctx context.Context) error {
	unlock, err := lock(n.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	return stopAll(ctx, n.Nodes)
}

func stopAll(ctx context.Context, nodes []*Node) error {
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, node := range nodes {
		wg.Go(func() { errs[i] = node.Stop(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Watch tells of every node that this weft started and that ended by itself,
// until all have ended or ctx ends.
func (n *Network) Watch(ctx context.Context, report func(*EndedError)) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, node := range n.Nodes {
		p := node.own()
		if p == nil {
			continue
		}
		wg.Go(func() {
			select {
			case <-ctx.Done():
			case <-p.ended:
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				report(node.lastWords(p))
			}
		})
	}
	wg.Wait()
}

// Wipe removes a stopped network's files, and the folder if nothing else is in
// it. What weft did not make stays. A crash leaves a vacant folder.
func (n *Network) Wipe() error {
	unlock, err := lock(n.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	if stopped, err := n.stopped(); err != nil || len(stopped) < len(n.Nodes) {
		return errors.Join(err, fmt.Errorf("remove the network in %s: a node runs: stop it first", n.Dir))
	}
	if err := os.WriteFile(filepath.Join(n.Dir, markFile), nil, 0o644); err != nil {
		return err
	}
	return wipe(n.Dir)
}

// wipe removes what a network consists of, its marks last.
func wipe(dir string) error {
	for _, name := range []string{networkFile, networkFile + ".part", "run", "nodes", "channels", "organizations", "chaincode", "packages", "wasm-cache", markFile, lockFile} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("remove the network in %s: %w", dir, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		return err
	}
	return os.Remove(dir)
}

// Down stops the network in dir and, if asked, removes it. It is no error if
// there is nothing; then found is false.
func Down(ctx context.Context, dir string, remove bool) (found bool, err error) {
	n, err := Open(dir)
	if errors.Is(err, ErrNoNetwork) {
		return halfMade(dir, remove)
	}
	if err != nil {
		return false, err
	}
	if err := n.Stop(ctx); err != nil {
		return true, err
	}
	if remove {
		return true, n.Wipe()
	}
	return true, nil
}

// halfMade removes what a crash left while a network was made.
func halfMade(dir string, remove bool) (bool, error) {
	if err := vacant(dir); err != nil {
		return false, err
	}
	_, err := os.Stat(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) || !remove {
		return false, nil
	}
	return true, wipe(dir)
}
