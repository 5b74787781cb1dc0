package channel

import "github.com/hyperledger/fabric-protos-go-apiv2/common"

// fabricFallback is the mod_policy that Fabric gives, without a new version, to
// all elements that have none, whenever a config changes: channels made by
// Fabric 1.0 could not be changed otherwise.
const fabricFallback = "Admins"

// build (T11, T12) puts the new tree together from the root down: each group
// holds what its newest form names, so that what is not named disappears.
func build(current, delta elements) *changed {
	b := builder{current: current, delta: delta, used: map[place]bool{}}
	made := &changed{root: b.group(rootPath)}
	for _, p := range delta.places() {
		if !b.used[p] {
			made.lost = append(made.lost, p)
		}
	}
	return made
}

type builder struct {
	current, delta elements
	used           map[place]bool
}

func (b *builder) take(p place) element {
	if e, ok := b.delta[p]; ok {
		b.used[p] = true
		return e
	}
	return b.current[p]
}

func (b *builder) group(path string) *common.ConfigGroup {
	made := &common.ConfigGroup{
		Groups: map[string]*common.ConfigGroup{}, Values: map[string]*common.ConfigValue{}, Policies: map[string]*common.ConfigPolicy{},
	}
	from, ok := b.take(place{path, groupKind}).(*common.ConfigGroup)
	if !ok {
		return made // never: a group names what its own tree holds
	}
	made.Version, made.ModPolicy = from.GetVersion(), from.GetModPolicy()
	if made.ModPolicy == "" {
		made.ModPolicy = fabricFallback
	}
	made.ProtoReflect().SetUnknown(from.ProtoReflect().GetUnknown())
	for name := range from.GetGroups() {
		made.Groups[name] = b.group(path + "/" + name)
	}
	for name := range from.GetValues() {
		made.Values[name] = b.value(place{path + "/" + name, valueKind})
	}
	for name := range from.GetPolicies() {
		made.Policies[name] = b.policy(place{path + "/" + name, policyKind})
	}
	return made
}

func (b *builder) value(p place) *common.ConfigValue {
	v, _ := b.take(p).(*common.ConfigValue)
	if v.GetModPolicy() != "" {
		return v
	}
	made := &common.ConfigValue{Version: v.GetVersion(), Value: v.GetValue(), ModPolicy: fabricFallback}
	made.ProtoReflect().SetUnknown(v.ProtoReflect().GetUnknown())
	return made
}

func (b *builder) policy(p place) *common.ConfigPolicy {
	v, _ := b.take(p).(*common.ConfigPolicy)
	if v.GetModPolicy() != "" {
		return v
	}
	made := &common.ConfigPolicy{Version: v.GetVersion(), Policy: v.GetPolicy(), ModPolicy: fabricFallback}
	made.ProtoReflect().SetUnknown(v.ProtoReflect().GetUnknown())
	return made
}
