package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// watchInterval is how often a running install is reported.
const watchInterval = 200 * time.Millisecond

// Install gives a package to peers, all at once, as the administrators of their
// organisations. It returns the package's id. A peer that has it already is
// done. Peers that share a folder of compiled code compile it once.
func Install(ctx context.Context, a *access.Access, peers []*devnet.Node, pkg []byte, report Report) (string, error) {
	id, err := PackageID(pkg)
	if err != nil {
		return "", err
	}
	var mu sync.Mutex
	oneAtATime := func(s Step) {
		mu.Lock()
		defer mu.Unlock()
		report(s)
	}
	return id, each(peers, func(p *devnet.Node) error {
		start := time.Now()
		detail, err := install(ctx, a, p, id, pkg, oneAtATime)
		if err != nil {
			return fmt.Errorf("install on %s: %w", p.Name, err)
		}
		oneAtATime(done(start, "install", p.Name, detail))
		return nil
	})
}

func install(ctx context.Context, a *access.Access, p *devnet.Node, id string, pkg []byte, report Report) (string, error) {
	admin, err := a.Identity(p.Org, access.Admin)
	if err != nil {
		return "", err
	}
	conn, err := a.Conn(ctx, p)
	if err != nil {
		return "", err
	}
	phases := newPhases()
	stop := phases.watch(ctx, conn, id, func(phase string, took time.Duration) {
		report(Step{Name: "install", Where: p.Name, Detail: phase, Took: took, Running: true})
	})
	r, err := client.Install(ctx, conn, admin, pkg)
	stop()
	var refused *client.RefusedError
	switch {
	case errors.As(err, &refused) && strings.Contains(refused.Message, "already successfully installed"):
		return "was installed before", nil
	case err != nil:
		return "", err
	}
	return short(r.PackageId) + ", " + phases.text(), nil
}

// phases are those of one install, as a peer tells of them.
type phases struct {
	mu    sync.Mutex
	now   string
	since time.Time
	took  []phase
}

type phase struct {
	name string
	took time.Duration
}

func newPhases() *phases { return &phases{now: "sending", since: time.Now()} }

func (p *phases) enter(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, phase{p.now, time.Since(p.since)})
	p.now, p.since = name, time.Now()
}

func (p *phases) current() (string, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, time.Since(p.since)
}

// watch follows an install and reports what it is at until stop is called, which
// waits for that. A peer that tells nothing is at "sending" all the time.
func (p *phases) watch(ctx context.Context, conn grpc.ClientConnInterface, id string, report func(string, time.Duration)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		_ = client.WatchInstall(ctx, conn, id, p.enter) // for information only
	})
	all.Go(func() {
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				report(p.current())
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}

// text tells how long the phases took that are worth telling.
func (p *phases) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.took) == 0 {
		return "checked and compiled" // by a peer that tells no more
	}
	took := map[string]time.Duration{}
	for _, ph := range p.took {
		took[ph.name] += ph.took
	}
	compiled := "compiled code was found"
	if d, ok := took["compiling"]; ok {
		compiled = "compiled " + brief(d)
	} else if d := took["loading"]; d > time.Second {
		compiled += " after " + brief(d) // another peer made it
	}
	return fmt.Sprintf("checked, metered %s, %s, started %s", brief(took["metering"]), compiled, brief(took["starting"]))
}

func brief(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
