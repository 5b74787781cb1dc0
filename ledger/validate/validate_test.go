package validate

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
)

const (
	valid       = peer.TxValidationCode_VALID
	other       = peer.TxValidationCode_INVALID_OTHER_REASON
	badHeader   = peer.TxValidationCode_BAD_COMMON_HEADER
	badCreator  = peer.TxValidationCode_BAD_CREATOR_SIGNATURE
	badEndorse  = peer.TxValidationCode_INVALID_ENDORSER_TRANSACTION
	badCode     = peer.TxValidationCode_INVALID_CHAINCODE
	duplicate   = peer.TxValidationCode_DUPLICATE_TXID
	tooFew      = peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE
	conflict    = peer.TxValidationCode_MVCC_READ_CONFLICT
	phantomRead = peer.TxValidationCode_PHANTOM_READ_CONFLICT
)

var garbage = []byte{0xff}

// breach breaks one rule, and only that one.
type breach struct {
	name string
	code ledger.Code
	with option
}

// onLedger marks the breach that needs the ledger to know the id.
const onLedger = "9 the id is on the ledger"

func breaches(n *network) []breach {
	return []breach{
		{"1 envelope", other, func(d *draft) { d.envelope = garbage }},
		{"2 payload", peer.TxValidationCode_BAD_PAYLOAD, func(d *draft) { d.payload = garbage }},
		{"3 epoch", badHeader, func(d *draft) { d.ch.Epoch = 1 }},
		{"4 signature", badCreator, func(d *draft) { d.signature = garbage }},
		{"5 type", peer.TxValidationCode_UNSUPPORTED_TX_PAYLOAD, func(d *draft) { d.ch.Type = int32(common.HeaderType_CONFIG_UPDATE) }},
		{"6 id", peer.TxValidationCode_BAD_PROPOSAL_TXID, func(d *draft) { d.txID = []byte("mine") }},
		{"7 proposal hash", badEndorse, func(d *draft) { d.hash = garbage }},
		{onLedger, duplicate, func(*draft) {}},
		{"10 extension", peer.TxValidationCode_BAD_HEADER_EXTENSION, func(d *draft) { d.extRaw = garbage }},
		{"10 action", peer.TxValidationCode_BAD_RESPONSE_PAYLOAD, func(d *draft) { d.noAction = true }},
		{"10 read-write set", peer.TxValidationCode_BAD_RWSET, func(d *draft) { d.results = garbage }},
		{"11 no id asked for", other, func(d *draft) { d.ext.ChaincodeId = nil }},
		{"12 another chaincode ran", badCode, func(d *draft) { d.action.ChaincodeId.Name = "other" }},
		{"11 event of another", other, func(d *draft) { d.action.Events = encode(&peer.ChaincodeEvent{ChaincodeId: "other"}) }},
		{"13 namespace twice", peer.TxValidationCode_ILLEGAL_WRITESET, func(d *draft) { d.set = append(d.set, &nsDraft{name: "cc"}) }},
		{"14 undefined chaincode written", badCode, func(d *draft) {
			d.set = append(d.set, &nsDraft{name: "nowhere", kv: &kvrwset.KVRWSet{Writes: []*kvrwset.KVWrite{{Key: "k", Value: garbage}}}})
		}},
		{"15 one endorsement", tooFew, func(d *draft) { d.endorsers = d.endorsers[:1] }},
		{"20 stale read", conflict, func(d *draft) { d.set[0].kv.Reads[0].Version.BlockNum = 3 }},
		{"21 phantom", phantomRead, func(d *draft) {
			d.set[0].kv.RangeQueriesInfo = []*kvrwset.RangeQueryInfo{{StartKey: "a", EndKey: "b", ItrExhausted: true}}
		}},
	}
}

func TestEveryRuleHasItsCodeAndTheEarlierRuleWins(t *testing.T) {
	n := newNetwork(t)
	all := breaches(n)
	for i, first := range all {
		for _, second := range slices.Concat([]breach{{"nothing", valid, func(*draft) {}}}, all[i+1:]) {
			n.ledger.knows = first.name == onLedger || second.name == onLedger
			r := n.validate(n.tx(first.with, second.with))
			if r.Codes[0] != first.code || why(r, 0) == "" || len(r.Updates) != 0 {
				t.Errorf("%s, with %s: %s", first.name, second.name, show(r))
			}
		}
	}
}

