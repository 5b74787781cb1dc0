package lifecycle

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Prepared is how an installed package was made ready to run here. It lies
// beside the package, and can be lost: then the package counts as prepared under
// an unknown profile.
type Prepared struct {
	// Profile is the execution profile that the module was rewritten under.
	Profile string `json:"profile"`
	// Image is the hash, in hexadecimal, of the state that every call begins
	// with. It is the same on all peers of that profile.
	Image string `json:"image,omitempty"`
}

// preparedSuffix is that of the files, behind the package id.
const preparedSuffix = ".prepared.json"

// maxPrepared is far above what such a file has.
const maxPrepared = 4096

func (p *Packages) preparedPath(id string) string { return filepath.Join(p.dir, id+preparedSuffix) }

// readPrepared is empty for a package without a readable record.
func (p *Packages) readPrepared(id string) Prepared {
	var r Prepared
	f, err := os.Open(p.preparedPath(id))
	if err != nil {
		return r
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxPrepared)).Decode(&r); err != nil {
		p.log.Warn("it is not known how a chaincode package was prepared; it is prepared again", "package", id, "err", err)
		return Prepared{}
	}
	return r
}

func (p *Packages) writePrepared(id string, r Prepared) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeFile(p.preparedPath(id), append(raw, '\n'))
}

// Prepared tells how a package was prepared; false for one that is not here.
func (p *Packages) Prepared(id string) (Prepared, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.installed[id]
	if c == nil {
		return Prepared{}, false
	}
	return c.prepared, true
}

// renew compares how a package was loaded now with how it was before, and keeps
// the new.
func (p *Packages) renew(id string, c *installed, now Prepared) {
	p.mu.Lock()
	before := c.prepared
	c.prepared = now
	p.mu.Unlock()
	if before == now {
		return
	}
	if before.Profile == now.Profile && before.Image != "" {
		p.log.Error("a chaincode begins from another state than when it was installed, although code and execution profile are the same: its answers may differ from those of other peers",
			"package", id, "profile", now.Profile, "before", before.Image, "now", now.Image)
	}
	if err := p.writePrepared(id, now); err != nil {
		p.log.Warn("how a chaincode package was prepared is not kept; the next start prepares it again", "package", id, "err", err)
	}
	if p.onChange != nil {
		p.onChange()
	}
}

// announce says, before the work begins, that a package has to be prepared anew.
func (p *Packages) announce(id string, before Prepared) {
	if before.Profile == p.engine.Profile {
		return
	}
	from := before.Profile
	if from == "" {
		from = "unknown"
	}
	p.log.Warn("an installed chaincode was prepared under another execution profile: it is metered and compiled again, once",
		"package", id, "from", from, "to", p.engine.Profile)
}

// foundPrepared removes records whose package is gone: an install wrote them
// and did not come to its end.
func (p *Packages) foundPrepared(names []string) error {
	for _, name := range names {
		id := strings.TrimSuffix(name, preparedSuffix)
		if c := p.installed[id]; c != nil {
			c.prepared = p.readPrepared(id)
			continue
		}
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			return fmt.Errorf("remove unfinished install: %w", err)
		}
	}
	return nil
}
