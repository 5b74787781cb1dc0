package channel

import (
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// world draws trees whose policies are satisfied by one signer each: the content
// of policy X is the organisation that satisfies it.
type world struct {
	set     *ident.Set
	members map[string]*ca.Member
	by      map[string]policy.Policy
}

func newWorld(tb testing.TB) world {
	w := world{members: map[string]*ca.Member{}, by: map[string]policy.Policy{}}
	var all []*catest.Org
	for _, name := range []string{"A", "B"} {
		all = append(all, catest.New(tb, name))
		w.members[name] = all[len(all)-1].Admin("Admin")
	}
	w.set = catest.Set(tb, all...)
	for name := range w.members {
		env, err := policy.Parse("OR('" + name + "MSP.admin')")
		if err != nil {
			tb.Fatal(err)
		}
		if w.by[name], err = policy.FromSignature(w.set, env); err != nil {
			tb.Fatal(err)
		}
	}
	return w
}

var modelNames = rapid.SampledFrom([]string{"x", "y", "Z"})

// guards are mostly ones that exist somewhere.
var modelGuards = rapid.SampledFrom([]string{"x", "y", "x/y", "/Channel/x/y", "/Channel", "/Other/x",

	"/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x", "/Channel/x"})

func (w world) draw(t *rapid.T, depth int) *common.ConfigGroup {
	g := &common.ConfigGroup{
		Version: rapid.Uint64Range(0, 3).Draw(t, "version"), ModPolicy: modelGuards.Draw(t, "guard"),
		Groups: map[string]*common.ConfigGroup{}, Values: map[string]*common.ConfigValue{}, Policies: map[string]*common.ConfigPolicy{},
	}
	for range rapid.IntRange(0, 2).Draw(t, "values") {
		g.Values[modelNames.Draw(t, "name")] = w.drawValue(t)
	}
	for range rapid.IntRange(0, 3).Draw(t, "policies") {
		g.Policies[modelNames.Draw(t, "name")] = w.drawPolicy(t)
	}
	if depth > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "groups") {
			g.Groups[modelNames.Draw(t, "name")] = w.draw(t, depth-1)
		}
	}
	return g
}

func (w world) drawValue(t *rapid.T) *common.ConfigValue {
	return &common.ConfigValue{Version: rapid.Uint64Range(0, 3).Draw(t, "version"), ModPolicy: modelGuards.Draw(t, "guard"),
		Value: []byte(rapid.SampledFrom([]string{"1", "2"}).Draw(t, "value"))}
}

func (w world) drawPolicy(t *rapid.T) *common.ConfigPolicy {
	return &common.ConfigPolicy{Version: rapid.Uint64Range(0, 3).Draw(t, "version"), ModPolicy: modelGuards.Draw(t, "guard"),
		Policy: &common.Policy{Value: []byte(rapid.SampledFrom([]string{"A", "A", "B"}).Draw(t, "by"))}}
}

// edit changes some of a tree, as an administrator would.
func (w world) edit(t *rapid.T, g *common.ConfigGroup, depth int) {
	withMaps(g)
	name := modelNames.Draw(t, "name")
	switch rapid.IntRange(0, 9).Draw(t, "edit") {
	case 0:
		g.Values[name] = w.drawValue(t)
	case 1:
		delete(g.Values, name)
	case 2:
		g.Policies[name] = w.drawPolicy(t)
	case 3:
		delete(g.Policies, name)
	case 4:
		delete(g.Groups, name)
	case 5:
		g.ModPolicy = modelGuards.Draw(t, "guard")
	case 6:
		if depth > 0 {
			g.Groups[name] = w.draw(t, depth-1)
		}
	default:
		if sub := g.Groups[name]; sub != nil {
			w.edit(t, sub, depth-1)
		} else if v := g.Values[name]; v != nil {
			v.Value = append(v.Value, '!')
		} else {
			g.Values[name] = w.drawValue(t)
		}
	}
}

// withMaps gives a group back the maps that a copy of empty ones lacks.
func withMaps(g *common.ConfigGroup) {
	if g.Groups == nil {
		g.Groups = map[string]*common.ConfigGroup{}
	}
	if g.Values == nil {
		g.Values = map[string]*common.ConfigValue{}
	}
	if g.Policies == nil {
		g.Policies = map[string]*common.ConfigPolicy{}
	}
}

// spoil makes a small mistake somewhere in a read or a write set, or none.
func (w world) spoil(t *rapid.T, g *common.ConfigGroup) {
	name := modelNames.Draw(t, "spoil")
	switch rapid.IntRange(0, 40).Draw(t, "mistake") {
	case 0:
		g.Version += rapid.Uint64Range(0, 2).Draw(t, "more") - 1
	case 1:
		if v := g.Values[name]; v != nil {
			v.Version++
		}
	case 2:
		g.Values = map[string]*common.ConfigValue{name: w.drawValue(t)}
	case 3:
		delete(g.Groups, name)
	case 4:
		delete(g.Policies, name)
	case 5:
		if p := g.Policies[name]; p != nil {
			p.ModPolicy = rapid.SampledFrom([]string{"", "/", "a//b", "fine"}).Draw(t, "guard")
		}
	case 6:
		g.ModPolicy = ""
	default:
		for _, sub := range sortedKeys(g.Groups) {
			w.spoil(t, g.Groups[sub])
			return
		}
	}
}

// config is a Config of which only what judges updates is there.
func (w world) config(root *common.ConfigGroup) *Config {
	groups, err := index(root)
	if err != nil {
		panic(err) // drawn trees are within the limits
	}
	c := &Config{ID: "channel1", Sequence: 4, groups: groups, MSPs: w.set, policies: map[string]policy.Policy{}}
	for key, r := range tableOf(root) {
		if key[0] == 'P' {
			c.policies[key[2:]] = w.by[r.content]
		}
	}
	return c
}

// signed is the update in its envelope, signed by some.
func (w world) signed(t *rapid.T, update []byte, by []string) *common.Envelope {
	env := &common.ConfigUpdateEnvelope{ConfigUpdate: update}
	for _, name := range by {
		header, err := proto.Marshal(&common.SignatureHeader{Creator: w.members[name].Serialized})
		if err != nil {
			t.Fatal(err)
		}
		sig, err := w.members[name].Signer().Sign(slices.Concat(header, update))
		if err != nil {
			t.Fatal(err)
		}
		env.Signatures = append(env.Signatures, &common.ConfigSignature{SignatureHeader: header, Signature: sig})
	}
	return wrapUpdate(t, env)
}

func wrapUpdate(t interface{ Fatal(...any) }, env *common.ConfigUpdateEnvelope) *common.Envelope {
	header, err := proto.Marshal(&common.ChannelHeader{Type: int32(common.HeaderType_CONFIG_UPDATE)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(&common.Payload{Header: &common.Header{ChannelHeader: header}, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return &common.Envelope{Payload: raw}
}