func TestATransactionThatBreaksNoRuleIsValid(t *testing.T) {
	n := newNetwork(t)
	r := n.validate(n.tx())
	if r.Codes[0] != valid || why(r, 0) != "" {
		t.Fatal(show(r))
	}
	u := r.Updates
	if len(u) != 1 || u[0].Namespace != "cc" || u[0].Key != "a" || string(u[0].Value) != "new" || u[0].Version != (ledger.Version{Block: 5}) {
		t.Errorf("updates %+v", u)
	}
}

// More ways to break the same rules.
func TestVariantsOfBreaches(t *testing.T) {
	n := newNetwork(t)
	stranger := func(d *draft) { d.creator = []byte("nobody") }
	n.define("dangling", definition.ReferencePolicy("/Channel/Application/Nothing"))
	n.define("garbled", garbage)
	call := func(name string) option {
		return func(d *draft) {
			d.ext.ChaincodeId.Name, d.action.ChaincodeId.Name, d.set[0].name = name, name, name
			d.set[0].kv.Reads = nil
		}
	}
	for name, c := range map[string]struct {
		code ledger.Code
		with option
	}{
		"empty envelope":           {badHeader, func(d *draft) { d.envelope = []byte{} }},
		"no header":                {badHeader, func(d *draft) { d.payload = []byte{} }},
		"unknown type":             {badHeader, func(d *draft) { d.ch.Type = 99 }},
		"no nonce":                 {badHeader, func(d *draft) { d.nonce = nil }},
		"unknown creator":          {badCreator, stranger},
		"other channel":            {badCreator, func(d *draft) { d.ch.ChannelId = "channel2" }},
		"someone else's signature": {badCreator, func(d *draft) { d.creator = n.peer2.Serialized() }},
		"no actions":               {badEndorse, func(d *draft) { d.data = []byte{} }},
		"two actions":              {badEndorse, func(d *draft) { d.data = encode(&peer.Transaction{Actions: make2()}) }},
		"no endorsed action":       {badEndorse, func(d *draft) { d.change = func(c *peer.ChaincodeActionPayload) { c.Action = nil } }},
		"other input": {badEndorse, func(d *draft) {
			d.change = func(c *peer.ChaincodeActionPayload) { c.ChaincodeProposalPayload = garbage }
		}},
		"action is garbage":          {peer.TxValidationCode_BAD_RESPONSE_PAYLOAD, func(d *draft) { d.actionRaw = garbage }},
		"no id run":                  {other, func(d *draft) { d.action.ChaincodeId = nil }},
		"empty name":                 {badCode, func(d *draft) { d.ext.ChaincodeId.Name = "" }},
		"no version":                 {badCode, func(d *draft) { d.action.ChaincodeId.Version = "" }},
		"event is garbage":           {other, func(d *draft) { d.action.Events = garbage }},
		"system chaincode":           {badCode, call("qscc")},
		"undefined chaincode":        {badCode, call("nowhere")},
		"policy that does not exist": {tooFew, call("dangling")},
		"policy that does not parse": {tooFew, call("garbled")},
		"no endorsement":             {tooFew, func(d *draft) { d.endorsers = nil }},
		"one endorser twice":         {tooFew, func(d *draft) { d.endorsers = []ident.Signer{n.peer1, n.peer1} }},
		"a client endorses":          {tooFew, func(d *draft) { d.endorsers[0] = n.client }},
		"a bad endorsement": {tooFew, func(d *draft) {
			d.change = func(c *peer.ChaincodeActionPayload) { c.Action.Endorsements[1].Signature = garbage }
		}},
		"a bad endorsement too many":  {valid, func(d *draft) { d.endorsers = append(d.endorsers, n.client) }},
		"read-only, endorsed":         {valid, func(d *draft) { d.set[0].kv.Writes = nil }},
		"read-only, too few endorsed": {tooFew, func(d *draft) { d.set[0].kv.Writes, d.endorsers = nil, nil }},
		"read of another chaincode":   {valid, func(d *draft) { d.set = append(d.set, &nsDraft{name: "nowhere"}) }},
		"absent key read as absent":   {valid, func(d *draft) { d.set[0].kv.Reads = []*kvrwset.KVRead{{Key: "b"}} }},
		"present key read as absent":  {conflict, func(d *draft) { d.set[0].kv.Reads[0].Version = nil }},
		"lifecycle, endorsed":         {valid, call(definition.Namespace)},
		"lifecycle by one of two":     {tooFew, func(d *draft) { call(definition.Namespace)(d); d.endorsers = d.endorsers[1:] }},
		"summary of degree 0": {phantomRead, func(d *draft) {
			d.set[0].kv.RangeQueriesInfo = []*kvrwset.RangeQueryInfo{{ReadsInfo: &kvrwset.RangeQueryInfo_ReadsMerkleHashes{
				ReadsMerkleHashes: &kvrwset.QueryReadsMerkleSummary{}}}}
		}},
	} {
		if r := n.validate(n.tx(c.with)); r.Codes[0] != c.code {
			t.Errorf("%s: want %s, got %s", name, c.code, show(r))
		}
	}
}

