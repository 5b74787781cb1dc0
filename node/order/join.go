package order

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/p2p"
	"google.golang.org/protobuf/proto"
)

const (
	genesisFile = "genesis.block"
	// unfinished marks directories of a join or a removal under way. No channel
	// id begins like it.
	unfinished = ".unfinished-"
	// maxBlockBytes leaves room in a frame for a block's header, metadata and
	// framing. Fabric's largest common setting, 99 MB, fits.
	maxBlockBytes = p2p.MaxFrame - 512<<10
)

// checkJoin decides whether this orderer may take part in the channel that a
// block begins, and as which consenter.
func (cfg *Config) checkJoin(b *common.Block) (*channel.Config, uint64, error) {
	switch {
	case !block.IsConfig(b):
		return nil, 0, errors.New("invalid join block: block is not a config block")
	case b.GetHeader() == nil:
		return nil, 0, errors.New("invalid join block: it has no header")
	case b.Header.Number != 0:
		return nil, 0, fmt.Errorf("invalid join block: it is config block %d, and an orderer of this version joins with the genesis block, number 0", b.Header.Number)
	case len(b.GetMetadata().GetMetadata()) == 0:
		return nil, 0, errors.New("invalid join block: does not have metadata")
	case !bytes.Equal(block.DataHash(b.Data), b.Header.DataHash):
		return nil, 0, errors.New("invalid join block: Header.DataHash is different from Hash(block.Data)")
	}
	settings, err := channel.FromBlock(b)
	if err != nil {
		return nil, 0, fmt.Errorf("invalid join block: %w", err)
	}
	if len(settings.Application) == 0 {
		return nil, 0, errors.New("invalid join block: invalid config: must contain application config")
	}
	if n := settings.Batch.AbsoluteMaxBytes; n > maxBlockBytes {
		return nil, 0, fmt.Errorf("invalid join block: AbsoluteMaxBytes is %d, but a block of more than %d bytes cannot travel between nodes", n, maxBlockBytes)
	}
	number, err := cfg.consenter(settings)
	return settings, number, err
}

// consenter finds this orderer among a channel's consenters, by its TLS
// certificate, and counts from 1.
func (cfg *Config) consenter(settings *channel.Config) (uint64, error) {
	for i, c := range settings.Consenters {
		cert, err := channel.ParseCertificate(c.GetServerTlsCert())
		if err == nil && bytes.Equal(cert.Raw, cfg.TLSCert.Raw) {
			return uint64(i) + 1, nil
		}
	}
	return 0, fmt.Errorf("this orderer is not a consenter of channel %s: its TLS certificate (%s, serial %x) is the server_tls_cert of none of the %d consenters in the config",
		settings.ID, cfg.TLSCert.Subject, cfg.TLSCert.SerialNumber, len(settings.Consenters))
}

// Join makes this orderer a consenter of the channel that the genesis block
// begins. A crash leaves either nothing or a joined channel.
func (r *Registrar) Join(genesis *common.Block) (Info, error) {
	settings, _, err := r.cfg.checkJoin(genesis)
	if err != nil {
		return Info{}, err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	switch _, joined := r.Channel(settings.ID); {
	case joined:
		return Info{}, ErrChannelExists
	case r.closed:
		return Info{}, errors.New("the orderer is shutting down")
	case len(r.snapshot()) >= maxChannels:
		return Info{}, fmt.Errorf("this orderer has %d channels already, the most it takes", maxChannels)
	}
	dir := filepath.Join(r.cfg.Dir, settings.ID)
	if err := r.writeGenesis(dir, settings.ID, genesis); err != nil {
		return Info{}, fmt.Errorf("join channel %s: %w", settings.ID, err)
	}
	c, err := openChannel(&r.cfg, dir, genesis)
	if err != nil {
		// It never ran, so nothing is lost with it.
		return Info{}, errors.Join(fmt.Errorf("join channel %s: %w", settings.ID, err), os.RemoveAll(dir))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels[c.id] = c
	if r.running != nil && r.running.Err() == nil {
		c.start(r.running)
	}
	c.log.Info("channel joined", "consenter", c.number, "height", c.Height())
	return c.Info(), nil
}

// writeGenesis makes the channel's directory appear at once, with its genesis
// block in it. From then on the channel is joined.
func (r *Registrar) writeGenesis(dir, id string, genesis *common.Block) error {
	raw, err := proto.Marshal(genesis)
	if err != nil {
		return fmt.Errorf("marshal the genesis block: %w", err)
	}
	tmp := filepath.Join(r.cfg.Dir, unfinished+id)
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o700)); err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(tmp, genesisFile), raw); err != nil {
		return err
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	// A crash before the rename leaves a directory that Open clears away.
	if err := os.Rename(tmp, dir); err != nil {
		return err
	}
	return syncDir(r.cfg.Dir)
}

// Remove ends this orderer's part in a channel and deletes its blocks. The
// channel goes on without it. Joining again under the same identity is not safe
// for a channel that still counts on this consenter's vote; see package raft.
func (r *Registrar) Remove(id string) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	c, ok := r.Channel(id)
	if !ok {
		return ErrChannelUnknown
	}
	r.mu.Lock()
	delete(r.channels, id)
	r.mu.Unlock()
	c.stop()
	if err := c.chain.Close(); err != nil {
		c.log.Warn("closing a removed channel's ledger", "error", err)
	}
	gone := filepath.Join(r.cfg.Dir, unfinished+id)
	if err := errors.Join(os.RemoveAll(gone), os.Rename(filepath.Join(r.cfg.Dir, id), gone), syncDir(r.cfg.Dir)); err != nil {
		return fmt.Errorf("remove channel %s: %w", id, err)
	}
	// A crash from here on leaves a directory that Open clears away.
	if err := os.RemoveAll(gone); err != nil {
		return fmt.Errorf("remove channel %s: %w", id, err)
	}
	c.log.Info("channel removed")
	return nil
}

func writeSynced(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
