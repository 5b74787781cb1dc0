package channeltest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-config/configtx"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Compute is the update from c to what change makes of its tree, and the config
// that it leads to, both as the library fabric-config computes them. Nobody has
// allowed it yet.
func Compute(tb testing.TB, c *channel.Config, change func(root *common.ConfigGroup)) (update []byte, to *common.Config) {
	tb.Helper()
	tx := configtx.New(c.Proto)
	to = tx.UpdatedConfig()
	change(to.ChannelGroup)
	update, err := tx.ComputeMarshaledUpdate(c.ID)
	if err != nil {
		tb.Fatal(err)
	}
	number(c.Proto.ChannelGroup, to.ChannelGroup)
	return update, to
}

// number gives every element of a tree the version that the update gives it. The
// library leaves the versions of what was put in as they are, and counts what is
// new inside new groups from one.
func number(before, after *common.ConfigGroup) {
	same := before.GetModPolicy() == after.ModPolicy && names(before) == names(after)
	after.Version = version(before != nil, same, before.GetVersion())
	for name, v := range after.Values {
		was, ok := before.GetValues()[name]
		same := was.GetModPolicy() == v.ModPolicy && bytes.Equal(was.GetValue(), v.Value)
		v.Version = version(ok, same, was.GetVersion())
	}
	for name, p := range after.Policies {
		was, ok := before.GetPolicies()[name]
		same := was.GetModPolicy() == p.ModPolicy && proto.Equal(was.GetPolicy(), p.Policy)
		p.Version = version(ok, same, was.GetVersion())
	}
	for name, g := range after.Groups {
		number(before.GetGroups()[name], g)
	}
}

func version(existed, same bool, before uint64) uint64 {
	switch {
	case !existed:
		return 0
	case same:
		return before
	}
	return before + 1
}

// names are those of everything that a group holds.
func names(g *common.ConfigGroup) string {
	return fmt.Sprint(slices.Sorted(maps.Keys(g.GetGroups())), slices.Sorted(maps.Keys(g.GetValues())), slices.Sorted(maps.Keys(g.GetPolicies())))
}

// Update is the CONFIG_UPDATE envelope for a change of c, signed by signers.
func Update(tb testing.TB, c *channel.Config, change func(root *common.ConfigGroup), signers ...*ca.Member) *common.Envelope {
	tb.Helper()
	update, _ := Compute(tb, c, change)
	return Sign(tb, c.ID, update, signers...)
}

// Sign puts a marshalled ConfigUpdate into a CONFIG_UPDATE envelope with the
// signatures of signers. The envelope itself is signed by the first of them.
func Sign(tb testing.TB, id string, update []byte, signers ...*ca.Member) *common.Envelope {
	tb.Helper()
	signed := &common.ConfigUpdateEnvelope{ConfigUpdate: update}
	for _, m := range signers {
		header := signatureHeader(tb, m, update)
		signed.Signatures = append(signed.Signatures, &common.ConfigSignature{
			SignatureHeader: header,
			Signature:       sign(tb, m, slices.Concat(header, update)),
		})
	}
	var submitter *ca.Member
	if len(signers) > 0 {
		submitter = signers[0]
	}
	return envelope(tb, common.HeaderType_CONFIG_UPDATE, id, signed, submitter)
}

// Next is the content of the config transaction for a change of c that signers
// have signed. It is put together without asking anybody: c.Next accepts it if
// the signers suffice and the config is sound, and refuses it otherwise.
func Next(tb testing.TB, c *channel.Config, change func(root *common.ConfigGroup), signers ...*ca.Member) *common.ConfigEnvelope {
	tb.Helper()
	update, to := Compute(tb, c, change)
	return &common.ConfigEnvelope{Config: to, LastUpdate: Sign(tb, c.ID, update, signers...)}
}

// Transaction is the CONFIG envelope that an orderer makes of a ConfigEnvelope.
func Transaction(tb testing.TB, id string, env *common.ConfigEnvelope, by *ca.Member) *common.Envelope {
	tb.Helper()
	return envelope(tb, common.HeaderType_CONFIG, id, env, by)
}

// BatchSize changes how many messages a block holds: the smallest change. The
// administrators of the ordering organisations must sign it.
func BatchSize(tb testing.TB, n uint32) func(root *common.ConfigGroup) {
	return func(root *common.ConfigGroup) {
		v, size := root.Groups["Orderer"].Values["BatchSize"], &orderer.BatchSize{}
		if err := proto.Unmarshal(v.Value, size); err != nil {
			tb.Fatal(err)
		}
		size.MaxMessageCount = n
		v.Value = marshal(tb, size)
	}
}

func envelope(tb testing.TB, kind common.HeaderType, id string, content proto.Message, signer *ca.Member) *common.Envelope {
	tb.Helper()
	data := marshal(tb, content)
	payload := &common.Payload{Data: data, Header: &common.Header{
		ChannelHeader: marshal(tb, &common.ChannelHeader{Type: int32(kind), ChannelId: id, Timestamp: timestamppb.New(catest.Epoch())}),
	}}
	if signer == nil {
		return &common.Envelope{Payload: marshal(tb, payload)}
	}
	payload.Header.SignatureHeader = signatureHeader(tb, signer, data)
	raw := marshal(tb, payload)
	return &common.Envelope{Payload: raw, Signature: sign(tb, signer, raw)}
}

// signatureHeader has a nonce made of what is signed, so that a test that runs
// again sees the same bytes.
func signatureHeader(tb testing.TB, m *ca.Member, content []byte) []byte {
	tb.Helper()
	nonce := sha256.Sum256(slices.Concat(m.Serialized, content))
	return marshal(tb, &common.SignatureHeader{Creator: m.Serialized, Nonce: nonce[:24]})
}

func sign(tb testing.TB, m *ca.Member, msg []byte) []byte {
	tb.Helper()
	sig, err := m.Signer().Sign(msg)
	if err != nil {
		tb.Fatal(err)
	}
	return sig
}

func marshal(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}
