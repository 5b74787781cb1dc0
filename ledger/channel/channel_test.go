package channel_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

func orgs(tb testing.TB, names ...string) (*catest.Org, []*catest.Org) {
	var all []*catest.Org
	for _, n := range names {
		all = append(all, catest.New(tb, n))
	}
	return catest.NewOrderer(tb), all
}

func config(tb testing.TB, edits ...func(*genesis.Spec)) *channel.Config {
	tb.Helper()
	o, peers := orgs(tb, "Org1", "Org2")
	return channeltest.Config(tb, "channel1", o, peers, edits...)
}

func TestConfigAnswersWhatTheGenesisSays(t *testing.T) {
	c := config(t)
	if c.ID != "channel1" || c.Sequence != 0 || c.ConsensusType != channel.ConsensusRaft {
		t.Errorf("channel %q at %d with %q", c.ID, c.Sequence, c.ConsensusType)
	}
	if want := (channel.Batch{Timeout: 2 * time.Second, MaxMessageCount: 500, AbsoluteMaxBytes: 10 << 20, PreferredMaxBytes: 2 << 20}); c.Batch != want {
		t.Errorf("batch %+v, want %+v", c.Batch, want)
	}
	if got := c.MSPs.IDs(); !slices.Equal(got, []string{"OrdererMSP", "Org1MSP", "Org2MSP"}) {
		t.Errorf("MSPs %v", got)
	}
	if got := c.Application["Org2MSP"]; got == nil || got.Name != "Org2" || !slices.Equal(got.AnchorPeers, []string{"peer0.org2.example.com:7051"}) {
		t.Errorf("Org2 %+v", got)
	}
	if got := c.OrdererEndpoints(); !slices.Equal(got, []string{"orderer0.example.com:7050"}) {
		t.Errorf("orderer endpoints %v", got)
	}
	if len(c.Consenters) != 1 || c.Consenters[0].Host != "orderer0.example.com" || c.RaftOptions.ElectionTick != 10 {
		t.Errorf("consenters %v, options %v", c.Consenters, c.RaftOptions)
	}
	if want := (channel.Capabilities{Channel: []string{"V3_0"}, Orderer: []string{"V2_0"}, Application: []string{"V2_5"}}); !reflect.DeepEqual(c.Capabilities, want) {
		t.Errorf("capabilities %v", c.Capabilities)
	}
}

func TestACLsAreFabricsUnlessTheChannelOverrides(t *testing.T) {
	c := config(t, func(s *genesis.Spec) {
		s.Application.ACLs = map[string]string{"event/Block": "Org1/Admins", "peer/Propose": "/Channel/Admins"}
	})
	for resource, want := range map[string]string{
		"peer/Propose":                         "/Channel/Admins",
		"event/Block":                          "/Channel/Application/Org1/Admins",
		"qscc/GetChainInfo":                    "/Channel/Application/Readers",
		"_lifecycle/CommitChaincodeDefinition": "/Channel/Application/Writers",
		"no/such":                              "",
	} {
		if got := c.ACL(resource); got != want {
			t.Errorf("ACL(%s) = %q, want %q", resource, got, want)
		}
	}
}

