package channel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// kind tells a tree's elements apart: beside one another, a group, a value and
// a policy may have one name.
type kind string

const (
	groupKind  kind = "group"
	valueKind  kind = "value"
	policyKind kind = "policy"
)

// place is where an element stands in a tree.
type place struct {
	path string // full: /Channel/Orderer/BatchSize
	kind kind
}

func (p place) String() string { return string(p.kind) + " " + p.path }

// parent is the path of the group that holds the element, "" for the root.
func (p place) parent() string { return p.path[:strings.LastIndexByte(p.path, '/')] }

func comparePlaces(a, b place) int {
	if d := strings.Compare(a.path, b.path); d != 0 {
		return d
	}
	return strings.Compare(string(a.kind), string(b.kind))
}

// element is what Fabric versions and guards one by one: a group without what is
// in it but for the names, a value or a policy.
type element interface {
	GetVersion() uint64
	GetModPolicy() string
}

// elements are all elements of a tree, or of the part of one that a read or a
// write set is.
type elements map[place]element

// elementsOf takes a tree apart that came from outside. A missing tree has no
// elements.
func elementsOf(root *common.ConfigGroup) (elements, error) {
	if root == nil {
		return elements{}, nil
	}
	groups, err := index(root)
	if err != nil {
		return nil, err
	}
	return listed(groups), nil
}

// listed are the elements of groups that were held to the limits.
func listed(groups map[string]*group) elements {
	all := elements{}
	for path, g := range groups {
		all[place{path, groupKind}] = g.ConfigGroup
		for name, v := range g.Values {
			all[place{path + "/" + name, valueKind}] = v
		}
		for name, p := range g.Policies {
			all[place{path + "/" + name, policyKind}] = p
		}
	}
	return all
}

// places are in order of their paths, so that every node names the same first
// mistake.
func (all elements) places() []place {
	list := make([]place, 0, len(all))
	for p := range all {
		list = append(list, p)
	}
	slices.SortFunc(list, comparePlaces)
	return list
}

// checkModPolicy holds the name of the policy that guards an element to Fabric's
// form: names joined by slashes, with one in front if it is a full path. Whether
// there is such a policy is not looked at: an element whose policy is missing
// cannot be changed any more, except together with its group.
func checkModPolicy(name string) error {
	if name == "" {
		return errors.New("it has no mod_policy")
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		if err := checkName(part); err != nil {
			return fmt.Errorf("mod_policy %q: %w", clip(name), err)
		}
	}
	return nil
}

// guard is the full path of the policy that must allow a change of the element.
// A relative name is meant within the group itself, or within the group that
// holds the value or policy.
func guard(p place, modPolicy string) string {
	switch {
	case strings.HasPrefix(modPolicy, "/"):
		return modPolicy
	case p.kind == groupKind:
		return p.path + "/" + modPolicy
	}
	return p.parent() + "/" + modPolicy
}
