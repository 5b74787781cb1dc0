package state_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"pgregory.net/rapid"
)

const marble = `{"docType":"marble","name":"`

func marbles(block uint64, kv ...string) (b state.Batch) {
	for pair := range slices.Chunk(kv, 2) {
		b = append(b, state.Update{Namespace: "marbles", Key: pair[0], Value: []byte(pair[1]), Version: ledger.Version{Block: block}})
	}
	return b
}

// Blocks 4 to 7 of a ledger that Fabric wrote
// (internal/ledgerutil/testdata/sample_prod): one valid transaction each.
func TestCommitHashesAreFabrics(t *testing.T) {
	hash, _ := hex.DecodeString("aa520683da6156cfef3f1172adb75542893bdfd48b35a5ee0581e7c9cf9e5456")
	valid := []ledger.Code{0}
	for i, v := range []struct {
		updates state.Batch
		want    string
	}{
		{marbles(4, "\x00color~name\x00blue\x00marble1\x00", "\x00", "marble1", marble+`marble1","color":"blue","size":35,"owner":"tom"}`),
			"c094344b24a44061451f76132f0963698cb85ead8d76616f70d8578a95589185"},
		{marbles(5, "marble1", marble+`marble1","color":"blue","size":35,"owner":"jerry"}`),
			"80af50487bb73ad1db70dec14270a69146cdde41dc1e0a61a8c798b52d57b637"},
		{marbles(6, "marble1", marble+`marble1","color":"blue","size":35,"owner":"jerry"}`),
			"c37c3dad1660efce9e830e090cc590e0eaae18684c6da4e284daf34e9e11cb7b"},
		{marbles(7, "\x00color~name\x00red\x00marble2\x00", "\x00", "marble2", marble+`marble2","color":"red","size":99,"owner":"john"}`),
			"7c96f27ebc5fd1cbece12724d92c69fdb8ecb9003de2e46df32996cd44aa1407"},
	} {
		hash = state.CommitHash(hash, valid, v.updates)
		if got := hex.EncodeToString(hash); got != v.want {
			t.Errorf("block %d: %s, Fabric has %s", i+4, got, v.want)
		}
	}
}

func TestTheConfigurationDoesNotCountInTheCommitHash(t *testing.T) {
	config := state.Batch{{Namespace: "", Key: "CHANNEL_CONFIG_ENV_BYTES", Value: []byte("c")}}
	updates := marbles(1, "k", "v")
	with := state.CommitHash(nil, nil, append(config, updates...))
	if !slices.Equal(with, state.CommitHash(nil, nil, updates)) {
		t.Error("it counts")
	}
}

// kvWrite is one entry of the message that the hash is of, in block 1.
func kvWrite(ns, collection, key, value string, tx byte) []byte {
	var w []byte
	field := func(n protowire.Number, v string) {
		if v != "" {
			w = protowire.AppendString(protowire.AppendTag(w, n, protowire.BytesType), v)
		}
	}
	field(1, ns)
	field(2, collection)
	field(3, key)
	if value == "" {
		w = protowire.AppendVarint(protowire.AppendTag(w, 4, protowire.VarintType), 1)
	}
	field(5, value)
	field(6, string([]byte{1, 1, 1, tx}))
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), w)
}

// The case is that of Fabric's TestUpdateBatchBytesBuilderPublicWritesAndColls
// (core/ledger/kvledger/txmgmt/txmgr/update_batch_bytes_test.go).
func TestCollectionsFollowPublicKeysInTheCommitHash(t *testing.T) {
	var updates state.Batch
	var message []byte
	for i, x := range []struct {
		ns, collection                   string
		namedNs, namedCollection, key, v string
	}{
		{"ns1", "", "ns1", "", "key1", "value1"},
		{"ns1", "", "", "", "key2", "value2"},
		{"ns1", "coll1", "", "coll1", "key3", "value3"},
		{"ns1", "coll1", "", "", "key4", "value4"},
		{"ns1", "coll2", "", "coll2", "key5", "value5"},
		{"ns1", "coll2", "", "", "key6", ""},
		{"ns2", "", "ns2", "", "key7", "value7"},
		{"ns3", "coll2", "ns3", "coll2", "key8", "value8"},
		{"ns4", "coll2", "ns4", "coll2", "key9", "value9"},
	} {
		updates = append(updates, state.Update{
			Namespace: x.ns, Collection: x.collection, Key: x.key, Value: []byte(x.v), Delete: x.v == "",
			Metadata: []byte("does not count"), Version: ledger.Version{Block: 1, Tx: uint64(i + 1)},
		})
		message = append(message, kvWrite(x.namedNs, x.namedCollection, x.key, x.v, byte(i+1))...)
	}
	want := sha256.Sum256(slices.Concat([]byte{1, 0}, message, []byte("previous")))
	if got := state.CommitHash([]byte("previous"), []ledger.Code{0}, updates); !slices.Equal(got, want[:]) {
		t.Errorf("%x, want %x", got, want)
	}
}

// Two blocks have one
// Two blocks have one commit hash only if they decided alike.
func TestEveryPartCountsInTheCommitHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() state.Update {
			u := state.Update{
				Collection: rapid.SampledFrom([]string{"", "c", "d"}).Draw(t, "collection"),
				Namespace:  rapid.StringN(1, 3, -1).Draw(t, "ns"), Key: rapid.StringN(1, 3, -1).Draw(t, "key"),
				Version: ledger.Version{Block: rapid.Uint64().Draw(t, "block"), Tx: rapid.Uint64Max(300).Draw(t, "tx")},
			}
			if u.Delete = rapid.Bool().Draw(t, "delete"); !u.Delete {
				u.Value = rapid.SliceOfN(rapid.Byte(), 1, 3).Draw(t, "value")
			}
			return u
		}
		a, b := draw(), draw()
		equal := a.Namespace == b.Namespace && a.Collection == b.Collection && a.Key == b.Key && a.Version == b.Version && a.Delete == b.Delete && slices.Equal(a.Value, b.Value)
		ha, hb := state.CommitHash(nil, nil, state.Batch{a}), state.CommitHash(nil, nil, state.Batch{b})
		if slices.Equal(ha, hb) != equal {
			t.Fatalf("%+v and %+v: equal hashes %v", a, b, !equal)
		}
	})
}
