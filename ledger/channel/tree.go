package channel

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// Limits on a config tree. They are far above what a channel needs and far
// below what would hurt a node that reads a hostile one.
const (
	// MaxEnvelopeBytes bounds a config envelope: a hundred organisations with a
	// full set of certificates stay under a tenth of it.
	MaxEnvelopeBytes = 16 << 20
	// MaxDepth is the depth of the group tree; Fabric's own is three (four with
	// the consortiums of a system channel).
	MaxDepth = 8
	// MaxElements bounds groups, values and policies together.
	MaxElements = 20_000
	// MaxNameBytes is Fabric's limit on channel ids and the names in the tree.
	MaxNameBytes = 249
	// MaxOrgs bounds the organisations of each side of a channel.
	MaxOrgs = 1_000
	// MaxEndpoints bounds each list of host:port in a config.
	MaxEndpoints = 1_000
)

// Paths of the tree's fixed groups.
const (
	rootPath        = "/Channel"
	ordererPath     = "/Channel/Orderer"
	applicationPath = "/Channel/Application"
)

// group is one group of the tree and where it stands.
type group struct {
	path string
	*common.ConfigGroup
}

// child returns a sub-group, or false.
func (g *group) child(name string) (*group, bool) {
	sub, ok := g.Groups[name]
	if !ok {
		return nil, false
	}
	return &group{path: g.path + "/" + name, ConfigGroup: sub}, true
}

// children are the sub-groups in order of their names.
func (g *group) children() []*group {
	var all []*group
	for _, name := range sortedKeys(g.Groups) {
		sub, _ := g.child(name)
		all = append(all, sub)
	}
	return all
}

// value decodes the value called name into msg; an absent value leaves msg empty.
func (g *group) value(name string, msg proto.Message) error {
	v, ok := g.Values[name]
	if !ok {
		return nil
	}
	if err := proto.Unmarshal(v.GetValue(), msg); err != nil {
		return fmt.Errorf("%s/%s: %w", g.path, name, err)
	}
	return nil
}

// onlyValues refuses a value that Fabric does not define for this group: what
// nobody reads could not be what its author meant.
func (g *group) onlyValues(allowed ...string) error {
	for _, name := range sortedKeys(g.Values) {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("%s/%s: unknown config value, known here are %v", g.path, name, allowed)
		}
	}
	return nil
}

// index walks the whole tree within the limits and lists its groups by path.
func index(root *common.ConfigGroup) (map[string]*group, error) {
	if root == nil {
		return nil, errors.New("the config has no channel group")
	}
	w := walker{groups: map[string]*group{}, left: MaxElements}
	if err := w.walk(&group{path: rootPath, ConfigGroup: root}, 1); err != nil {
		return nil, err
	}
	return w.groups, nil
}

type walker struct {
	groups map[string]*group
	left   int // elements that may still come
}

func (w *walker) walk(g *group, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("%s: the config tree is deeper than %d groups", g.path, MaxDepth)
	}
	if g.ConfigGroup == nil {
		return fmt.Errorf("%s: the group is empty", g.path)
	}
	w.left -= 1 + len(g.Groups) + len(g.Values) + len(g.Policies)
	if w.left < 0 {
		return fmt.Errorf("%s: the config tree has more than %d elements", g.path, MaxElements)
	}
	if err := cmp.Or(checkNames(g.path, g.Groups), checkNames(g.path, g.Values), checkNames(g.path, g.Policies)); err != nil {
		return err
	}
	if err := cmp.Or(checkPresent(g.path, g.Values), checkPresent(g.path, g.Policies)); err != nil {
		return err
	}
	w.groups[g.path] = g
	for _, sub := range g.children() {
		if err := w.walk(sub, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func checkNames[V any](path string, m map[string]V) error {
	for _, name := range sortedKeys(m) {
		if err := checkName(name); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// checkPresent refuses elements that are nil, which no bytes stand for.
func checkPresent[V any](path string, m map[string]*V) error {
	for _, name := range sortedKeys(m) {
		if m[name] == nil {
			return fmt.Errorf("%s/%s: the element is empty", path, name)
		}
	}
	return nil
}

// checkName holds the names of the tree to Fabric's alphabet.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > MaxNameBytes {
		return fmt.Errorf("a name in the config tree must have 1 to %d characters and not be a dot or two, this one is %q", MaxNameBytes, clip(name))
	}
	for _, r := range name {
		if !alphanumeric(r) && r != '.' && r != '-' {
			return fmt.Errorf("the name %q in the config tree may only hold letters, digits, dots and dashes", clip(name))
		}
	}
	return nil
}

// CheckID holds a channel id to Fabric's rule: a lower-case letter, then
// lower-case letters, digits, dots and dashes.
func CheckID(id string) error {
	if id == "" || len(id) > MaxNameBytes {
		return fmt.Errorf("a channel id has 1 to %d characters, this one has %d", MaxNameBytes, len(id))
	}
	for i, r := range id {
		lower := r >= 'a' && r <= 'z'
		if lower || i > 0 && (r >= '0' && r <= '9' || r == '.' || r == '-') {
			continue
		}
		return fmt.Errorf("channel id %q: it must start with a lower-case letter and hold only lower-case letters, digits, dots and dashes", clip(id))
	}
	return nil
}

// CheckEndpoint refuses what is not host:port with a port of 1 to 65535.
func CheckEndpoint(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("endpoint %q is not host:port", clip(s))
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("endpoint %q: the port must be a number from 1 to %d", clip(s), math.MaxUint16)
	}
	if host == "" || len(host) > 253 {
		return fmt.Errorf("endpoint %q: the host must have 1 to 253 characters", clip(s))
	}
	return nil
}

func checkEndpoints(path string, all []string) error {
	if len(all) > MaxEndpoints {
		return fmt.Errorf("%s: %d endpoints, at most %d are allowed", path, len(all), MaxEndpoints)
	}
	for _, e := range all {
		if err := CheckEndpoint(e); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// clip keeps foreign text in an error short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
