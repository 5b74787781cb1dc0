package channel

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-config/configtx"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// The rules of config updates once more, as simply as they can be written: over
// a table of rows, with paths as text and signers as letters.

// row is one element. A group's content is the names in it.
type row struct {
	version uint64
	guard   string
	content string
}

// table is a tree by "G /Channel/x", "V /Channel/x" or "P /Channel/x".
type table map[string]row

func tableOf(g *common.ConfigGroup) table {
	t := table{}
	if g != nil {
		t.fill("/Channel", g)
	}
	return t
}

func (t table) fill(path string, g *common.ConfigGroup) {
	var names []string
	for name, v := range g.Values {
		names = append(names, "V "+path+"/"+name)
		t["V "+path+"/"+name] = row{v.Version, v.ModPolicy, string(v.Value)}
	}
	for name, p := range g.Policies {
		names = append(names, "P "+path+"/"+name)
		t["P "+path+"/"+name] = row{p.Version, p.ModPolicy, string(p.GetPolicy().GetValue())}
	}
	for name, sub := range g.Groups {
		names = append(names, "G "+path+"/"+name)
		t.fill(path+"/"+name, sub)
	}
	slices.Sort(names)
	t["G "+path] = row{g.Version, g.ModPolicy, strings.Join(names, "\n")}
}

// judge is what the rules say to an update: the table after it, or false.
func (t table) judge(read, write table, allowed func(policy string) bool) (table, bool) {
	for key, r := range read {
		if now, ok := t[key]; !ok || now.version != r.version {
			return nil, false
		}
	}
	after, changes := maps.Clone(t), 0
	for key, w := range write {
		if r, ok := read[key]; ok && r.version == w.version {
			continue
		}
		changes++
		after[key] = w
		if !plausible(w.guard) {
			return nil, false
		}
		now, exists := t[key]
		switch {
		case !exists && w.version != 0:
			return nil, false
		case exists && (w.version != now.version+1 || !allowed(absolute(key, now.guard))):
			return nil, false
		}
	}
	if changes == 0 {
		return nil, false
	}
	kept := table{}
	kept.keep("G /Channel", after)
	return kept, true
}

// keep copies a row and, of a group, everything that it names.
func (t table) keep(key string, from table) {
	r := from[key]
	if r.guard == "" {
		r.guard = "Admins"
	}
	t[key] = r
	if strings.HasPrefix(key, "G ") && r.content != "" {
		for name := range strings.SplitSeq(r.content, "\n") {
			t.keep(name, from)
		}
	}
}

func plausible(guard string) bool {
	parts := strings.Split(guard, "/")
	if parts[0] == "" && len(parts) > 1 {
		parts = parts[1:]
	}
	return !slices.Contains(parts, "")
}

func absolute(key, guard string) string {
	path := key[2:]
	if key[0] != 'G' {
		path = path[:strings.LastIndex(path, "/")]
	}
	if strings.HasPrefix(guard, "/") {
		return guard
	}
	return path + "/" + guard
}

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
	c := &Config{ID: "channel1", Sequence: 4, Proto: &common.Config{Sequence: 4, ChannelGroup: root}, MSPs: w.set, policies: map[string]policy.Policy{}}
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

func TestUpdatesAreJudgedAsTheModelSays(t *testing.T) {
	w := newWorld(t)
	accepted, refused := 0, 0
	checkOften(t, func(t *rapid.T) {
		root := w.draw(t, 3)
		root.Policies["x"] = w.drawPolicy(t)
		original := proto.CloneOf(root)
		tx := configtx.New(&common.Config{ChannelGroup: root})
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			w.edit(t, tx.UpdatedConfig().ChannelGroup, 3)
		}
		u := &common.ConfigUpdate{}
		if raw, err := tx.ComputeMarshaledUpdate("channel1"); err != nil {
			u.ReadSet, u.WriteSet = w.draw(t, 1), w.draw(t, 1) // nothing changed
		} else if err := proto.Unmarshal(raw, u); err != nil {
			t.Fatal(err)
		}
		u.ChannelId = "channel1"
		for _, set := range []*common.ConfigGroup{u.ReadSet, u.WriteSet} {
			w.spoil(t, set)
		}
		raw, err := proto.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		by := rapid.SampledFrom([][]string{{"A", "B"}, {"B", "A", "B"}, {"A"}, nil}).Draw(t, "signers")

		c := w.config(root)
		allowed := func(path string) bool {
			p, ok := tableOf(root)["P "+path]
			return ok && slices.Contains(by, p.content)
		}
		want, ok := tableOf(root).judge(tableOf(u.ReadSet), tableOf(u.WriteSet), allowed)
		got, err := c.change(w.signed(t, raw, by))
		if (err == nil) != ok {
			t.Fatalf("the model says %v, the engine %v", ok, err)
		}
		if !proto.Equal(root, original) {
			t.Fatal("the config in force was changed")
		}
		if !ok {
			refused++
			return
		}
		accepted++
		if !maps.Equal(tableOf(got.root), want) {
			t.Fatalf("the model makes %v, the engine %v", want, tableOf(got.root))
		}
	})
	if accepted < refused/8 || refused < accepted/8 {
		t.Errorf("%d accepted and %d refused: too one-sided to tell", accepted, refused)
	}
}

// checkOften makes more of rapid's checks than its default of a hundred: a case
// takes half a millisecond.
func checkOften(t *testing.T, property func(*rapid.T)) {
	rounds := 10
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		rapid.Check(t, property)
	}
}

// What the library computes for two trees leads from the one to the other.
func TestUpdatesOfTheLibraryLeadWhereItSays(t *testing.T) {
	w := newWorld(t)
	checkOften(t, func(t *rapid.T) {
		root := w.draw(t, 3)
		root.Policies["x"] = &common.ConfigPolicy{ModPolicy: "/Channel/x", Policy: &common.Policy{Value: []byte("A")}}
		everywhere(root)
		tx := configtx.New(&common.Config{ChannelGroup: root})
		to := tx.UpdatedConfig().ChannelGroup
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			w.edit(t, to, 3)
		}
		raw, err := tx.ComputeMarshaledUpdate("channel1")
		if err != nil {
			t.Skip("nothing changed")
		}
		got, err := w.config(root).change(w.signed(t, raw, []string{"A"}))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.lost) > 0 {
			t.Fatalf("%s is lost", got.lost[0])
		}
		want := tableOf(to)
		for key, r := range want {
			want[key] = numbered(tableOf(root), key, r)
		}
		if !maps.Equal(tableOf(got.root), want) {
			t.Fatalf("the library makes %v, the engine %v", want, tableOf(got.root))
		}
	})
}

// numbered is a row of a new table in the version that it must have.
func numbered(before table, key string, r row) row {
	now, ok := before[key]
	switch {
	case !ok:
		r.version = 0
	case now.guard == r.guard && now.content == r.content:
		r.version = now.version
	default:
		r.version = now.version + 1
	}
	return r
}

// everywhere lets the policy /Channel/x guard the whole tree.
func everywhere(g *common.ConfigGroup) {
	g.ModPolicy = "/Channel/x"
	for _, v := range g.Values {
		v.ModPolicy = "/Channel/x"
	}
	for _, p := range g.Policies {
		p.ModPolicy = "/Channel/x"
	}
	for _, sub := range g.Groups {
		everywhere(sub)
	}
}
