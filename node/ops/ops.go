// Package ops serves a node's operations endpoint, in the forms that Fabric's
// users poll: /healthz, /version, /logspec, /metrics, and /status, which says
// in one JSON document what the node is, its channels and their heights. Where
// profiling is switched on, Go's profiles are under /debug/pprof/.
package ops

import (
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config of the endpoint.
type Config struct {
	Status func() Status
	// Checks are the components whose health is asked; nil is healthy.
	Checks  map[string]func() error
	Level   *slog.LevelVar
	Metrics prometheus.Gatherer
	Now     func() time.Time
	// Profile serves Go's profiles. Taking one slows the node down, and stacks
	// and heaps tell much: not for strangers.
	Profile bool
}

// Status is what a node says of itself.
type Status struct {
	Endpoint string    `json:"endpoint"`
	MSPID    string    `json:"mspID"`
	Roles    []string  `json:"roles"`
	PeerID   string    `json:"peerID"`
	Channels []Channel `json:"channels"`
	// Profile is the execution profile of a peer, and Packages what is installed
	// on it.
	Profile  string    `json:"profile,omitempty"`
	Packages []Package `json:"packages,omitempty"`
}

// Package is an installed chaincode package.
type Package struct {
	ID string `json:"id"`
	// Profile is the execution profile that it was prepared under last, and Image
	// the hash of the state that its calls begin with.
	Profile string `json:"profile,omitempty"`
	Image   string `json:"image,omitempty"`
}

// Channel is one channel of a node.
type Channel struct {
	ID         string `json:"id"`
	Height     uint64 `json:"height"`
	LastHash   Hex    `json:"lastHash"`
	CommitHash Hex    `json:"commitHash,omitempty"`
	// Leader: on a peer, whether it streams from the orderers for its
	// organisation; on an orderer, whether it leads consensus.
	Leader bool `json:"leader"`
	// RaftLeader is the Raft id of the leader that an orderer knows, 0 for none.
	RaftLeader uint64 `json:"raftLeader,omitempty"`
	// Peers are the connected members.
	Peers []Member `json:"peers,omitempty"`
	// Chaincodes that a peer can endorse now, name to version.
	Chaincodes map[string]string `json:"chaincodes,omitempty"`
	// Profiles are the execution profiles that it runs them under, by name.
	Profiles map[string]string `json:"profiles,omitempty"`
	Source   string            `json:"source,omitempty"` // where blocks come from
	Error    string            `json:"error,omitempty"`
}

// Member is another node of a channel.
type Member struct {
	MSPID    string `json:"mspID"`
	Endpoint string `json:"endpoint"`
	Height   uint64 `json:"height,omitempty"`
	// Chaincodes that the member told that it can endorse.
	Chaincodes map[string]string `json:"chaincodes,omitempty"`
	Profiles   map[string]string `json:"profiles,omitempty"`
}

// Hex is bytes that print as hexadecimal.
type Hex []byte

// MarshalText writes hexadecimal.
func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// UnmarshalText reads it.
func (h *Hex) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	*h = raw
	return err
}

// maxSpec bounds the body of a log specification.
const maxSpec = 4096

// Handler serves the endpoint.
func Handler(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", cfg.health)
	mux.HandleFunc("GET /version", version)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, cfg.Status()) })
	mux.HandleFunc("GET /logspec", cfg.getSpec)
	mux.HandleFunc("PUT /logspec", cfg.putSpec)
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{}))
	if cfg.Profile {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client left: nobody to tell
}

type failedCheck struct {
	Component string `json:"component"`
	Reason    string `json:"reason"`
}

func (c Config) health(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		Status string        `json:"status"`
		Time   time.Time     `json:"time"`
		Failed []failedCheck `json:"failed_checks,omitempty"`
	}{"OK", c.Now(), nil}
	for name, check := range c.Checks {
		if err := check(); err != nil {
			answer.Failed = append(answer.Failed, failedCheck{name, err.Error()})
		}
	}
	code := http.StatusOK
	if len(answer.Failed) > 0 {
		answer.Status, code = "Service Unavailable", http.StatusServiceUnavailable
	}
	reply(w, code, answer)
}

func version(w http.ResponseWriter, _ *http.Request) {
	answer := map[string]string{"Version": Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				answer["CommitSHA"] = s.Value
			}
		}
	}
	reply(w, http.StatusOK, answer)
}

// Version is the module version of this build, "(devel)" from a checkout.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

type logSpec struct {
	Spec string `json:"spec"`
}

func (c Config) getSpec(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, logSpec{strings.ToLower(c.Level.Level().String())})
}

func (c Config) putSpec(w http.ResponseWriter, r *http.Request) {
	var spec logSpec
	var level slog.Level
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSpec)).Decode(&spec)
	if err == nil {
		err = level.UnmarshalText([]byte(spec.Spec))
	}
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "the log specification is debug, info, warn or error: " + err.Error()})
		return
	}
	c.Level.Set(level)
	w.WriteHeader(http.StatusNoContent)
}
