package channel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

type (
	tree   = *common.ConfigGroup
	update = *common.ConfigUpdate
)

// testnet is a channel of two organisations, and those who may change it.
type testnet struct {
	*channel.Config
	orderers   *catest.Org
	peers      []*catest.Org
	admin      *ca.Member   // of the orderers
	admins     []*ca.Member // of the peers
	everybody  []*ca.Member // all admins
	batchOfTen func(tree)
}

func newTestnet(tb testing.TB) testnet {
	o, peers := orgs(tb, "Org1", "Org2")
	n := testnet{Config: channeltest.Config(tb, "channel1", o, peers), orderers: o, peers: peers, admin: o.Admin("Admin")}
	for _, p := range peers {
		n.admins = append(n.admins, p.Admin("Admin"))
	}
	n.everybody = append(slices.Clone(n.admins), n.admin)
	n.batchOfTen = channeltest.BatchSize(tb, 10)
	return n
}

// crafted is the signed update for a change, edited before it was signed.
func (n testnet) crafted(tb testing.TB, change func(tree), edit func(update), signers ...*ca.Member) *common.Envelope {
	tb.Helper()
	raw, _ := channeltest.Compute(tb, n.Config, change)
	u := &common.ConfigUpdate{}
	if err := proto.Unmarshal(raw, u); err != nil {
		tb.Fatal(err)
	}
	edit(u)
	return channeltest.Sign(tb, n.ID, encode(tb, u), signers...)
}

func encode(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func decode[M proto.Message](tb testing.TB, raw []byte, m M) M {
	tb.Helper()
	if err := proto.Unmarshal(raw, m); err != nil {
		tb.Fatal(err)
	}
	return m
}

func ordererGroup(root tree) tree     { return root.Groups["Orderer"] }
func applicationGroup(root tree) tree { return root.Groups["Application"] }

func mention(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Error("accepted")
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not mention %q", err, w)
		}
	}
}

func TestAnAuthorisedUpdateBecomesTheNextConfig(t *testing.T) {
	n := newTestnet(t)
	made, err := n.Update(channeltest.Update(t, n.Config, n.batchOfTen, n.admin))
	if err != nil {
		t.Fatal(err)
	}
	if want := channeltest.Next(t, n.Config, n.batchOfTen, n.admin); !proto.Equal(made, want) {
		t.Fatalf("the library makes %v", want)
	}
	next, err := n.Next(made)
	if err != nil {
		t.Fatal(err)
	}
	if next.Sequence != 1 || next.Batch.MaxMessageCount != 10 || n.Batch.MaxMessageCount != 500 {
		t.Errorf("config %d with blocks of %d, before %d", next.Sequence, next.Batch.MaxMessageCount, n.Batch.MaxMessageCount)
	}
	if _, err := n.Next(made); err != nil {
		t.Errorf("asked again: %v", err)
	}
	_, err = next.Next(made)
	mention(t, err, "config 2", "sequence 1, the one in force 1")
}

func TestOrganisationsThatStayAreNotReadAgain(t *testing.T) {
	n := newTestnet(t)
	id, err := n.MSPs.Identity(n.admin.Serialized)
	if err != nil {
		t.Fatal(err)
	}
	next, err := n.Next(channeltest.Next(t, n.Config, func(r tree) { delete(applicationGroup(r).Groups, "Org2") }, n.everybody...))
	if err != nil {
		t.Fatal(err)
	}
	if next.MSPs.MSP("Org1MSP") != n.MSPs.MSP("Org1MSP") || next.MSPs.MSP("Org2MSP") != nil {
		t.Errorf("MSPs %v", next.MSPs.IDs())
	}
	if again, err := next.MSPs.Identity(n.admin.Serialized); err != nil || again != id {
		t.Errorf("a known identity was parsed again: %v", err)
	}
	if _, err := next.MSPs.Identity(n.admins[1].Serialized); err == nil {
		t.Error("a member of the removed organisation is known still")
	}
}

