package modeltest

import (
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/protobuf/proto"
)

// definition is a committed chaincode.
type definition struct {
	parameter   []byte
	collections *peer.CollectionConfigPackage
}

// definition reads one from the state before the block, nil for none.
func (j *judgement) definition(name string) *definition {
	if name == "_lifecycle" {
		return &definition{}
	}
	if _, ok := j.m.State[Key{Namespace: "_lifecycle", Name: "namespaces/metadata/" + name}]; !ok {
		return nil
	}
	field := func(field string) []byte {
		data := &lifecycle.StateData{}
		_ = proto.Unmarshal([]byte(j.m.State[Key{Namespace: "_lifecycle", Name: "namespaces/fields/" + name + "/" + field}].Value), data)
		return data.GetBytes()
	}
	info, d := &lifecycle.ChaincodeValidationInfo{}, &definition{collections: &peer.CollectionConfigPackage{}}
	_ = proto.Unmarshal(field("ValidationInfo"), info)
	_ = proto.Unmarshal(field("Collections"), d.collections)
	if d.parameter = info.ValidationParameter; len(d.parameter) == 0 || info.ValidationPlugin == "" {
		return nil
	}
	return d
}

// endorsed is rules 14 and 15.
func (j *judgement) endorsed(t *tx) (code, error) {
	names := []string{t.chaincode}
	for _, s := range t.set {
		if s.name != t.chaincode && s.writes() && j.m.Bug != InvokedOnly {
			names = append(names, s.name)
		}
	}
	result, missing := valid, false
	var changes []Key
	for _, name := range names {
		e := endorsement{j: j, t: t, name: name, d: j.definition(name)}
		switch {
		case e.d == nil:
			missing = true
			continue
		case j.m.Bug != NoPolicy && !e.holds():
			result = peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE
			continue
		}
		for _, s := range t.set {
			if s.name == name {
				s.metadata(func(k Key) { changes = append(changes, k) })
			}
		}
	}
	for _, k := range changes {
		j.changed[k] = true
	}
	if missing {
		return peer.TxValidationCode_INVALID_CHAINCODE, nil
	}
	return result, nil
}

func (s *space) writes() bool {
	n := len(s.kv.Writes) + len(s.kv.MetadataWrites)
	for _, h := range s.hashed {
		n += len(h.HashedWrites) + len(h.MetadataWrites)
	}
	return n > 0
}

// metadata visits the keys whose metadata the namespace writes.
func (s *space) metadata(visit func(Key)) {
	for _, w := range s.kv.MetadataWrites {
		visit(Key{Namespace: s.name, Name: w.Key})
	}
	for i, h := range s.hashed {
		for _, w := range h.MetadataWrites {
			visit(Key{s.name, s.collections[i], string(w.KeyHash)})
		}
	}
}

// values visits the keys whose value it writes.
func (s *space) values(visit func(Key, string)) {
	for _, w := range s.kv.Writes {
		visit(Key{Namespace: s.name, Name: w.Key}, live(w.IsDelete, w.Value))
	}
	for i, h := range s.hashed {
		for _, w := range h.HashedWrites {
			visit(Key{s.name, s.collections[i], string(w.KeyHash)}, liveHash(w))
		}
	}
}

func live(deleted bool, value []byte) string {
	if deleted {
		return ""
	}
	return string(value)
}

// liveHash: the hash of nothing deletes too.
func liveHash(w *kvrwset.KVWriteHash) string {
	const ofNothing = "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55"
	if v := live(w.IsDelete, w.ValueHash); v != ofNothing {
		return v
	}
	return ""
}

// endorsement is that of one namespace of a transaction.
type endorsement struct {
	j    *judgement
	t    *tx
	name string
	d    *definition
}

func (e *endorsement) holds() bool {
	ok, some := true, false
	check := func(k Key) {
		some, ok = true, ok && e.key(k)
	}
	for i := range e.t.set {
		if s := &e.t.set[i]; s.name == e.name {
			s.values(func(k Key, _ string) { check(k) })
			s.metadata(check)
		}
	}
	if !some {
		return e.chaincode()
	}
	return ok
}

// key is whether the endorsers may write that key.
func (e *endorsement) key(k Key) bool {
	bug, c := e.j.m.Bug, e.j.m.config
	if e.j.changed[k] && bug != NoKeyPolicyChange {
		return false
	}
	// What a collection asks for; one that nobody knows is nobody's, whatever
	// policies its keys have.
	collection, known := e.chaincode, k.Collection == ""
	if org, ok := strings.CutPrefix(k.Collection, "_implicit_org_"); ok {
		collection, known = func() bool { return c.implicit(bug, org, e.t.signers) }, c.application(org) != ""
	} else {
		for _, one := range e.d.collections.GetConfig() {
			if s := one.GetStaticCollectionConfig(); s.GetName() == k.Collection && !known {
				known = true
				if s.EndorsementPolicy != nil {
					collection = func() bool { return c.policy(bug, []byte(mustMarshal(s.EndorsementPolicy)), e.t.signers) }
				}
			}
		}
	}
	if !known && bug != NoCollectionRule {
		return false
	}
	if p := parameter(e.j.m.State[k].Metadata); len(p) > 0 && bug != NoKeyPolicy {
		env := &common.SignaturePolicyEnvelope{}
		return proto.Unmarshal(p, env) == nil && c.signedBy(bug, env, e.t.signers)
	}
	if bug == NoCollectionRule {
		return e.chaincode()
	}
	return collection()
}

func (e *endorsement) chaincode() bool {
	if e.name == "_lifecycle" {
		return e.j.m.config.lifecycle(e.j.m.Bug, e.t.signers)
	}
	return e.j.m.config.policy(e.j.m.Bug, e.d.parameter, e.t.signers)
}

// parameter is the last VALIDATION_PARAMETER of encoded metadata.
func parameter(metadata string) (found []byte) {
	w := &kvrwset.KVMetadataWrite{}
	_ = proto.Unmarshal([]byte(metadata), w)
	for _, e := range w.Entries {
		if e.Name == "VALIDATION_PARAMETER" {
			found = e.Value
		}
	}
	return found
}

func mustMarshal(m proto.Message) string {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // what was unmarshalled can be marshalled
	}
	return string(raw)
}
