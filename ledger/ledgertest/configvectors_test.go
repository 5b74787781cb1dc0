package ledgertest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"google.golang.org/protobuf/proto"
)

// configCase is a change of the genesis configuration. Certificates and
// signatures come from a seed, so that Fabric could be asked about the same
// bytes.
type configCase struct {
	name string
	tx   ledgertest.ConfigTx
}

func configCases(n *ledgertest.Network) []configCase {
	app := func(f edit) edit { return func(g *common.ConfigGroup) { f(g.Groups["Application"]) } }
	leave := app(func(g *common.ConfigGroup) { delete(g.Groups, "Org3") })
	value := func(g *common.ConfigGroup) {
		v := &msp.MSPConfig{}
		if err := proto.Unmarshal(g.Groups["Org1"].Values["MSP"].Value, v); err != nil {
			panic(err)
		}
		g.Groups["Org1"].Values["AnchorPeers"].Value = nil
	}
	policy := app(func(g *common.ConfigGroup) {
		g.Policies["Endorsement"].Policy.Value = ledgertest.Encode(&common.ImplicitMetaPolicy{SubPolicy: "Endorsement", Rule: common.ImplicitMetaPolicy_ANY})
	})
	add := app(func(g *common.ConfigGroup) {
		g.Policies["Auditors"] = &common.ConfigPolicy{ModPolicy: "Admins", Policy: proto.CloneOf(g.Policies["Readers"].Policy)}
	})
	cases := []configCase{
		{"an organisation leaves", ledgertest.ConfigTx{Edit: leave}},
		{"a value of an organisation changes", ledgertest.ConfigTx{Edit: app(value)}},
		{"a policy changes", ledgertest.ConfigTx{Edit: policy}},
		{"a policy is added", ledgertest.ConfigTx{Edit: add}},
		{"several changes at once", ledgertest.ConfigTx{Edit: func(g *common.ConfigGroup) { leave(g); policy(g); add(g) }}},
		{"a mod_policy changes", ledgertest.ConfigTx{Edit: app(func(g *common.ConfigGroup) { g.Policies["Readers"].ModPolicy = "/Channel/Admins" })}},
		{"an administrator of one organisation changes its value", ledgertest.ConfigTx{Edit: app(value), Admins: []ident.Signer{n.Admin(0)}}},
		{"another organisation's administrator tries", ledgertest.ConfigTx{Edit: app(value), Admins: []ident.Signer{n.Admin(1)}}},
		{"a minority changes the application", ledgertest.ConfigTx{Edit: policy, Admins: []ident.Signer{n.Admin(0)}}},
		{"a majority changes the application", ledgertest.ConfigTx{Edit: policy, Admins: []ident.Signer{n.Admin(0), n.Admin(2)}}},
		{"an administrator signs twice", ledgertest.ConfigTx{Edit: policy, Admins: []ident.Signer{n.Admin(0), n.Admin(0)}}},
		{"nobody signs", ledgertest.ConfigTx{Edit: policy, Admins: []ident.Signer{}}},
		{"a client signs", ledgertest.ConfigTx{Edit: policy, Admins: []ident.Signer{n.Client(0), n.Client(1), n.Client(2)}}},
		{"another sequence", ledgertest.ConfigTx{Edit: policy, Config: func(c *common.Config) { c.Sequence = 5 }}},
		{"another result", ledgertest.ConfigTx{Edit: policy, Config: func(c *common.Config) { c.ChannelGroup.ModPolicy = "Writers" }}},
		{"another channel", ledgertest.ConfigTx{Edit: policy, Update: func(u *common.ConfigUpdate) { u.ChannelId = "channel2" }}},
		{"a stale read set", ledgertest.ConfigTx{Edit: policy, Update: func(u *common.ConfigUpdate) { u.ReadSet.Version = 3 }}},
		{"a read of what is not there", ledgertest.ConfigTx{Edit: policy, Update: func(u *common.ConfigUpdate) {
			u.ReadSet.Groups = map[string]*common.ConfigGroup{"Nowhere": {}}
		}}},
		{"a version left out", ledgertest.ConfigTx{Edit: policy, Update: func(u *common.ConfigUpdate) {
			u.WriteSet.Groups["Application"].Policies["Endorsement"].Version = 2
		}}},
		{"no mod_policy", ledgertest.ConfigTx{Edit: policy, Update: func(u *common.ConfigUpdate) {
			u.WriteSet.Groups["Application"].Policies["Endorsement"].ModPolicy = ""
		}}},
		{"no change", ledgertest.ConfigTx{Edit: policy, Update: func(u *common.ConfigUpdate) { u.WriteSet = u.ReadSet }}},
	}
	for i := range cases {
		cases[i].tx.From = n.Config.Proto
	}
	return cases
}

func TestConfigUpdatesGiveFabricsResults(t *testing.T) {
	type row struct {
		Name, Before, Result, Update string
		Valid                        bool
	}
	want := map[string]row{}
	for _, r := range vectors[row](t, "config") {
		want[r.Name] = r
	}
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	hash := func(m proto.Message) string {
		sum := sha256.Sum256(ledgertest.Encode(m))
		return hex.EncodeToString(sum[:])
	}
	for _, c := range configCases(n) {
		w, ok := want[c.name]
		if !ok || w.Before != hash(n.Config.Proto) {
			t.Fatalf("%s: the vector is missing, or of another configuration", c.name)
		}
		raw, _ := n.ConfigTx(c.tx)
		p, err := n.Payload(raw)
		if err != nil {
			t.Fatal(err)
		}
		env := &common.ConfigEnvelope{}
		if err := proto.Unmarshal(p.Data, env); err != nil {
			t.Fatal(err)
		}
		if next, err := n.Config.Next(env); (err == nil) != w.Valid {
			t.Errorf("%s: Fabric says %t, we %v", c.name, w.Valid, err)
		} else if err == nil && !proto.Equal(next.Proto, env.Config) {
			t.Errorf("%s: the next configuration is not that of the envelope", c.name)
		}
		result := ""
		if made, err := n.Config.Update(env.LastUpdate); err == nil {
			result = hash(made.Config)
		}
		if result != w.Result {
			t.Errorf("%s: an update gives %q, in Fabric %q", c.name, result, w.Result)
		}
	}
}

// The builder's own update is the one that Fabric's tools would make.
func TestTheBuildersUpdatesAreThoseOfFabricsTools(t *testing.T) {
	type row struct{ Name, Update string }
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	cases := map[string]configCase{}
	for _, c := range configCases(n) {
		cases[c.name] = c
	}
	for _, r := range vectors[row](t, "config") {
		tx := cases[r.Name].tx
		if tx.Update != nil || tx.Config != nil || tx.Admins != nil {
			continue
		}
		var got string
		tx.Update = func(u *common.ConfigUpdate) {
			sum := sha256.Sum256(ledgertest.Encode(u))
			got = hex.EncodeToString(sum[:])
		}
		n.ConfigTx(tx)
		if got != r.Update {
			t.Errorf("%s: the update is %s, by Fabric's tools %s", r.Name, got, r.Update)
		}
	}
}
