package ledgertest

import (
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ConfigTx describes a change of the configuration: from one config to what
// Edit makes of a copy of its channel group.
type ConfigTx struct {
	From *common.Config
	Edit func(*common.ConfigGroup)
	// Admins sign the update; every administrator of the network.
	Admins []ident.Signer

	// The rest spoils a part before what signs it is made.
	Update func(*common.ConfigUpdate)
	Config func(*common.Config)
	Header func(*common.ChannelHeader)
	Data   func([]byte) []byte
}

// ConfigTx makes the CONFIG envelope that an orderer cuts into a block of its
// own, and the config that holds after it.
func (n *Network) ConfigTx(t ConfigTx) ([]byte, *common.Config) {
	before := t.From.GetChannelGroup()
	after := proto.Clone(before).(*common.ConfigGroup)
	t.Edit(after)
	read, write, _ := difference(before, after)
	update := &common.ConfigUpdate{ChannelId: n.Channel, ReadSet: read, WriteSet: write}
	edit(t.Update, update)
	config := &common.Config{Sequence: t.From.GetSequence() + 1, ChannelGroup: after}
	edit(t.Config, config)
	data := Encode(&common.ConfigEnvelope{Config: config, LastUpdate: n.update(&t, Encode(update))})
	return n.config(&t, n.OrdererNode(), common.HeaderType_CONFIG, change(t.Data, data)), config
}

// update is the signed CONFIG_UPDATE that a client sends to an orderer.
func (n *Network) update(t *ConfigTx, raw []byte) *common.Envelope {
	admins := t.Admins
	if admins == nil {
		admins = []ident.Signer{n.OrdererAdmin()}
		for i := range n.Orgs {
			admins = append(admins, n.Admin(i))
		}
	}
	update := &common.ConfigUpdateEnvelope{ConfigUpdate: raw}
	for _, a := range admins {
		header := Encode(&common.SignatureHeader{Creator: a.Serialized(), Nonce: n.nonce()})
		update.Signatures = append(update.Signatures, &common.ConfigSignature{
			SignatureHeader: header, Signature: n.Sign(a, slices.Concat(header, raw)),
		})
	}
	env := &common.Envelope{}
	inner := n.config(&ConfigTx{}, n.Admin(0), common.HeaderType_CONFIG_UPDATE, Encode(update))
	if err := proto.Unmarshal(inner, env); err != nil {
		n.tb.Fatal(err)
	}
	return env
}

func (n *Network) config(t *ConfigTx, signer ident.Signer, typ common.HeaderType, data []byte) []byte {
	ch := &common.ChannelHeader{Type: int32(typ), ChannelId: n.Channel, Timestamp: &timestamppb.Timestamp{Seconds: 1767225600}}
	edit(t.Header, ch)
	payload := Encode(&common.Payload{
		Header: &common.Header{
			ChannelHeader:   Encode(ch),
			SignatureHeader: Encode(&common.SignatureHeader{Creator: signer.Serialized(), Nonce: n.nonce()}),
		},
		Data: data,
	})
	return Encode(&common.Envelope{Payload: payload, Signature: n.Sign(signer, payload)})
}

// difference compares two versions of a group, bumps the versions of what
// changed in after, and makes the least read set and write set between them.
func difference(before, after *common.ConfigGroup) (read, write *common.ConfigGroup, changed bool) {
	read, write = &common.ConfigGroup{Version: before.GetVersion()}, &common.ConfigGroup{Version: before.GetVersion()}
	same := &common.ConfigGroup{Version: before.GetVersion()}
	members := before.GetModPolicy() != after.GetModPolicy()
	members = compare(before.GetValues(), after.GetValues(), &same.Values, &write.Values, bumpValue) || members
	members = compare(before.GetPolicies(), after.GetPolicies(), &same.Policies, &write.Policies, bumpPolicy) || members
	bumpGroup := func(old, new *common.ConfigGroup) (*common.ConfigGroup, bool) {
		if old == nil {
			reset(new)
			return proto.Clone(new).(*common.ConfigGroup), true // all of it is written
		}
		r, w, changed := difference(old, new)
		if changed {
			set(&read.Groups, new, r, after.Groups)
		}
		return w, changed
	}
	members = compare(before.GetGroups(), after.GetGroups(), &same.Groups, &write.Groups, bumpGroup) || members
	if members {
		after.Version = before.GetVersion() + 1
		write.Version, write.ModPolicy = after.Version, after.GetModPolicy()
		for k, v := range same.Values {
			put(&read.Values, k, v)
			put(&write.Values, k, v)
		}
		for k, v := range same.Policies {
			put(&read.Policies, k, v)
			put(&write.Policies, k, v)
		}
		for k, v := range same.Groups {
			put(&read.Groups, k, v)
			put(&write.Groups, k, v)
		}
	}
	changed = members || len(write.Values)+len(write.Policies)+len(write.Groups) > 0
	return read, write, changed
}

// reset gives a group and what is in it the versions of what is new.
func reset(g *common.ConfigGroup) {
	g.Version = 0
	for _, v := range g.Values {
		v.Version = 0
	}
	for _, p := range g.Policies {
		p.Version = 0
	}
	for _, sub := range g.Groups {
		reset(sub)
	}
}

func put[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[name] = v
}

// set puts r under the name that child has in all.
func set(m *map[string]*common.ConfigGroup, child, r *common.ConfigGroup, all map[string]*common.ConfigGroup) {
	for name, g := range all {
		if g == child {
			put(m, name, r)
		}
	}
}

type element interface {
	comparable
	GetVersion() uint64
	proto.Message
}

// compare sorts the elements of after into those that stayed and those that are
// written, and reports whether any came or went.
func compare[V element](before, after map[string]V, same, write *map[string]V, bump func(old, new V) (V, bool)) bool {
	members := len(before) != len(after)
	for name, v := range after {
		old, ok := before[name]
		members = members || !ok
		if w, changed := bump(old, v); changed {
			put(write, name, w)
		} else {
			put(same, name, w)
		}
	}
	return members
}

func bumpValue(old, new *common.ConfigValue) (*common.ConfigValue, bool) {
	switch {
	case old == nil:
		new.Version = 0
		return new, true
	case proto.Equal(old, new):
		return &common.ConfigValue{Version: old.Version}, false
	}
	new.Version = old.Version + 1
	return new, true
}

func bumpPolicy(old, new *common.ConfigPolicy) (*common.ConfigPolicy, bool) {
	switch {
	case old == nil:
		new.Version = 0
		return new, true
	case proto.Equal(old, new):
		return &common.ConfigPolicy{Version: old.Version}, false
	}
	new.Version = old.Version + 1
	return new, true
}
