package lifecycle

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/p2p/wire"
)

// ErrNotApproved is in the error for a chaincode that this peer's organisation
// did not approve as it is committed.
var ErrNotApproved = errors.New("has not yet been approved by this org")

// Module implements endorse.Chaincodes. Its error holds ErrNotApproved or
// ErrNotInstalled where that is what is missing.
func (l *Lifecycle) Module(ctx context.Context, channelID string, d *definition.Definition) (endorse.Module, error) {
	a := l.cfg.Approvals.Get(channelID, d.Name, d.Sequence)
	if a == nil || a.agrees(d) != nil {
		return nil, fmt.Errorf("chaincode definition for '%s' at sequence %d on channel '%s' %w", d.Name, d.Sequence, channelID, ErrNotApproved)
	}
	if a.PackageID == "" {
		return nil, missing(d)
	}
	m, err := l.cfg.Packages.Module(ctx, a.PackageID)
	if errors.Is(err, ErrNotInstalled) {
		return nil, missing(d)
	}
	return m, err
}

func missing(d *definition.Definition) error {
	return fmt.Errorf("chaincode definition for '%s' exists, but chaincode is %w", d.Name, ErrNotInstalled)
}

// Installed lists, sorted by name, the committed chaincodes of a channel that
// this peer can endorse now: approved as committed, with a package that is here.
func (l *Lifecycle) Installed(channelID string) ([]*wire.InstalledChaincode, error) {
	var list []*wire.InstalledChaincode
	for _, ch := range l.cfg.Channels() {
		if ch.ID() != channelID {
			continue
		}
		definitions, err := committedOn(ch)
		if err != nil {
			return nil, err
		}
		for _, d := range definitions {
			if id, ok := l.runs(channelID, d); ok {
				list = append(list, l.installed(d, id))
			}
		}
	}
	return list, nil
}

// runs returns the package that this peer runs a definition from.
func (l *Lifecycle) runs(channelID string, d *definition.Definition) (string, bool) {
	a := l.cfg.Approvals.Get(channelID, d.Name, d.Sequence)
	if a == nil || a.agrees(d) != nil {
		return "", false
	}
	_, here := l.cfg.Packages.Label(a.PackageID)
	return a.PackageID, here
}

// installed is what other peers are told of a chaincode that runs here. The
// profile is that of this peer, under which every module is loaded; the image is
// left out while that of this profile is not known.
func (l *Lifecycle) installed(d *definition.Definition, id string) *wire.InstalledChaincode {
	c := &wire.InstalledChaincode{Name: d.Name, Version: d.Version, Profile: l.cfg.Packages.engine.Profile}
	if _, hash, ok := strings.Cut(id, ":"); ok {
		c.Package, _ = hex.DecodeString(hash) // ids of packages here end in one
	}
	if p, _ := l.cfg.Packages.Prepared(id); p.Profile == c.Profile {
		c.Image, _ = hex.DecodeString(p.Image)
	}
	return c
}

// committedOn reads the definitions committed on a channel, sorted by name.
func committedOn(ch endorse.Channel) ([]*definition.Definition, error) {
	s := ch.Ledger().Snapshot()
	defer s.Close()
	all, err := committedIn(s)
	if err != nil {
		return nil, fmt.Errorf("chaincodes of channel %s: %w", ch.ID(), err)
	}
	return all, nil
}

func committedIn(r state.Reader) ([]*definition.Definition, error) {
	keys, err := keysUnder(r, definition.MetadataPrefix)
	if err != nil {
		return nil, fmt.Errorf("could not query namespace metadata: %w", err)
	}
	get := func(namespace, key string) ([]byte, error) {
		value, _, err := r.Get(namespace, key)
		return value, err
	}
	var all []*definition.Definition
	for _, name := range definition.List(keys) {
		d, err := definition.Read(get, name)
		if err != nil {
			return nil, err
		}
		if d != nil {
			all = append(all, d)
		}
	}
	return all, nil
}

// keysUnder lists the keys that begin with an ASCII prefix.
func keysUnder(r state.Reader, prefix string) ([]string, error) {
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	it, err := r.Range(definition.Namespace, prefix, end)
	if err != nil {
		return nil, err
	}
	var keys []string
	for it.Next() {
		keys = append(keys, it.KV().Key)
	}
	return keys, errors.Join(it.Err(), it.Close())
}