func TestARefusedUpdateSaysWhatAndWhere(t *testing.T) {
	n := newTestnet(t)
	none := func(update) {}
	sized := func(edit func(u update)) *common.Envelope { return n.crafted(t, n.batchOfTen, edit, n.admin) }
	batch := func(u update) *common.ConfigValue { return u.WriteSet.Groups["Orderer"].Values["BatchSize"] }
	stranger := catest.New(t, "Org9")
	cases := map[string]struct {
		env  *common.Envelope
		want []string
	}{
		"nothing":          {nil, []string{"there is no config update"}},
		"rubbish":          {&common.Envelope{Payload: []byte{0xff}}, []string{"parse the payload"}},
		"no header":        {&common.Envelope{}, []string{"has no header"}},
		"rubbish inside":   {payload(t, n.ID, common.HeaderType_CONFIG_UPDATE, []byte{0xff}), []string{"parse the signed config update"}},
		"a transaction":    {payload(t, n.ID, common.HeaderType_ENDORSER_TRANSACTION, nil), []string{"ENDORSER_TRANSACTION, not CONFIG_UPDATE"}},
		"rubbish signed":   {channeltest.Sign(t, n.ID, []byte{0xff}, n.admin), []string{"parse the config update"}},
		"too large":        {&common.Envelope{Payload: make([]byte, channel.MaxEnvelopeBytes+1)}, []string{"at most 16777216"}},
		"no changes":       {channeltest.Sign(t, n.ID, encode(t, &common.ConfigUpdate{ChannelId: n.ID}), n.admin), []string{"changes nothing"}},
		"other channel":    {sized(func(u update) { u.ChannelId = "channel2" }), []string{`for channel "channel2"`}},
		"stale read":       {sized(func(u update) { u.ReadSet.Version = 5 }), []string{"group /Channel:", "made from version 5, the config has version 0"}},
		"read of nothing":  {sized(func(u update) { u.ReadSet.Values = values("Nothing", 0) }), []string{"value /Channel/Nothing:", "does not have it"}},
		"bad name read":    {sized(func(u update) { u.ReadSet.Values = values("a/b", 0) }), []string{"read set: /Channel:", `"a/b"`}},
		"bad name written": {sized(func(u update) { u.WriteSet.Values = values("..", 0) }), []string{"write set: /Channel:", `".."`}},
		"read and written": {sized(func(u update) { u.ReadSet.Groups["Orderer"].Values = values("BatchSize", 1) }), []string{"value /Channel/Orderer/BatchSize:", "version 1"}},
		"version skipped":  {sized(func(u update) { batch(u).Version = 2 }), []string{"value /Channel/Orderer/BatchSize: the config update sets version 2, but the config has version 0"}},
		"version repeated": {sized(func(u update) { batch(u).Version = 0 }), []string{"sets version 0, but the config has version 0"}},
		"no mod_policy":    {sized(func(u update) { batch(u).ModPolicy = "" }), []string{"value /Channel/Orderer/BatchSize: it has no mod_policy"}},
		"bad mod_policy":   {sized(func(u update) { batch(u).ModPolicy = "/Channel//Admins" }), []string{"BatchSize: mod_policy"}},
		"slash mod_policy": {sized(func(u update) { batch(u).ModPolicy = "/" }), []string{"BatchSize: mod_policy"}},
		"new, versioned": {n.crafted(t, addPolicy, func(u update) {
			applicationGroup(u.WriteSet).Policies["Auditors"].Version = 1
		}, n.everybody...), []string{"policy /Channel/Application/Auditors: it is new, so its version must be 0, not 1"}},
		"new, without group": {n.crafted(t, n.batchOfTen, func(u update) {
			u.WriteSet.Policies = map[string]*common.ConfigPolicy{"New": {ModPolicy: "Admins"}}
		}, n.everybody...), []string{"policy /Channel/New: it is new, but group /Channel is not changed to hold it"}},
		"not signed": {n.crafted(t, n.batchOfTen, none), []string{
			"value /Channel/Orderer/BatchSize: policy /Channel/Orderer/Admins does not allow the change", "requires 1 of the 'Admins'", "nobody's signature counts"}},
		"signed by others": {n.crafted(t, n.batchOfTen, none, n.admins...), []string{
			"/Channel/Orderer/Admins", "OrdererMSP.admin", "signed by Admin@org1.example.com of Org1MSP (member, admin), Admin@org2"}},
		"signed by a peer":    {n.crafted(t, n.batchOfTen, none, n.orderers.Orderer("orderer0")), []string{"orderer0.example.com of OrdererMSP (member, orderer)"}},
		"signed by strangers": {n.crafted(t, n.batchOfTen, none, stranger.Admin("Admin"), stranger.Admin("Other")), []string{"nobody's signature counts; 2 of its 2 signatures do not count"}},
		"a minority":          {n.crafted(t, addPolicy, none, n.admins[0]), []string{"group /Channel/Application: policy /Channel/Application/Admins", "requires 2 of"}},
		"one admin twice":     {n.crafted(t, addPolicy, none, n.admins[0], n.admins[0]), []string{"1 sub-policies were satisfied", "1 of its 2 signatures do not count"}},
		"one change too many": {n.crafted(t, both(addPolicy, n.batchOfTen), none, n.admins...), []string{"value /Channel/Orderer/BatchSize: policy /Channel/Orderer/Admins"}},
		"too many signatures": {n.crafted(t, n.batchOfTen, none, slices.Repeat(n.admins[:1], channel.MaxUpdateSignatures+1)...), []string{"1001 signatures, at most 1000"}},
		"too much signed":     {channeltest.Sign(t, n.ID, make([]byte, channel.MaxSignedBytes/20), slices.Repeat(n.admins[:1], 21)...), []string{"cover", "at most 134217728"}},
		"bad signature header": {resigned(t, n, func(e *common.ConfigUpdateEnvelope) {
			e.Signatures[0].SignatureHeader = []byte{0xff}
		}), []string{"the header of signature 1"}},
		"signed something else": {resigned(t, n, func(e *common.ConfigUpdateEnvelope) {
			e.ConfigUpdate = encode(t, &common.ConfigUpdate{ChannelId: n.ID, ReadSet: &common.ConfigGroup{}, WriteSet: &common.ConfigGroup{Version: 1, ModPolicy: "Admins"}})
		}), []string{"group /Channel:", "nobody's signature counts; 1 of its 1"}},
		"too deep": {sized(func(u update) {
			g := u.WriteSet
			for range channel.MaxDepth {
				g.Groups = map[string]*common.ConfigGroup{"g": {}}
				g = g.Groups["g"]
			}
		}), []string{"write set:", "deeper than"}},
		"too many elements": {sized(func(u update) {
			u.ReadSet.Values = map[string]*common.ConfigValue{}
			for i := range channel.MaxElements {
				u.ReadSet.Values[fmt.Sprint(i)] = &common.ConfigValue{}
			}
		}), []string{"read set:", "elements"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			made, err := n.Update(tc.env)
			mention(t, err, tc.want...)
			if made != nil {
				t.Error("and still made")
			}
		})
	}
}

