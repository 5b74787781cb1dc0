package channel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/encoding/protowire"
)

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
		"two slashes":      {sized(func(u update) { batch(u).ModPolicy = "//Channel/Admins" }), []string{"BatchSize: mod_policy"}},
		"new, without mod_policy": {n.crafted(t, addPolicy, func(u update) {
			applicationGroup(u.WriteSet).Policies["Auditors"].ModPolicy = ""
		}, n.everybody...), []string{"policy /Channel/Application/Auditors: it has no mod_policy"}},
		"new, with bad mod_policy": {n.crafted(t, addPolicy, func(u update) {
			applicationGroup(u.WriteSet).Policies["Auditors"].ModPolicy = "a/../b"
		}, n.everybody...), []string{"policy /Channel/Application/Auditors: mod_policy"}},
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
		"too many signatures": {resigned(t, n, func(e *common.ConfigUpdateEnvelope) {
			e.Signatures = slices.Repeat(e.Signatures, channel.MaxUpdateSignatures+1)
		}), []string{"1001 signatures, at most 1000"}},
		"too much signed": {resigned(t, n, func(e *common.ConfigUpdateEnvelope) {
			e.ConfigUpdate, e.Signatures = make([]byte, channel.MaxSignedBytes/20), slices.Repeat(e.Signatures, 21)
		}), []string{"cover", "at most 134217728"}},
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
		env := channeltest.Next(t, n.Config, tc.change, n.everybody...)
		_, err := n.Update(env.LastUpdate)
		mention(t, err, tc.want)
		if _, err := n.Next(env); err != nil {
			t.Errorf("%s: peers: %v", name, err)
		}
	}
	if _, err := n.Update(channeltest.Update(t, n.Config, n.addConsenters(t, "orderer1"), n.admin)); err != nil {
		t.Error(err)
	}
	three, err := n.Next(channeltest.Next(t, n.Config, n.addConsenters(t, "orderer1", "orderer2"), n.admin))
	if err != nil {
		t.Fatal(err)
	}
	for remain, want := range map[int]string{1: "adds 0 and removes 2", 2: ""} {
		_, err := three.Update(channeltest.Update(t, three, consenters(t, func(all []*etcdraft.Consenter) []*etcdraft.Consenter { return all[:remain] }), n.admin))
		if want == "" && err != nil {
			t.Error(err)
		} else if want != "" {
			mention(t, err, want)
		}
	}
}
