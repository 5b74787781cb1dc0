package channel_test

import (
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"google.golang.org/protobuf/proto"
)

// anybodys is a channel that everybody may change without signing, so that a
// fuzzer gets beyond the first refusal.
func anybodys(tb testing.TB) *channel.Config {
	tb.Helper()
	o, peers := orgs(tb, "Org1", "Org2")
	cfg := proto.CloneOf(channeltest.Config(tb, "channel1", o, peers).Proto)
	free := encode(tb, &common.SignaturePolicyEnvelope{Rule: &common.SignaturePolicy{
		Type: &common.SignaturePolicy_NOutOf_{NOutOf: &common.SignaturePolicy_NOutOf{}}}})
	cfg.ChannelGroup.Policies["Admins"].Policy = &common.Policy{Type: int32(common.Policy_SIGNATURE), Value: free}
	guardBy(cfg.ChannelGroup, "/Channel/Admins")
	c, err := channel.FromConfig("channel1", cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func guardBy(g tree, path string) {
	g.ModPolicy = path
	for _, v := range g.Values {
		v.ModPolicy = path
	}
	for _, p := range g.Policies {
		p.ModPolicy = path
	}
	for _, sub := range g.Groups {
		guardBy(sub, path)
	}
}

// FuzzConfigUpdate takes a ConfigUpdate from outside: nothing panics, and peers
// accept what an orderer makes of it. What they accept, they read again alike.
func FuzzConfigUpdate(f *testing.F) {
	c := anybodys(f)
	for _, change := range []func(tree){
		channeltest.BatchSize(f, 10), addPolicy, maintenance(f),
		func(r tree) { delete(applicationGroup(r).Groups, "Org2") },
		func(r tree) { r.Values["HashingAlgorithm"].ModPolicy = "Admins" },
	} {
		raw, _ := channeltest.Compute(f, c, change)
		f.Add(raw)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		made, err := c.Update(channeltest.Sign(t, c.ID, raw))
		if err != nil {
			return
		}
		again := decode(t, encode(t, made), &common.ConfigEnvelope{})
		next, err := c.Next(again)
		if err != nil {
			t.Fatal(err)
		}
		if next.Sequence != c.Sequence+1 {
			t.Fatalf("sequence %d follows %d", next.Sequence, c.Sequence)
		}
		for _, line := range append(c.Diff(next), next.Diff(c)...) {
			if len(line) > 2000 {
				t.Fatalf("a line of %d bytes", len(line))
			}
		}
		if _, err := channel.FromConfig(c.ID, again.Config); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzConfigTransaction takes the content of a config transaction from outside.
func FuzzConfigTransaction(f *testing.F) {
	c := anybodys(f)
	f.Add(encode(f, channeltest.Next(f, c, channeltest.BatchSize(f, 10))))
	f.Add(encode(f, channeltest.Next(f, c, addPolicy)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		env := &common.ConfigEnvelope{}
		if proto.Unmarshal(raw, env) != nil {
			return
		}
		if next, err := c.Next(env); err == nil && next.Sequence != 1 {
			t.Fatalf("sequence %d", next.Sequence)
		}
	})
}