// What an update leads to is read as any config is, and must follow the one
// before it.
func TestAnUpdateToAnUnsoundConfigIsRefused(t *testing.T) {
	n := newTestnet(t)
	for name, tc := range map[string]struct {
		change func(tree)
		want   string
	}{
		"unknown value":  {func(r tree) { set(r, "Colour", &common.HashingAlgorithm{}) }, "/Channel/Colour: unknown config value"},
		"unknown group":  {func(r tree) { r.Groups["Consortiums"] = &common.ConfigGroup{ModPolicy: "Admins"} }, "/Channel/Consortiums"},
		"no orderers":    {func(r tree) { delete(r.Groups, "Orderer") }, "/Channel/Orderer: the group is missing"},
		"no application": {func(r tree) { delete(r.Groups, "Application") }, "/Channel/Application: the group is missing"},
		"unknown capability": {func(r tree) {
			set(r, "Capabilities", &common.Capabilities{Capabilities: map[string]*common.Capability{"V9": {}}})
		}, `"V9"`},
		"other consensus": {func(r tree) { set(ordererGroup(r), "ConsensusType", &orderer.ConsensusType{Type: "BFT"}) }, "/Channel/Orderer/ConsensusType"},
		"another MSP id": {func(r tree) {
			o, a := ordererGroup(r).Groups["Orderer"], applicationGroup(r).Groups["Org1"]
			a.Values["MSP"].Value = o.Values["MSP"].Value
		}, "/Channel/Application/Org1/MSP: the MSP id of an organisation cannot change, here from Org1MSP to OrdererMSP"},
		"another orderer's MSP id": {func(r tree) {
			o, a := ordererGroup(r).Groups["Orderer"], applicationGroup(r).Groups["Org1"]
			o.Values["MSP"].Value = a.Values["MSP"].Value
		}, "/Channel/Orderer/Orderer/MSP: the MSP id of an organisation cannot change, here from OrdererMSP to Org1MSP"},
		"no BlockValidation": {func(r tree) { delete(ordererGroup(r).Policies, "BlockValidation") }, "BlockValidation"},
		"policy of nothing":  {func(r tree) { r.Policies["Admins"].Policy = nil }, "/Channel/Admins"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := n.Update(channeltest.Update(t, n.Config, tc.change, n.everybody...))
			mention(t, err, tc.want)
			_, err = n.Next(channeltest.Next(t, n.Config, tc.change, n.everybody...))
			mention(t, err, tc.want)
		})
	}
}

