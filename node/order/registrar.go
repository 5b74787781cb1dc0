package order

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/proto"
)

// Config of a Registrar.
type Config struct {
	// Dir holds a directory per channel.
	Dir string
	// Signer signs blocks.
	Signer ident.Signer
	// TLSCert is this orderer's server certificate; it stands in the consenters
	// of the channels that the orderer may join.
	TLSCert *x509.Certificate
	// Consensus makes the consensus of a channel, of which this orderer is
	// consenter id; dir is for its data. It must not start anything.
	Consensus func(c *Channel, id uint64, dir string) (Consensus, error)
	Dial      Dial
	Now       func() time.Time
	// Fatal is that of chain.Options.
	Fatal func(msg string)
	Log   *slog.Logger
}

// maxChannels bounds the channels of one orderer: each has files, goroutines
// and memory of its own.
const maxChannels = 512

// Errors of joining and removing, with Fabric's texts.
var (
	ErrChannelExists  = errors.New("channel already exists")
	ErrChannelUnknown = errors.New("channel does not exist")
)

// Info describes a channel as the participation API shows it.
type Info struct {
	Name              string `json:"name"`
	URL               string `json:"url"`
	ConsensusRelation string `json:"consensusRelation"`
	Status            string `json:"status"`
	Height            uint64 `json:"height"`
}

// URLBase is where the participation API has its channels.
const URLBase = "/participation/v1/channels"

// Registrar holds the channels of this orderer. It is safe for concurrent use.
type Registrar struct {
	cfg       Config
	admitting *semaphore.Weighted // signature checks under way, of all streams

	changing sync.Mutex // held over Join, Remove and the ends of Run
	mu       sync.RWMutex
	channels map[string]*Channel
	running  context.Context // set while Run runs
	closed   bool
}

// Open opens all channels that were joined, and clears away what a crash left
// of a join or a removal.
func Open(cfg Config) (*Registrar, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Registrar{
		cfg:       cfg,
		channels:  map[string]*Channel{},
		admitting: semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0))),
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the orderer's channels: %w", err)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the orderer's channels: %w", err)
	}
	for _, e := range entries {
		if err := r.open(e.Name()); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

func (r *Registrar) open(name string) error {
	dir := filepath.Join(r.cfg.Dir, name)
	if strings.HasPrefix(name, unfinished) {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear away %s: %w", dir, err)
		}
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, genesisFile))
	if err != nil {
		return fmt.Errorf("open channel %s: %w", name, err)
	}
	genesis := &common.Block{}
	if err := proto.Unmarshal(raw, genesis); err != nil {
		return fmt.Errorf("open channel %s: %s does not parse: %w", name, genesisFile, err)
	}
	c, err := openChannel(&r.cfg, dir, genesis)
	if err != nil {
		return fmt.Errorf("open channel %s: %w", name, err)
	}
	r.channels[c.id] = c
	return nil
}

// Channel returns a joined channel.
func (r *Registrar) Channel(id string) (*Channel, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, ok := r.channels[id]
	return c, ok
}

// List describes all channels, sorted by name.
func (r *Registrar) List() []Info {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]Info, 0, len(r.channels))
	for _, id := range slices.Sorted(maps.Keys(r.channels)) {
		list = append(list, r.channels[id].Info())
	}
	return list
}

// Info describes one channel; the error is ErrChannelUnknown.
func (r *Registrar) Info(id string) (Info, error) {
	c, ok := r.Channel(id)
	if !ok {
		return Info{}, ErrChannelUnknown
	}
	return c.Info(), nil
}

// Info describes the channel.
func (c *Channel) Info() Info {
	status := "inactive"
	switch c.state.Load() {
	case stateRunning:
		status = "active"
	case stateFailed:
		status = "failed"
	}
	return Info{Name: c.id, URL: URLBase + "/" + c.id, ConsensusRelation: "consenter", Status: status, Height: c.Height()}
}

// Run runs the consensus of every channel, also of those joined meanwhile,
// until ctx ends. A channel that halts does not end the others.
func (r *Registrar) Run(ctx context.Context) error {
	r.changing.Lock()
	r.mu.Lock()
	if r.running != nil {
		r.mu.Unlock()
		r.changing.Unlock()
		return errors.New("the orderer's channels run already")
	}
	r.running = ctx
	for _, c := range r.channels {
		c.start(ctx)
	}
	r.mu.Unlock()
	r.changing.Unlock()
	<-ctx.Done()
	r.changing.Lock()
	defer r.changing.Unlock()
	for _, c := range r.snapshot() {
		c.stop()
	}
	return nil
}

func (r *Registrar) snapshot() []*Channel {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.channels))
}

// Close closes the ledgers. Run has returned, or was never called.
func (r *Registrar) Close() error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.closed = true
	var errs []error
	for _, c := range r.snapshot() {
		errs = append(errs, c.chain.Close())
	}
	return errors.Join(errs...)
}
