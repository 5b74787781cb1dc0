package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/weft-network/weft/node/ops"
)

const (
	// statusTimeout bounds one question: on loopback a healthy node answers in
	// milliseconds, on a machine whose processors or disk are busy in seconds.
	statusTimeout = 10 * time.Second
	// maxStatusBytes bounds an answer.
	maxStatusBytes = 4 << 20
	// tailLines and tailBytes bound what is shown of the log of a dead node.
	tailLines = 10
	tailBytes = 8 << 10
)

// Status asks the node what it is doing.
func (node *Node) Status(ctx context.Context) (ops.Status, error) {
	s, err := node.status(ctx)
	if err != nil {
		return s, fmt.Errorf("status of %s: %w", node.Name, err)
	}
	if s.Endpoint != node.Endpoint {
		return s, fmt.Errorf("status of %s: another node, %s, answers on %s", node.Name, s.Endpoint, node.Operations)
	}
	return s, nil
}

func (node *Node) status(ctx context.Context) (ops.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var s ops.Status
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://operations/status", nil)
	if err != nil {
		return s, err
	}
	// The address is dialled as it is: one with a zone does not fit into a URL
	// that every server accepts.
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", node.Operations)
	}}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, errors.New(resp.Status)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxStatusBytes)).Decode(&s)
	return s, err
}

// EndedError is a node's process that ended although nobody stopped it.
type EndedError struct {
	Node    string
	Reason  string // exit status 1
	LogFile string
	Tail    string // its last words
}

func (e *EndedError) Error() string {
	text := e.Node + " ended"
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	if e.Tail != "" {
		text += "; its last words, from " + e.LogFile + ":\n" + e.Tail
	} else {
		text += " without a word in " + e.LogFile
	}
	return text
}

// alive is nil while the node's process runs.
func (node *Node) alive() error {
	if _, running, err := node.current(); err != nil || running {
		return err
	}
	return node.lastWords(node.own())
}

// lastWords tells how a process of the node ended; nil is one that another weft
// started.
func (node *Node) lastWords(p *process) *EndedError {
	ended := &EndedError{Node: node.Name, LogFile: node.LogFile()}
	var from int64
	if p != nil {
		if from = p.logFrom; p.err != nil {
			ended.Reason = p.err.Error()
		}
	}
	ended.Tail = tail(node.LogFile(), from)
	return ended
}

// tail is the end of a file after an offset.
func tail(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		from = max(from, info.Size()-tailBytes)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, from, tailBytes))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-tailLines):], "\n  ")
}

// waitAnswer returns when the node answers, or with its last words if it ends.
func (node *Node) waitAnswer(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		if _, err := node.Status(ctx); err == nil {
			return true, nil
		}
		return false, node.alive()
	})
}

// poll asks again and again until the answer is yes or an error.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// The states of a node.
const (
	StateRunning  = "running"
	StateStopped  = "stopped"
	StateNoAnswer = "no answer" // the process runs, but does not answer
)

// NodeStatus is a node with what is known of it now.
type NodeStatus struct {
	*Node
	State  string      `json:"state"`
	PID    int         `json:"pid,omitempty"`
	Status *ops.Status `json:"status,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// Status asks all nodes at the same time; the order is that of n.Nodes.
func (n *Network) Status(ctx context.Context) []NodeStatus {
	all := make([]NodeStatus, len(n.Nodes))
	var wg sync.WaitGroup
	for i, node := range n.Nodes {
		wg.Go(func() { all[i] = node.now(ctx) })
	}
	wg.Wait()
	return all
}

func (node *Node) now(ctx context.Context) NodeStatus {
	s := NodeStatus{Node: node, State: StateStopped}
	pid, err := node.PID()
	if err != nil {
		s.Error = err.Error()
		return s
	}
	if pid == 0 {
		return s
	}
	s.PID, s.State = pid, StateRunning
	status, err := node.Status(ctx)
	if err != nil {
		s.State, s.Error = StateNoAnswer, err.Error()
		return s
	}
	s.Status = &status
	return s
}