func make2() []*peer.TransactionAction { return []*peer.TransactionAction{{}, {}} }

func TestTheSecondOfTwoEqualIDsIsADuplicateEvenIfTheFirstConflicts(t *testing.T) {
	n := newNetwork(t)
	stale := n.tx(func(d *draft) { d.set[0].kv.Reads[0].Version = nil })
	if r := n.validate(stale, stale); !slices.Equal(r.Codes, []ledger.Code{conflict, duplicate}) {
		t.Error(show(r))
	}
	unendorsed := n.tx(func(d *draft) { d.nonce, d.endorsers = []byte("same"), nil })
	endorsed := n.tx(func(d *draft) { d.nonce = []byte("same") })
	if r := n.validate(unendorsed, endorsed); !slices.Equal(r.Codes, []ledger.Code{tooFew, valid}) {
		t.Error("an invalid transaction took the id of a valid one:", show(r))
	}
}

func TestADefinitionHoldsFromTheNextBlockOn(t *testing.T) {
	n := newNetwork(t)
	d := &definition.Definition{Name: "late", Version: "1", Sequence: 1, ValidationParameter: inline(t, "OR('Org1MSP.peer')")}
	d.SetDefaults()
	writes, err := d.Writes()
	if err != nil {
		t.Fatal(err)
	}
	commit := n.tx(func(dr *draft) {
		dr.ext.ChaincodeId.Name, dr.action.ChaincodeId.Name = definition.Namespace, definition.Namespace
		dr.set = []*nsDraft{{name: definition.Namespace, kv: &kvrwset.KVRWSet{}}}
		for _, w := range writes {
			dr.set[0].kv.Writes = append(dr.set[0].kv.Writes, &kvrwset.KVWrite{Key: w.Key, Value: w.Value})
		}
	})
	call := func() []byte {
		return n.tx(func(d *draft) {
			d.ext.ChaincodeId.Name, d.action.ChaincodeId.Name = "late", "late"
			d.set = []*nsDraft{{name: "late"}}
		})
	}
	r := n.validate(commit, call())
	if !slices.Equal(r.Codes, []ledger.Code{valid, badCode}) {
		t.Fatal(show(r))
	}
	for _, u := range r.Updates {
		n.ledger.put(u.Namespace, u.Key, u.Value, u.Version)
	}
	if r := n.validate(call()); r.Codes[0] != valid {
		t.Error(show(r))
	}
}

func TestAStaleSequenceReadInvalidatesACallEndorsedBeforeAnUpgrade(t *testing.T) {
	n := newNetwork(t)
	r := n.validate(n.tx(func(d *draft) {
		d.set = append([]*nsDraft{{name: definition.Namespace, kv: &kvrwset.KVRWSet{
			Reads: []*kvrwset.KVRead{{Key: definition.SequenceKey("cc"), Version: &kvrwset.Version{}}},
		}}}, d.set...)
	}))
	if r.Codes[0] != conflict || !strings.Contains(why(r, 0), "Sequence") {
		t.Error(show(r))
	}
}

func TestAFaultOfThisPeerHaltsInsteadOfDeciding(t *testing.T) {
	foreign := &definition.Definition{Name: "cc", ValidationPlugin: "mine", ValidationParameter: garbage}
	for name, breakIt := range map[string]func(*network){
		"transaction index": func(n *network) { n.ledger.txFailed = true },
		"definitions":       func(n *network) { n.ledger.failing = definition.Namespace },
		"state":             func(n *network) { n.ledger.failing = "cc" },
		"corrupt definition": func(n *network) {
			n.ledger.put(definition.Namespace, definition.MetadataKey("cc"), garbage, ledger.Version{})
		},
		"unknown plugin": func(n *network) {
			writes, _ := foreign.Writes()
			for _, w := range writes {
				n.ledger.put(definition.Namespace, w.Key, w.Value, ledger.Version{})
			}
		},
	} {
		n := newNetwork(t)
		b := n.block(n.tx())
		breakIt(n)
		if r, err := n.try(b, 1); err == nil {
			t.Errorf("%s: %s", name, show(r))
		}
	}
}

