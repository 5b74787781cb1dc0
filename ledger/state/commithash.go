package state

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/encoding/protowire"
)

// CommitHash continues the chain of commit hashes with one block: SHA-256 over
// the number of codes, the codes, the updates and the commit hash before. It is
// Fabric's to the byte: peers that decided alike have equal hashes.
//
// The chain starts at block 1, with a nil prev: a genesis block has no commit
// hash. Updates must be in the order of Batch. Those of the empty namespace
// (the channel configuration) do not count; nor does the metadata of keys,
// though an update of it alone counts as a write of the value that the key has.
func CommitHash(prev []byte, codes []ledger.Code, updates Batch) []byte {
	h := sha256.New()
	h.Write(protowire.AppendVarint(nil, uint64(len(codes))))
	h.Write(ledger.CodeBytes(codes))
	h.Write(updateBytes(updates))
	h.Write(prev)
	return h.Sum(nil)
}

// Field numbers of the protobuf messages Updates and KVWrite, in which Fabric
// feeds updates to the hash (core/ledger/kvledger/txmgmt/txmgr/updates.proto).
const (
	fieldWrites     = 1
	fieldNamespace  = 1
	fieldCollection = 2
	fieldKey        = 3
	fieldIsDelete   = 4
	fieldValue      = 5
	fieldVersion    = 6
)

// updateBytes encodes the updates as one Updates message. Only the first write
// of a namespace names it, and only the first of a collection names that.
func updateBytes(updates Batch) []byte {
	var out, write []byte
	namespace, collection := "", ""
	for i := range updates {
		u := &updates[i]
		if u.Namespace == "" {
			continue
		}
		write = write[:0]
		if u.Namespace != namespace {
			namespace, collection = u.Namespace, ""
			write = appendField(write, fieldNamespace, []byte(namespace))
		}
		if u.Collection != collection {
			collection = u.Collection
			write = appendField(write, fieldCollection, []byte(collection))
		}
		write = appendWrite(write, u)
		out = protowire.AppendTag(out, fieldWrites, protowire.BytesType)
		out = protowire.AppendBytes(out, write)
	}
	return out
}

func appendWrite(b []byte, u *Update) []byte {
	b = appendField(b, fieldKey, []byte(u.Key))
	if u.Delete {
		b = protowire.AppendTag(b, fieldIsDelete, protowire.VarintType)
		b = protowire.AppendVarint(b, 1)
	} else {
		b = appendField(b, fieldValue, u.Value)
	}
	version := appendOrdered(appendOrdered(nil, u.Version.Block), u.Version.Tx)
	return appendField(b, fieldVersion, version)
}

// appendField leaves out empty fields, as proto3 does.
func appendField(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// appendOrdered is Fabric's varint whose byte order is the number's order: the
// count of significant bytes, then those bytes, big end first.
func appendOrdered(b []byte, n uint64) []byte {
	be := binary.BigEndian.AppendUint64(nil, n)
	skip := 0
	for skip < len(be) && be[skip] == 0 {
		skip++
	}
	return append(append(b, byte(len(be)-skip)), be[skip:]...)
}
