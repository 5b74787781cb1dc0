package channel

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-config/configtx"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
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