// who maps a name to an identity of the channel.
func who(tb testing.TB, set *ident.Set, members ...*ca.Member) []*ident.Identity {
	tb.Helper()
	var ids []*ident.Identity
	for _, m := range members {
		id, err := set.Identity(m.Serialized)
		if err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestPoliciesOfTheTestNetwork(t *testing.T) {
	o, peers := orgs(t, "Org1", "Org2")
	one, two := peers[0], peers[1]
	c := channeltest.Config(t, "channel1", o, peers)
	for _, tc := range []struct {
		path string
		by   []*ca.Member
		ok   bool
	}{
		{"/Channel/Application/Readers", []*ca.Member{one.Peer("peer0")}, true},
		{"/Channel/Application/Writers", []*ca.Member{one.Peer("peer0")}, false},
		{"/Channel/Application/Writers", []*ca.Member{two.User("User1")}, true},
		{"/Channel/Application/Admins", []*ca.Member{one.Admin("Admin")}, false},
		{"/Channel/Application/Admins", []*ca.Member{one.Admin("Admin"), two.Admin("Admin")}, true},
		{"/Channel/Application/Endorsement", []*ca.Member{one.Peer("peer0"), two.Peer("peer0")}, true},
		{"/Channel/Application/Endorsement", []*ca.Member{one.Peer("peer0"), two.User("User1")}, false},
		{"/Channel/Application/LifecycleEndorsement", []*ca.Member{one.Peer("peer0")}, false},
		{"/Channel/Application/Org1/Readers", []*ca.Member{two.Peer("peer0")}, false},
		{"/Channel/Orderer/BlockValidation", []*ca.Member{o.Orderer("orderer0")}, true},
		{"/Channel/Orderer/BlockValidation", []*ca.Member{one.Peer("peer0")}, false},
		{"/Channel/Readers", []*ca.Member{o.Orderer("orderer0")}, true},
	} {
		if !c.HasPolicy(tc.path) {
			t.Errorf("%s is missing", tc.path)
		}
		if err := c.Policy(tc.path).Evaluate(who(t, c.MSPs, tc.by...)); (err == nil) != tc.ok {
			t.Errorf("%s by %d members: %v", tc.path, len(tc.by), err)
		}
	}
	if err := c.Policy("/Channel/Nobody").Evaluate(nil); err == nil || !strings.Contains(err.Error(), "/Channel/Nobody") {
		t.Errorf("a missing policy answers %v", err)
	}
}

func TestWithoutEndorsementPolicyAMajorityOfMembersDecides(t *testing.T) {
	o, peers := orgs(t, "Org1", "Org2", "Org3")
	c := edit(t, channeltest.Genesis(t, "channel1", o, peers), func(root *common.ConfigGroup) {
		delete(root.Groups["Application"].Policies, "Endorsement")
		delete(root.Groups["Application"].Policies, "LifecycleEndorsement")
	}).must(t)
	two := who(t, c.MSPs, peers[0].User("User1"), peers[2].Peer("peer0"))
	if err := c.EndorsementPolicy().Evaluate(two); err != nil {
		t.Errorf("two of three: %v", err)
	}
	if err := c.LifecycleEndorsementPolicy().Evaluate(two[:1]); err == nil {
		t.Error("one of three is enough")
	}
	if got := len(c.EndorsementLayouts()); got != 3 {
		t.Errorf("%d layouts, want the 3 pairs", got)
	}
}

func TestLayoutsFollowTheImplicitMetaRule(t *testing.T) {
	for rule, want := range map[string][]map[string]int{
		"ANY Endorsement":                    {{"Org1MSP": 1}, {"Org2MSP": 1}, {"Org3MSP": 1}},
		"MAJORITY Endorsement":               {{"Org1MSP": 1, "Org2MSP": 1}, {"Org1MSP": 1, "Org3MSP": 1}, {"Org2MSP": 1, "Org3MSP": 1}},
		"ALL Endorsement":                    {{"Org1MSP": 1, "Org2MSP": 1, "Org3MSP": 1}},
		"AND('Org1MSP.peer','Org3MSP.peer')": {{"Org1MSP": 1, "Org3MSP": 1}},
		"ALL Nothing":                        nil,
	} {
		o, peers := orgs(t, "Org1", "Org2", "Org3")
		c := channeltest.Config(t, "channel1", o, peers, func(s *genesis.Spec) {
			s.Application.Policies = genesis.Policies{"Endorsement": rule}
		})
		if got := c.EndorsementLayouts(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
}

// edited is a genesis block whose tree was changed, and its config read again.
type edited struct {
	cfg *channel.Config
	err error
}

func (e edited) must(tb testing.TB) *channel.Config {
	tb.Helper()
	if e.err != nil {
		tb.Fatal(e.err)
	}
	return e.cfg
}

func edit(tb testing.TB, b *common.Block, change func(root *common.ConfigGroup)) edited {
	tb.Helper()
	c, err := channel.FromBlock(b)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := proto.Clone(c.Proto).(*common.Config)
	change(cfg.ChannelGroup)
	c, err = channel.FromConfig(c.ID, cfg)
	return edited{c, err}
}

func put(g *common.ConfigGroup, key string, m proto.Message) {
	raw, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	g.Values[key] = &common.ConfigValue{Value: raw}
}

func TestARefusedConfigNamesWhatAndWhere(t *testing.T) {
	o, peers := orgs(t, "Org1", "Org2")
	b := channeltest.Genesis(t, "channel1", o, peers)
	type G = *common.ConfigGroup
	for name, tc := range map[string]struct {
		change func(root G)
		want   []string
	}{
		"unknown channel capability": {func(r G) {
			put(r, "Capabilities", &common.Capabilities{Capabilities: map[string]*common.Capability{"V9_9": {}, "V3_0": {}}})
		}, []string{"/Channel/Capabilities", `"V9_9"`}},
		"unknown application capability": {func(r G) {
			put(r.Groups["Application"], "Capabilities", &common.Capabilities{Capabilities: map[string]*common.Capability{"V7_0": {}}})
		}, []string{"/Channel/Application/Capabilities", `"V7_0"`}},
		"only old capabilities": {func(r G) {
			put(r.Groups["Orderer"], "Capabilities", &common.Capabilities{Capabilities: map[string]*common.Capability{"V1_4_2": {}}})
		}, []string{"/Channel/Orderer/Capabilities", "V2_0"}},
		"no orderer group": {func(r G) { delete(r.Groups, "Orderer") }, []string{"/Channel/Orderer", "missing"}},
		"unknown group":    {func(r G) { r.Groups["Other"] = &common.ConfigGroup{} }, []string{"/Channel/Other"}},
		"bad name":         {func(r G) { r.Groups["Application"].Groups["a/b"] = &common.ConfigGroup{} }, []string{"/Channel/Application", `"a/b"`}},
		"unknown value":    {func(r G) { put(r, "Colour", &common.HashingAlgorithm{}) }, []string{"/Channel/Colour"}},
		"another hash":     {func(r G) { put(r, "HashingAlgorithm", &common.HashingAlgorithm{Name: "MD5"}) }, []string{"/Channel/HashingAlgorithm", "MD5"}},
		"global endpoints": {func(r G) { put(r, "OrdererAddresses", &common.OrdererAddresses{Addresses: []string{"a:1"}}) }, []string{"/Channel/OrdererAddresses", "V3_0"}},
		"batch timeout":    {func(r G) { put(r.Groups["Orderer"], "BatchTimeout", &orderer.BatchTimeout{Timeout: "-1s"}) }, []string{"/Channel/Orderer/BatchTimeout", "-1s"}},
		"batch size": {func(r G) {
			put(r.Groups["Orderer"], "BatchSize", &orderer.BatchSize{MaxMessageCount: 1, AbsoluteMaxBytes: 1, PreferredMaxBytes: 2})
		}, []string{"/Channel/Orderer/BatchSize", "PreferredMaxBytes"}},
		"consensus type": {func(r G) { put(r.Groups["Orderer"], "ConsensusType", &orderer.ConsensusType{Type: "solo"}) }, []string{"/Channel/Orderer/ConsensusType", "solo"}},
		"no consenters":  {func(r G) { put(r.Groups["Orderer"], "ConsensusType", &orderer.ConsensusType{Type: "etcdraft"}) }, []string{"/Channel/Orderer/ConsensusType"}},
		"no endpoints":   {func(r G) { delete(r.Groups["Orderer"].Groups["Orderer"].Values, "Endpoints") }, []string{"/Channel/Orderer/Orderer/Endpoints"}},
		"anchor without port": {func(r G) {
			put(r.Groups["Application"].Groups["Org1"], "AnchorPeers", &peer.AnchorPeers{AnchorPeers: []*peer.AnchorPeer{{Host: "h"}}})
		}, []string{"/Channel/Application/Org1/AnchorPeers", "port"}},
		"no MSP": {func(r G) { delete(r.Groups["Application"].Groups["Org1"].Values, "MSP") }, []string{"/Channel/Application/Org1/MSP"}},
		"same MSP twice": {func(r G) {
			a := r.Groups["Application"].Groups
			a["Org2"].Values["MSP"] = a["Org1"].Values["MSP"]
		}, []string{"/Channel/Application/Org2/MSP", "Org1MSP"}},
		"foreign MSP under a known id": {func(r G) {
			put(r.Groups["Application"].Groups["Org1"], "MSP", foreignMSP(t, peers[0].Config()))
			put(r.Groups["Orderer"].Groups["Orderer"], "MSP", peers[0].Config())
		}, []string{"/Channel/Application/Org1/MSP", "Org1MSP"}},
		"no BlockValidation": {func(r G) { delete(r.Groups["Orderer"].Policies, "BlockValidation") }, []string{"/Channel/Orderer/BlockValidation"}},
		"policy of no type":  {func(r G) { r.Policies["Admins"] = &common.ConfigPolicy{} }, []string{"/Channel/Admins", "UNKNOWN"}},
		"policy of rubbish": {func(r G) {
			r.Groups["Application"].Policies["Writers"].Policy.Value = []byte{0xff}
		}, []string{"/Channel/Application/Writers"}},
		"too deep": {func(r G) {
			g := r.Groups["Application"].Groups["Org1"]
			for range 2 * channel.MaxDepth {
				g.Groups = map[string]*common.ConfigGroup{"g": {}}
				g = g.Groups["g"]
			}
		}, []string{"deeper"}},
		"too many": {func(r G) {
			for i := range channel.MaxElements {
				r.Values[fmt.Sprint(i)] = &common.ConfigValue{}
			}
		}, []string{"elements"}},
	} {
		err := edit(t, b, tc.change).err
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not mention %s", name, err, want)
			}
		}
	}
}

// foreignMSP is cfg without its TLS roots: the same id, other settings.
func foreignMSP(tb testing.TB, cfg *msp.MSPConfig) *msp.MSPConfig {
	tb.Helper()
	f := &msp.FabricMSPConfig{}
	if err := proto.Unmarshal(cfg.Config, f); err != nil {
		tb.Fatal(err)
	}
	f.OrganizationalUnitIdentifiers = nil
	f.FabricNodeOus = nil
	raw, err := proto.Marshal(f)
	if err != nil {
		tb.Fatal(err)
	}
	return &msp.MSPConfig{Config: raw}
}

func TestChannelsFromBeforeV3AreRead(t *testing.T) {
	o, peers := orgs(t, "Org1")
	c := edit(t, channeltest.Genesis(t, "channel1", o, peers), func(r *common.ConfigGroup) {
		put(r, "Capabilities", &common.Capabilities{Capabilities: map[string]*common.Capability{"V2_0": {}}})
		put(r, "OrdererAddresses", &common.OrdererAddresses{Addresses: []string{"orderer.example.com:7050"}})
		delete(r.Groups["Orderer"].Groups["Orderer"].Values, "Endpoints")
	}).must(t)
	if got := c.OrdererEndpoints(); !slices.Equal(got, []string{"orderer.example.com:7050"}) {
		t.Errorf("orderer endpoints %v", got)
	}
}

func TestJSONSpellsOutEverything(t *testing.T) {
	o, peers := orgs(t, "Org1", "Org2")
	text, err := channel.JSON(channeltest.Genesis(t, "channel1", o, peers, func(s *genesis.Spec) {
		s.Application.ACLs = map[string]string{"peer/Propose": "Writers"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	const group = "data.data.0.payload.data.config.channel_group."
	for path, want := range map[string]string{
		"data.data.0.payload.header.channel_header.channel_id":                                                 "channel1",
		group + "values.Capabilities.value.capabilities.V3_0":                                                  "map[]",
		group + "values.HashingAlgorithm.value.name":                                                           "SHA256",
		group + "policies.Admins.policy.value.rule":                                                            "MAJORITY",
		group + "groups.Orderer.values.BatchSize.value.max_message_count":                                      "500",
		group + "groups.Orderer.values.BatchTimeout.value.timeout":                                             "2s",
		group + "groups.Orderer.values.ConsensusType.value.type":                                               "etcdraft",
		group + "groups.Orderer.values.ConsensusType.value.metadata.consenters.0.host":                         "orderer0.example.com",
		group + "groups.Orderer.values.ConsensusType.value.metadata.options.tick_interval":                     "500ms",
		group + "groups.Orderer.groups.Orderer.values.Endpoints.value.addresses.0":                             "orderer0.example.com:7050",
		group + "groups.Orderer.groups.Orderer.values.MSP.value.config.name":                                   "OrdererMSP",
		group + "groups.Application.values.ACLs.value.acls.peer/Propose.policy_ref":                            "Writers",
		group + "groups.Application.groups.Org1.values.AnchorPeers.value.anchor_peers.0.host":                  "peer0.org1.example.com",
		group + "groups.Application.groups.Org2.policies.Endorsement.policy.value.identities.0.principal.role": "PEER",
	} {
		if got := fmt.Sprint(at(tree, strings.Split(path, "."))); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// at walks a JSON tree; a key that is a number walks a list.
func at(tree any, path []string) any {
	if len(path) == 0 {
		return tree
	}
	switch v := tree.(type) {
	case map[string]any:
		return at(v[path[0]], path[1:])
	case []any:
		var i int
		if _, err := fmt.Sscan(path[0], &i); err != nil || i >= len(v) {
			return nil
		}
		return at(v[i], path[1:])
	}
	return nil
}

func FuzzFromEnvelope(f *testing.F) {
	o, peers := orgs(f, "Org1", "Org2")
	b := channeltest.Genesis(f, "channel1", o, peers)
	f.Add(b.Data.Data[0])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		env := &common.Envelope{}
		if proto.Unmarshal(raw, env) != nil {
			return
		}
		c, err := channel.FromEnvelope(env)
		_, _ = channel.JSON(&common.Block{Data: &common.BlockData{Data: [][]byte{raw}}})
		if err != nil {
			return
		}
		// What was read can be asked.
		_, _ = c.EndorsementLayouts(), c.LifecycleLayouts()
		if c.EndorsementPolicy().Evaluate(nil) == nil && len(c.Application) > 0 && !c.HasPolicy(channel.EndorsementPath) {
			t.Error("nobody is a majority")
		}
	})
}