func config(d *draft) {
	d.ch.Type = int32(common.HeaderType_CONFIG)
	d.data = encode(&common.ConfigEnvelope{Config: &common.Config{Sequence: 1}})
}

func TestAGenesisBlockIsValidAndItsConfigurationStored(t *testing.T) {
	n := newNetwork(t)
	envelope := n.tx(config, func(d *draft) {
		d.nonce, d.signature = nil, []byte{} // as made by tools that sign nothing
	})
	b, err := ledger.ParseBlock(block.New(0, nil, [][]byte{envelope}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := n.try(b, 1)
	if err != nil || r.Codes[0] != valid || len(r.Updates) != 1 {
		t.Fatal(r, err)
	}
	if u := r.Updates[0]; u.Namespace != "" || u.Key != "CHANNEL_CONFIG_ENV_BYTES" || !bytes.Equal(u.Value, b.Txs[0].Payload.Data) {
		t.Errorf("stored %+v", u)
	}
	replayEqual(t, n, b, r)
}

func TestBlockZeroHoldsOneConfigurationAndNothingElse(t *testing.T) {
	n := newNetwork(t)
	for name, envelopes := range map[string][][]byte{
		"a transaction":      {n.tx()},
		"two configurations": {n.tx(config), n.tx(config)},
		"no configuration":   {n.tx(config, func(d *draft) { d.data = []byte{} })},
		"garbage":            {n.tx(config, func(d *draft) { d.data = garbage })},
	} {
		b, err := ledger.ParseBlock(block.New(0, nil, envelopes))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := n.try(b, 1); err == nil {
			t.Errorf("%s: %v", name, r.Codes)
		}
	}
}

func TestALaterConfigurationHaltsUnlessItIsInvalidAnyway(t *testing.T) {
	n := newNetwork(t)
	if _, err := n.try(n.block(n.tx(config)), 1); err == nil {
		t.Error("a configuration that nobody signed was taken")
	}
	if r := n.validate(n.tx(config, func(d *draft) { d.signature = garbage })); r.Codes[0] != badCreator {
		t.Error(show(r))
	}
	empty := n.tx(config, func(d *draft) { d.data = []byte{} })
	if r := n.validate(empty); r.Codes[0] != peer.TxValidationCode_INVALID_CONFIG_TRANSACTION {
		t.Error(show(r))
	}
}

// mixed is a block with valid, conflicting, unendorsed and broken transactions.
func mixed(n *network) *ledger.Block {
	var envelopes [][]byte
	for _, b := range breaches(n) {
		if b.name != onLedger {
			envelopes = append(envelopes, n.tx(b.with))
		}
		envelopes = append(envelopes, n.tx(func(d *draft) { d.set[0].kv.Reads = nil }), n.tx())
	}
	return n.block(envelopes...)
}

func replayEqual(t *testing.T, n *network, b *ledger.Block, r *Result) {
	t.Helper()
	block.SetCodes(b.Block, r.Codes)
	updates, err := Updates(b, n.ledger)
	if err != nil || !reflect.DeepEqual(updates, r.Updates) {
		t.Errorf("replay gives %+v, %v, Finish gave %+v", updates, err, r.Updates)
	}
}

func TestTheOutcomeDoesNotDependOnWorkersOrRepetition(t *testing.T) {
	n := newNetwork(t)
	b := mixed(n)
	want, err := n.try(b, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{0, 1, 2, 7, 1000} {
		if got, err := n.try(b, workers); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: %v\n%s\nwant %s", workers, err, show(got), show(want))
		}
	}
	replayEqual(t, n, b, want)
}

func TestReplayRefusesCodesThatDoNotFitTheBlock(t *testing.T) {
	n := newNetwork(t)
	b := n.block(n.tx(func(d *draft) { d.envelope = garbage }))
	if _, err := Updates(b, nil); err == nil {
		t.Error("no codes")
	}
	block.SetCodes(b.Block, []ledger.Code{valid})
	if _, err := Updates(b, nil); err == nil {
		t.Error("garbage marked valid")
	}
}

func TestPrepareStopsWithItsContext(t *testing.T) {
	n := newNetwork(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Prepare(ctx, n.block(n.tx()), n.cfg, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