func TestATransactionHoldsWhatItsUpdateMakes(t *testing.T) {
	n := newTestnet(t)
	type env = *common.ConfigEnvelope
	for name, tc := range map[string]struct {
		edit func(env)
		want []string
	}{
		"no config":        {func(e env) { e.Config = nil }, []string{"holds no config"}},
		"no tree":          {func(e env) { e.Config.ChannelGroup = nil }, []string{"/Channel: the transaction's config is not what its update makes of config 0"}},
		"no update":        {func(e env) { e.LastUpdate = nil }, []string{"there is no config update"}},
		"same sequence":    {func(e env) { e.Config.Sequence = 0 }, []string{"config 1 of channel channel1", "sequence 0, the one in force 0"}},
		"sequence skipped": {func(e env) { e.Config.Sequence = 2 }, []string{"sequence 2"}},
		"a value more":     {func(e env) { ordererGroup(e.Config.ChannelGroup).Values["More"] = &common.ConfigValue{} }, []string{"/Channel/Orderer/More: the transaction's"}},
		"a policy less":    {func(e env) { delete(e.Config.ChannelGroup.Policies, "Admins") }, []string{"/Channel/Admins: the transaction's"}},
		"a group less":     {func(e env) { delete(applicationGroup(e.Config.ChannelGroup).Groups, "Org2") }, []string{"/Channel/Application/Org2: the transaction's"}},
		"another value":    {func(e env) { e.Config.ChannelGroup.Values["HashingAlgorithm"].Value = nil }, []string{"/Channel/HashingAlgorithm: the transaction's"}},
		"another version":  {func(e env) { applicationGroup(e.Config.ChannelGroup).Groups["Org1"].Version++ }, []string{"/Channel/Application/Org1: the transaction's"}},
		"another policy":   {func(e env) { applicationGroup(e.Config.ChannelGroup).Policies["Admins"].ModPolicy = "Writers" }, []string{"/Channel/Application/Admins: the transaction's"}},
		"more than is known": {func(e env) {
			e.Config.ChannelGroup.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
		}, []string{"/Channel: the transaction's"}},
		"without the change": {func(e env) { e.Config.ChannelGroup = proto.CloneOf(n.Proto.ChannelGroup) }, []string{"/Channel/Orderer/BatchSize: the transaction's"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := channeltest.Next(t, n.Config, n.batchOfTen, n.admin)
			tc.edit(e)
			_, err := n.Next(e)
			mention(t, err, tc.want...)
		})
	}
	_, err := n.Next(nil)
	mention(t, err, "holds no config")
	_, err = n.Next(channeltest.Next(t, n.Config, n.batchOfTen, n.admins[0]))
	mention(t, err, "/Channel/Orderer/Admins does not allow the change", "Org1MSP")
}

func payload(tb testing.TB, id string, kind common.HeaderType, data []byte) *common.Envelope {
	tb.Helper()
	return &common.Envelope{Payload: encode(tb, &common.Payload{Data: data, Header: &common.Header{
		ChannelHeader: encode(tb, &common.ChannelHeader{Type: int32(kind), ChannelId: id})}})}
}

