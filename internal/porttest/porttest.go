// Package porttest gives tests ports that stay theirs: a node listens some time
// after it was given its port, and again when it is started again.
package porttest

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// Range is the ports of one package's tests, which run beside those of others. All
// are below those that systems give to outgoing connections, and beside those of
// the networks that weft up makes and its tests shift.
type Range struct{ first, ports int }

// The ranges of the packages that need one.
var (
	P2P    = Range{13100, 800}
	Devnet = Range{14100, 900}
	Node   = Range{15000, 2000}
)

// apart keeps two runs of a package with consecutive process ids from each other.
const apart = 97

// given counts the ports that were tried: a run is given each once.
var given atomic.Int64

// Free is a port of 127.0.0.1 that nobody listens on and this run was not given
// before. It is safe for concurrent use.
func (r Range) Free(t testing.TB) int {
	t.Helper()
	for range r.ports {
		port := r.first + (os.Getpid()*apart+int(given.Add(1)))%r.ports
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatalf("no port from %d to %d is free", r.first, r.first+r.ports-1)
	return 0
}
