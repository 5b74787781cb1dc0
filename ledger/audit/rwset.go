package audit

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"

	"github.com/weft-network/weft/ledger"
)

// Namespace is what a transaction read and wrote of one chaincode's keys.
type Namespace struct {
	Name        string       `json:"namespace"`
	Reads       []Read       `json:"reads,omitempty"`
	Writes      []Write      `json:"writes,omitempty"`
	Ranges      []Range      `json:"ranges,omitempty"`
	Metadata    []Metadata   `json:"metadata,omitempty"`
	Collections []Collection `json:"collections,omitempty"`
}

// Read is a key and its version, null for an absent key.
type Read struct {
	Key     Bytes    `json:"key"`
	Version *Version `json:"version"`
}

// Write is a new value, or the end of a key.
type Write struct {
	Key    Bytes `json:"key"`
	Value  Bytes `json:"value,omitempty"`
	Delete bool  `json:"delete,omitempty"`
}

// Range is a query start ≤ key < end and what it saw: its results, or of many
// results the hashes of a tree over them.
type Range struct {
	Start Bytes `json:"start"`
	End   Bytes `json:"end"`
	// Exhausted tells that the query came to its end; otherwise its end is the
	// last key that it took.
	Exhausted bool       `json:"exhausted"`
	Results   []Read     `json:"results,omitempty"`
	Summary   *RangeTree `json:"summary,omitempty"`
}

// RangeTree are the top hashes over many results.
type RangeTree struct {
	MaxDegree uint32 `json:"maxDegree"`
	MaxLevel  uint32 `json:"maxLevel"`
	Hashes    []Hash `json:"hashes"`
}

// Metadata replaces a key's metadata.
type Metadata struct {
	Key     Bytes   `json:"key,omitempty"`
	KeyHash Hash    `json:"keyHash,omitempty"`
	Entries []Named `json:"entries"`
}

// Named is one value of a key's metadata.
type Named struct {
	Name  string `json:"name"`
	Value Bytes  `json:"value"`
}

// Collection is the hashed part of private data.
type Collection struct {
	Name     string        `json:"collection"`
	Reads    []HashedRead  `json:"reads,omitempty"`
	Writes   []HashedWrite `json:"writes,omitempty"`
	Metadata []Metadata    `json:"metadata,omitempty"`
}

// HashedRead is a private key that was read.
type HashedRead struct {
	KeyHash Hash     `json:"keyHash"`
	Version *Version `json:"version"`
}

// HashedWrite is a private write.
type HashedWrite struct {
	KeyHash   Hash `json:"keyHash"`
	ValueHash Hash `json:"valueHash,omitempty"`
	Delete    bool `json:"delete,omitempty"`
	Purge     bool `json:"purge,omitempty"`
}

func namespace(ns *ledger.NsRWSet) Namespace {
	n := Namespace{Name: ns.Namespace}
	for _, r := range ns.Reads {
		n.Reads = append(n.Reads, Read{Bytes(r.Key), version(r.Version)})
	}
	for _, w := range ns.Writes {
		n.Writes = append(n.Writes, Write{Bytes(w.Key), w.Value, w.Delete || len(w.Value) == 0})
	}
	for _, q := range ns.Ranges {
		n.Ranges = append(n.Ranges, rangeOf(q))
	}
	for _, m := range ns.Metadata {
		n.Metadata = append(n.Metadata, Metadata{Key: Bytes(m.Key), Entries: named(m.Entries)})
	}
	for i := range ns.Collections {
		n.Collections = append(n.Collections, collection(&ns.Collections[i]))
	}
	return n
}

func rangeOf(q *kvrwset.RangeQueryInfo) Range {
	r := Range{Start: Bytes(q.GetStartKey()), End: Bytes(q.GetEndKey()), Exhausted: q.GetItrExhausted()}
	for _, kv := range q.GetRawReads().GetKvReads() {
		read := Read{Key: Bytes(kv.GetKey())}
		if v := kv.GetVersion(); v != nil {
			read.Version = &Version{v.BlockNum, v.TxNum}
		}
		r.Results = append(r.Results, read)
	}
	if m := q.GetReadsMerkleHashes(); m != nil {
		r.Summary = &RangeTree{MaxDegree: m.MaxDegree, MaxLevel: m.MaxLevel, Hashes: []Hash{}}
		for _, h := range m.MaxLevelHashes {
			r.Summary.Hashes = append(r.Summary.Hashes, h)
		}
	}
	return r
}

func collection(c *ledger.CollectionRWSet) Collection {
	out := Collection{Name: c.Name}
	for _, r := range c.Reads {
		out.Reads = append(out.Reads, HashedRead{r.KeyHash, version(r.Version)})
	}
	for _, w := range c.Writes {
		out.Writes = append(out.Writes, HashedWrite{w.KeyHash, w.ValueHash, w.Delete, w.Purge})
	}
	for _, m := range c.Metadata {
		out.Metadata = append(out.Metadata, Metadata{KeyHash: m.KeyHash, Entries: named(m.Entries)})
	}
	return out
}

func named(entries []ledger.MetadataEntry) []Named {
	out := []Named{}
	for _, e := range entries {
		out = append(out, Named{e.Name, e.Value})
	}
	return out
}