func values(name string, version uint64) map[string]*common.ConfigValue {
	return map[string]*common.ConfigValue{name: {Version: version, ModPolicy: "Admins"}}
}

// addPolicy changes the membership of the application group, and so the group.
func addPolicy(r tree) {
	app := applicationGroup(r)
	app.Policies["Auditors"] = &common.ConfigPolicy{ModPolicy: "Admins", Policy: app.Policies["Readers"].Policy}
}

func both(a, b func(tree)) func(tree) { return func(r tree) { a(r); b(r) } }

func set(g tree, key string, m proto.Message) {
	put(g, key, m)
	g.Values[key].ModPolicy = "Admins"
}

func consensus(tb testing.TB, edit func(*orderer.ConsensusType)) func(tree) {
	return func(r tree) {
		v := ordererGroup(r).Values["ConsensusType"]
		ct := decode(tb, v.Value, &orderer.ConsensusType{})
		edit(ct)
		v.Value = encode(tb, ct)
	}
}

func maintenance(tb testing.TB) func(tree) {
	return consensus(tb, func(ct *orderer.ConsensusType) { ct.State = orderer.ConsensusType_STATE_MAINTENANCE })
}

func (n testnet) addConsenters(tb testing.TB, names ...string) func(tree) {
	return consensus(tb, func(ct *orderer.ConsensusType) {
		meta := decode(tb, ct.Metadata, &etcdraft.ConfigMetadata{})
		for _, name := range names {
			m := n.orderers.Orderer(name)
			meta.Consenters = append(meta.Consenters, &etcdraft.Consenter{Host: m.Name, Port: 7050, ClientTlsCert: m.TLSCertPEM, ServerTlsCert: m.TLSCertPEM})
		}
		ct.Metadata = encode(tb, meta)
	})
}

// resigned is a good update, edited after it was signed.
func resigned(tb testing.TB, n testnet, edit func(*common.ConfigUpdateEnvelope)) *common.Envelope {
	tb.Helper()
	env := channeltest.Update(tb, n.Config, n.batchOfTen, n.admin)
	p := decode(tb, env.Payload, &common.Payload{})
	u := decode(tb, p.Data, &common.ConfigUpdateEnvelope{})
	edit(u)
	return payload(tb, n.ID, common.HeaderType_CONFIG_UPDATE, encode(tb, u))
}

// What looks odd and is right all the same, because Fabric's peers accept it.
func TestWhatFabricAcceptsIsAccepted(t *testing.T) {
	n := newTestnet(t)
	for name, tc := range map[string]struct {
		change  func(tree)
		edit    func(update)
		signers []*ca.Member
		result  func(tree) // of change, nil for that itself
	}{
		"isolated data means nothing": {n.batchOfTen, func(u update) {
			u.IsolatedData = map[string][]byte{"pkg": {1}}
		}, n.everybody[2:], nil},
		"content that was read is not looked at": {n.batchOfTen, func(u update) {
			u.ReadSet.ModPolicy = "x/y"
			u.ReadSet.Values = map[string]*common.ConfigValue{"HashingAlgorithm": {Value: []byte("MD5")}}
		}, n.everybody[2:], nil},
		"content repeated in its version is not looked at": {n.batchOfTen, func(u update) {
			u.ReadSet.Values = values("HashingAlgorithm", 0)
			u.WriteSet.Values = map[string]*common.ConfigValue{"HashingAlgorithm": {Value: []byte("MD5")}}
		}, n.everybody[2:], nil},
		"what disappears is not asked": {func(r tree) { delete(applicationGroup(r).Groups, "Org2") }, nil, n.admins, nil},
		"what is new is not asked": {func(r tree) {
			org := proto.CloneOf(applicationGroup(r).Groups["Org1"])
			org.ModPolicy, org.Values["MSP"].Value = "Nobody", encode(t, catest.New(t, "Org3").Config())
			applicationGroup(r).Groups["Org3"] = org
		}, nil, n.admins, nil},
		"an organisation changes itself": {func(r tree) {
			applicationGroup(r).Groups["Org1"].Values["AnchorPeers"].Value = nil
		}, nil, n.admins[:1], nil},
		"only the policy in force is asked": {func(r tree) {
			applicationGroup(r).Groups["Org1"].ModPolicy = "/Channel/Orderer/Admins"
		}, nil, n.admins[:1], nil},
		"two consenters at once": {n.addConsenters(t, "orderer1", "orderer2"), nil, n.everybody[2:], nil},
		"maintenance mode":       {maintenance(t), nil, n.everybody[2:], nil},
		"what no group takes in is lost": {n.batchOfTen, func(u update) {
			u.WriteSet.Values = values("Colour", 0)
		}, n.everybody[2:], nil},
		"nothing but what is lost, and nobody signed": {n.batchOfTen, func(u update) {
			u.WriteSet = &common.ConfigGroup{Values: values("Colour", 0)}
		}, nil, func(tree) {}},
		"fields nobody knows": {func(r tree) {
			addPolicy(r)
			applicationGroup(r).ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
		}, func(u update) {
			applicationGroup(u.WriteSet).ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
		}, n.admins, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.edit == nil {
				tc.edit = func(update) {}
			}
			_, to := channeltest.Compute(t, n.Config, tc.change)
			if tc.result != nil {
				to = proto.CloneOf(n.Proto)
				to.Sequence++
			}
			next, err := n.Next(&common.ConfigEnvelope{Config: to, LastUpdate: n.crafted(t, tc.change, tc.edit, tc.signers...)})
			if err != nil {
				t.Fatal(err)
			}
			if next.Sequence != 1 {
				t.Errorf("sequence %d", next.Sequence)
			}
		})
	}
}

