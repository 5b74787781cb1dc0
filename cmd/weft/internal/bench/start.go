package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

const (
	channel   = devnet.FirstChannel
	chaincode = "bench"
	gateway   = "Org1" // whose user and peer carry the load
	policy    = "AND('Org1MSP.peer','Org2MSP.peer')"
)

// Start is how long it takes from nothing to the first committed transaction,
// in seconds. Binaries and WebAssembly are built before.
type Start struct {
	// Identities: keys, certificates, configuration, the genesis block.
	Identities float64 `json:"identities"`
	// Nodes: processes started, channel joined, orderers have a leader.
	Nodes float64 `json:"nodes"`
	// Deploy is the sum of its steps; some of them overlap.
	Deploy float64      `json:"deploy"`
	Steps  []DeployStep `json:"deploySteps"`
	First  float64      `json:"firstTransaction"`
	Total  float64      `json:"total"`
}

// DeployStep is one step of deploying, in seconds.
type DeployStep struct {
	Step  string  `json:"step"`
	Where string  `json:"where,omitempty"`
	Took  float64 `json:"took"`
}

// compiled is the chaincode as a file of WebAssembly.
type compiled struct {
	path string
	temp string // folder to remove, "" for none
}

// compile makes the file, unless path is one.
func compile(ctx context.Context, path string) (*compiled, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("chaincode to measure: %w", err)
	}
	if !info.IsDir() {
		return &compiled{path: path}, nil
	}
	code, err := deploy.Compile(ctx, path, func(deploy.Step) {})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "weft-bench-")
	if err != nil {
		return nil, err
	}
	c := &compiled{path: filepath.Join(dir, chaincode+".wasm"), temp: dir}
	if err := os.WriteFile(c.path, code, 0o644); err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

func (c *compiled) remove() {
	if c.temp != "" {
		_ = os.RemoveAll(c.temp) // a temporary folder: the system removes it some day
	}
}

// start brings a made network to its first committed transaction.
func (b *run) start(ctx context.Context, n *devnet.Network, began time.Time) error {
	up := time.Now()
	if _, err := n.Up(ctx, devnet.UpOptions{Attached: true}); err != nil {
		return err
	}
	s := b.report.Start
	s.Nodes = seconds(time.Since(up))
	var paused time.Duration
	measuring := time.Now()
	idle, err := memoryOf(n)
	if err != nil {
		return err
	}
	b.report.Memory.Idle = idle
	paused = time.Since(measuring)
	b.use(n)
	if err := b.deploy(ctx); err != nil {
		return errors.Join(err, b.access.Close())
	}
	first := time.Now()
	if err := b.firstTransaction(ctx); err != nil {
		return errors.Join(err, b.access.Close())
	}
	s.First = seconds(time.Since(first))
	s.Total = seconds(time.Since(began) - paused)
	return nil
}

// deploy brings the chaincode onto the network; its next version if the network
// was measured before.
func (b *run) deploy(ctx context.Context) error {
	b.tell("deploy the chaincode")
	r, err := deploy.Run(ctx, b.access, deploy.Spec{Channel: channel, Name: chaincode, Path: b.wasm.path, Policy: policy}, nil)
	if err != nil {
		return err
	}
	if s := b.report.Start; s != nil {
		s.Deploy = seconds(r.Took)
		for _, step := range r.Steps {
			s.Steps = append(s.Steps, DeployStep{step.Name, step.Where, seconds(step.Took)})
		}
	}
	return nil
}

func (b *run) firstTransaction(ctx context.Context) error {
	s, err := b.access.Gateway(ctx, gateway, access.User1, channel)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := s.Submit(ctx, b.request(Put, 0))
	if err != nil {
		return err
	}
	if !r.Valid() {
		return fmt.Errorf("the first transaction, %s, is %s in block %d: %s", r.TxID, r.Code, r.Block, client.Meaning(r.Code))
	}
	return nil
}

// seconds rounds to milliseconds.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
