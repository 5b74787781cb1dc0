package bench

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// Memory is resident memory in megabytes, by role. A page that processes share,
// such as the program's, counts for each of them.
type Memory struct {
	Idle     map[string]float64 `json:"idle,omitempty"`     // after the start
	Deployed map[string]float64 `json:"deployed,omitempty"` // chaincode is installed
	Loaded   map[string]float64 `json:"loaded,omitempty"`   // at the end
}

// The roles of processes, besides the organisations of peers, and their sum.
const (
	roleOrderers = "orderers"
	roleClient   = "client"
	roleAll      = "all"
)

// role groups the processes: all orderers, and each organisation's peers.
func role(n *devnet.Node) string {
	if n.Role == devnet.RoleOrderer {
		return roleOrderers
	}
	return "peers of " + n.Org
}

// memoryOf sums the resident memory of the network's processes; nil where the
// system has no /proc.
func memoryOf(n *devnet.Network) (map[string]float64, error) {
	by := map[string]float64{}
	for _, node := range n.Nodes {
		pid, err := node.PID()
		if err != nil {
			return nil, err
		}
		if pid == 0 {
			return nil, fmt.Errorf("%s does not run: start it with \"weft up\"", node.Name)
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return nil, nil // another system, or the process has just ended
		}
		mb := resident(text)
		by[role(node)] += mb
		by[roleAll] += mb
	}
	for k, v := range by {
		by[k] = round(v)
	}
	return by, nil
}

// resident reads VmRSS of /proc/PID/status, in megabytes.
func resident(status []byte) float64 {
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.ParseFloat(string(fields[0]), 64) // the system's own number
	return kb / 1024
}

// usage is processor time in seconds, by role; nil where the system has no /proc.
type usage map[string]float64

func (b *run) usage() usage {
	u := usage{}
	if !u.add(roleClient, os.Getpid()) {
		return nil
	}
	for _, node := range b.net.Nodes {
		pid, err := node.PID()
		if err != nil || pid == 0 || !u.add(role(node), pid) {
			return nil
		}
	}
	return u
}

func (u usage) add(role string, pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	s := processorTime(string(stat))
	u[role] += s
	u[roleAll] += s
	return true
}

// processorTime reads user and system time of /proc/PID/stat. The name in
// parentheses may hold anything, so fields count from its end.
func processorTime(stat string) (seconds float64) {
	const user, system, ticksPerSecond = 11, 12, 100
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= system {
		return 0
	}
	for _, i := range []int{user, system} {
		ticks, _ := strconv.ParseFloat(fields[i], 64) // the system's own number
		seconds += ticks / ticksPerSecond
	}
	return seconds
}

// since is the time used for each of so many operations, in milliseconds.
func (u usage) since(before usage, operations int) map[string]float64 {
	if u == nil || before == nil || operations == 0 {
		return nil
	}
	by := map[string]float64{}
	for role, s := range u {
		by[role] = round(1000 * (s - before[role]) / float64(operations))
	}
	return by
}

// Disk is what a transaction of put takes: how much the files have grown, without
// space that was allocated ahead.
type Disk struct {
	Transactions int     `json:"transactions"`
	Peer         float64 `json:"peerBytesPerTransaction"`
	Orderer      float64 `json:"ordererBytesPerTransaction"`
}

// disk watches the folders of one peer and one orderer.
type disk struct {
	peer, orderer string
	was           [2]int64
}

func startDisk(n *devnet.Network) *disk {
	d := &disk{peer: n.Peers(gateway)[0].DataDir(), orderer: n.Orderers()[0].DataDir()}
	d.was = [2]int64{sizeOf(d.peer), sizeOf(d.orderer)}
	return d
}

func (d *disk) grown(loads []*Load) *Disk {
	r := &Disk{}
	for _, l := range loads {
		r.Transactions += l.Committed
	}
	if r.Transactions == 0 {
		return nil
	}
	n := float64(r.Transactions)
	r.Peer = round(float64(sizeOf(d.peer)-d.was[0]) / n)
	r.Orderer = round(float64(sizeOf(d.orderer)-d.was[1]) / n)
	return r
}

// sizeOf sums the files of a folder. Files come and go meanwhile; those that are
// gone count nothing.
func sizeOf(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
