package channel_test

import (
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

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

// A capability changes what organisations may do, so none is taken over then.
func TestANewCapabilityIsHeldToByOldOrganisations(t *testing.T) {
	n := newTestnet(t)
	capabilities := func(name string) func(tree) {
		return func(r tree) {
			set(r, "Capabilities", &common.Capabilities{Capabilities: map[string]*common.Capability{name: {}}})
		}
	}
	ed := n.peers[0].User("Ed", ca.WithEd25519()).Serialized
	old, err := n.Next(channeltest.Next(t, n.Config, capabilities("V2_0"), n.everybody...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.MSPs.Identity(ed); err == nil {
		t.Error("Ed25519 without V3_0")
	}
	n.Config = old
	again, err := n.Next(channeltest.Next(t, old, capabilities("V3_0"), n.everybody...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.MSPs.Identity(ed); err != nil {
		t.Error(err)
	}
}
