package ledgertest

import (
	"crypto/sha256"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// RWSet is a read-write set in the making. Its parts stand in the order in
// which they are added: sorting them, as endorsers do, is up to the test.
type RWSet struct {
	spaces []*Namespace
}

// NewRWSet is an empty set.
func NewRWSet() *RWSet { return &RWSet{} }

// Namespace is the part of one chaincode.
type Namespace struct {
	name        string
	KV          *kvrwset.KVRWSet
	collections []*Collection
}

// Collection is the hashed part of one private data collection.
type Collection struct {
	name string
	Set  *kvrwset.HashedRWSet
}

// NS returns the part of that chaincode, made on first use.
func (s *RWSet) NS(name string) *Namespace {
	for _, ns := range s.spaces {
		if ns.name == name {
			return ns
		}
	}
	return s.Again(name)
}

// Again adds one more part of that name, which no honest set has twice.
func (s *RWSet) Again(name string) *Namespace {
	ns := &Namespace{name: name, KV: &kvrwset.KVRWSet{}}
	s.spaces = append(s.spaces, ns)
	return ns
}

// At is a version, for reads.
func At(block, tx uint64) *kvrwset.Version { return &kvrwset.Version{BlockNum: block, TxNum: tx} }

// Read adds a read; a nil version is a key that was absent.
func (ns *Namespace) Read(key string, at *kvrwset.Version) *Namespace {
	ns.KV.Reads = append(ns.KV.Reads, &kvrwset.KVRead{Key: key, Version: at})
	return ns
}

// Write adds a write, Delete a delete.
func (ns *Namespace) Write(key, value string) *Namespace {
	ns.KV.Writes = append(ns.KV.Writes, &kvrwset.KVWrite{Key: key, Value: []byte(value), IsDelete: value == ""})
	return ns
}

// Delete adds a delete.
func (ns *Namespace) Delete(key string) *Namespace { return ns.Write(key, "") }

// Metadata replaces the metadata of a key; without entries it deletes them.
func (ns *Namespace) Metadata(key string, entries ...*kvrwset.KVMetadataEntry) *Namespace {
	ns.KV.MetadataWrites = append(ns.KV.MetadataWrites, &kvrwset.KVMetadataWrite{Key: key, Entries: entries})
	return ns
}

// ValidationParameter is the metadata entry that puts a key under a policy of
// its own: a marshalled SignaturePolicyEnvelope.
func ValidationParameter(policy []byte) *kvrwset.KVMetadataEntry {
	return &kvrwset.KVMetadataEntry{Name: peer.MetaDataKeys_VALIDATION_PARAMETER.String(), Value: policy}
}

// Range adds a range query read to its end, with its results.
func (ns *Namespace) Range(start, end string, results ...*kvrwset.KVRead) *Namespace {
	ns.KV.RangeQueriesInfo = append(ns.KV.RangeQueriesInfo, &kvrwset.RangeQueryInfo{
		StartKey: start, EndKey: end, ItrExhausted: true,
		ReadsInfo: &kvrwset.RangeQueryInfo_RawReads{RawReads: &kvrwset.QueryReads{KvReads: results}},
	})
	return ns
}

// Coll returns the part of a collection, made on first use.
func (ns *Namespace) Coll(name string) *Collection {
	for _, c := range ns.collections {
		if c.name == name {
			return c
		}
	}
	c := &Collection{name: name, Set: &kvrwset.HashedRWSet{}}
	ns.collections = append(ns.collections, c)
	return c
}

// Hash is the form in which private keys and values become known.
func Hash(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// Read, Write, Delete and Metadata are those of Namespace for a private key.
func (c *Collection) Read(key string, at *kvrwset.Version) *Collection {
	c.Set.HashedReads = append(c.Set.HashedReads, &kvrwset.KVReadHash{KeyHash: Hash(key), Version: at})
	return c
}

// Write adds a private write.
func (c *Collection) Write(key, value string) *Collection {
	c.Set.HashedWrites = append(c.Set.HashedWrites, &kvrwset.KVWriteHash{KeyHash: Hash(key), ValueHash: Hash(value)})
	return c
}

// Delete adds a private delete.
func (c *Collection) Delete(key string) *Collection {
	c.Set.HashedWrites = append(c.Set.HashedWrites, &kvrwset.KVWriteHash{KeyHash: Hash(key), IsDelete: true})
	return c
}

// Metadata replaces the metadata of a private key.
func (c *Collection) Metadata(key string, entries ...*kvrwset.KVMetadataEntry) *Collection {
	c.Set.MetadataWrites = append(c.Set.MetadataWrites, &kvrwset.KVMetadataWriteHash{KeyHash: Hash(key), Entries: entries})
	return c
}

// Bytes is the encoded TxReadWriteSet.
func (s *RWSet) Bytes() []byte {
	tx := &rwset.TxReadWriteSet{DataModel: rwset.TxReadWriteSet_KV}
	for _, ns := range s.spaces {
		one := &rwset.NsReadWriteSet{Namespace: ns.name, Rwset: Encode(ns.KV)}
		for _, c := range ns.collections {
			hashed := &rwset.CollectionHashedReadWriteSet{CollectionName: c.name, HashedRwset: Encode(c.Set)}
			if len(c.Set.HashedWrites) > 0 {
				hashed.PvtRwsetHash = Hash(string(hashed.HashedRwset)) // nobody here has the data behind it
			}
			one.CollectionHashedRwset = append(one.CollectionHashedRwset, hashed)
		}
		tx.NsRwset = append(tx.NsRwset, one)
	}
	return Encode(tx)
}
