package channel_test

import (
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

func ordererGroup(root tree) tree { return root.Groups["Orderer"] }

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

// consenters changes their list.
func consenters(tb testing.TB, edit func([]*etcdraft.Consenter) []*etcdraft.Consenter) func(tree) {
	return consensus(tb, func(ct *orderer.ConsensusType) {
		meta := decode(tb, ct.Metadata, &etcdraft.ConfigMetadata{})
		meta.Consenters = edit(meta.Consenters)
		ct.Metadata = encode(tb, meta)
	})
}

func (n testnet) addConsenters(tb testing.TB, names ...string) func(tree) {
	return consenters(tb, func(all []*etcdraft.Consenter) []*etcdraft.Consenter {
		for _, name := range names {
			m := n.orderers.Orderer(name)
			all = append(all, &etcdraft.Consenter{Host: m.Name, Port: 7050, ClientTlsCert: m.TLSCertPEM, ServerTlsCert: m.TLSCertPEM})
		}
		return all
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
