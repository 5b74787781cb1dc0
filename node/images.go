package node

import (
	"bytes"
	"encoding/hex"

	"github.com/weft-network/weft/node/ops"
	"github.com/weft-network/weft/p2p/wire"
)

// compare looks whether a peer that runs the same packages under the same
// execution profile begins its calls with the same images. If not, one of the
// two is broken, and they will not endorse alike.
func (c *chaincode) compare(channel string, other *wire.StateInfo) {
	own := map[string]*wire.InstalledChaincode{}
	for _, cc := range c.installed(channel) {
		own[cc.Name] = cc
	}
	for _, theirs := range other.Chaincodes {
		if ours := own[theirs.Name]; ours != nil {
			c.compareOne(channel, other.Endpoint, ours, theirs)
		}
	}
}

// differs tells that two images should be equal and are not.
func differs(a, b *wire.InstalledChaincode) bool {
	return a.Profile != "" && a.Profile == b.Profile && bytes.Equal(a.Package, b.Package) &&
		len(a.Image) > 0 && len(b.Image) > 0 && !bytes.Equal(a.Image, b.Image)
}

func (c *chaincode) compareOne(channel, peer string, ours, theirs *wire.InstalledChaincode) {
	key := mismatch{channel, ours.Name, peer}
	began, ended := c.note(key, differs(ours, theirs))
	switch {
	case began:
		c.images.WithLabelValues(channel, ours.Name, peer).Set(1)
		c.log.Warn("another peer runs the same chaincode package under the same execution profile from another image: one of the two is broken, and their endorsements will differ",
			"channel", channel, "chaincode", ours.Name, "peer", peer, "profile", ours.Profile,
			"image here", hex.EncodeToString(ours.Image), "image there", hex.EncodeToString(theirs.Image[:min(len(theirs.Image), maxImage)]))
	case ended:
		c.images.DeleteLabelValues(channel, ours.Name, peer)
		c.log.Info("another peer runs a chaincode from the same image again", "channel", channel, "chaincode", ours.Name, "peer", peer)
	}
}

// note remembers a mismatch while it lasts and reports that it begins or ends.
func (c *chaincode) note(key mismatch, now bool) (began, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.mismatches[key]
	if now && !known && len(c.mismatches) < maxMismatches {
		c.mismatches[key] = true
		return true, false
	}
	if !now && known {
		delete(c.mismatches, key)
	}
	return false, !now && known
}

// mismatch is a chaincode whose image differs on another peer.
type mismatch struct{ channel, chaincode, peer string }

const (
	// maxMismatches bounds what is remembered and measured.
	maxMismatches = 1024
	// maxImage is the bytes of a hash; others may say more.
	maxImage = 32
)

// status tells what is installed.
func (c *chaincode) status() (profile string, list []ops.Package) {
	for _, id := range c.packages.List() {
		p, _ := c.packages.Prepared(id)
		list = append(list, ops.Package{ID: id, Profile: p.Profile, Image: p.Image})
	}
	return c.runtime.Profile(), list
}