// And what an orderer does not make of an update although peers would take it.
func TestOrderersAreStricterThanPeers(t *testing.T) {
	n := newTestnet(t)
	for name, tc := range map[string]struct {
		change func(tree)
		want   string
	}{
		"maintenance":    {maintenance(t), "STATE_MAINTENANCE"},
		"two consenters": {n.addConsenters(t, "orderer1", "orderer2"), "adds 2 and removes 0"},
		"a large config": {func(r tree) {
			m := decode(t, applicationGroup(r).Policies["Readers"].Policy.Value, &common.ImplicitMetaPolicy{})
			m.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), make([]byte, channel.MaxEnvelopeBytes/2)))
			applicationGroup(r).Policies["Readers"].Policy.Value = encode(t, m)
		}, "at most 16711680"},
	} {
		_, err := n.Update(channeltest.Update(t, n.Config, tc.change, n.everybody...))
		mention(t, err, tc.want)
		if _, err := n.Next(channeltest.Next(t, n.Config, tc.change, n.everybody...)); err != nil {
			t.Errorf("%s: peers: %v", name, err)
		}
	}
	if _, err := n.Update(channeltest.Update(t, n.Config, n.addConsenters(t, "orderer1"), n.admin)); err != nil {
		t.Error(err)
	}
}

// Channels from Fabric 1.0 have elements without mod_policy.
func TestMissingModPoliciesAreFilledInAsFabricDoes(t *testing.T) {
	n := newTestnet(t)
	old := proto.CloneOf(n.Proto)
	root := old.ChannelGroup
	root.Values["HashingAlgorithm"].ModPolicy, root.Policies["Readers"].ModPolicy, ordererGroup(root).ModPolicy = "", "", ""
	c, err := channel.FromConfig(n.ID, old)
	if err != nil {
		t.Fatal(err)
	}
	env := channeltest.Update(t, c, n.batchOfTen, n.admin)
	made, err := c.Update(env)
	if err != nil {
		t.Fatal(err)
	}
	got := made.Config.ChannelGroup
	if got.Values["HashingAlgorithm"].ModPolicy != "Admins" || got.Policies["Readers"].ModPolicy != "Admins" || ordererGroup(got).ModPolicy != "Admins" {
		t.Error("an element is without mod_policy still")
	}
	if root.Values["HashingAlgorithm"].ModPolicy != "" {
		t.Error("the config in force was changed")
	}
	if _, err := c.Next(made); err != nil {
		t.Error(err)
	}
	_, err = c.Update(channeltest.Update(t, c, func(r tree) { r.Values["HashingAlgorithm"].ModPolicy = "Writers" }, n.everybody...))
	mention(t, err, "value /Channel/HashingAlgorithm: it cannot be changed: its mod_policy /Channel/ does not exist")
}
