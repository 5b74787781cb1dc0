package channel

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// changed is what an update makes of a config.
type changed struct {
	root *common.ConfigGroup // shares values and policies with config and update
	lost []place             // new elements that no group takes in
}

// change carries out a config update, if it may be: rules T2 to T12 of
// docs/config-updates.md.
func (c *Config) change(env *common.Envelope) (*changed, error) {
	u, err := openUpdate(env)
	if err != nil {
		return nil, err
	}
	if u.GetChannelId() != c.ID {
		return nil, fmt.Errorf("the config update is for channel %q", clip(u.GetChannelId()))
	}
	current := listed(c.groups)
	read, err := elementsOf(u.GetReadSet())
	if err != nil {
		return nil, fmt.Errorf("read set: %w", err)
	}
	write, err := elementsOf(u.GetWriteSet())
	if err != nil {
		return nil, fmt.Errorf("write set: %w", err)
	}
	if err := checkReads(read, current); err != nil {
		return nil, err
	}
	delta := deltaOf(read, write)
	if err := c.authorise(delta, current, u.signed); err != nil {
		return nil, err
	}
	return build(current, delta), nil
}

// checkReads (T5) wants everything that was read to be there still, in the
// version that was read. The content of a read set is not looked at.
func checkReads(read, current elements) error {
	for _, p := range read.places() {
		now, ok := current[p]
		if !ok {
			return fmt.Errorf("%s: the config update has read it, but the config does not have it", p)
		}
		if now.GetVersion() != read[p].GetVersion() {
			return fmt.Errorf("%s: the config update was made from version %d, the config has version %d; make it anew from the config in force",
				p, read[p].GetVersion(), now.GetVersion())
		}
	}
	return nil
}

// deltaOf (T6) is what the write set changes: all but what it repeats in the
// version that was read.
func deltaOf(read, write elements) elements {
	delta := elements{}
	for p, e := range write {
		if known, ok := read[p]; ok && known.GetVersion() == e.GetVersion() {
			continue
		}
		delta[p] = e
	}
	return delta
}

// authorise (T7 to T9) checks versions and asks for every element that exists
// the policy that guards it so far. New elements need no permission of their
// own: the group that takes them in changes, and does need it; so it is with
// elements that disappear.
func (c *Config) authorise(delta, current elements, signed []policy.Signed) error {
	if len(delta) == 0 {
		return errors.New("the config update changes nothing")
	}
	by := signers{c, policy.Verify(c.MSPs, signed), len(signed), map[string]error{}}
	for _, p := range delta.places() {
		e := delta[p]
		if err := checkModPolicy(e.GetModPolicy()); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		now, ok := current[p]
		if !ok {
			if e.GetVersion() != 0 {
				return fmt.Errorf("%s: it is new, so its version must be 0, not %d", p, e.GetVersion())
			}
			continue
		}
		if e.GetVersion() != now.GetVersion()+1 {
			return fmt.Errorf("%s: the config update sets version %d, but the config has version %d", p, e.GetVersion(), now.GetVersion())
		}
		if err := by.allow(guard(p, now.GetModPolicy())); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

// signers are those of an update whose signatures count.
type signers struct {
	c      *Config
	ids    []*ident.Identity
	sent   int              // signatures, good or not
	judged map[string]error // by policy path
}

// allow asks the policy at a full path, each once.
func (s signers) allow(path string) error {
	if err, ok := s.judged[path]; ok {
		return err
	}
	var err error
	if !s.c.HasPolicy(path) {
		err = fmt.Errorf("it cannot be changed: its mod_policy %s does not exist", clip(path))
	} else if why := s.c.Policy(path).Evaluate(s.ids); why != nil {
		err = fmt.Errorf("policy %s does not allow the change: %w%s", path, why, s.beside(why.Error()))
	}
	s.judged[path] = err
	return err
}

// maxNamed is how many signers an error lists.
const maxNamed = 10

// beside is who signed, as far as a policy's words do not tell it.
func (s signers) beside(words string) string {
	text := ""
	if len(s.ids) == 0 {
		text = "; nobody's signature counts"
	} else if !strings.Contains(words, s.ids[0].String()) {
		names := make([]string, 0, maxNamed)
		for _, id := range s.ids[:min(len(s.ids), maxNamed)] {
			names = append(names, fmt.Sprintf("%s (%s)", id, strings.Join(id.Roles(), ", ")))
		}
		text = "; the update is signed by " + strings.Join(names, ", ")
		if more := len(s.ids) - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	if more := s.sent - len(s.ids); more > 0 {
		text += fmt.Sprintf("; %d of its %d signatures do not count, being repeated, wrong or of strangers", more, s.sent)
	}
	return text
}
