package ledger

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// ParseRWSet parses a marshalled TxReadWriteSet, hashed parts included: what
// does not parse in a collection's part is refused too. Values and hashes share
// the memory of raw, which must not change.
//
// Nothing bounds the number of parts but the size of raw, which the ordering
// service limits. In memory the result takes as much again as raw for any real
// set, and not a hundred times that for one of nothing but empty parts.
func ParseRWSet(raw []byte) (*RWSet, error) {
	set := &RWSet{Namespaces: make([]NsRWSet, 0, count(raw)[2])}
	f := fields{rest: raw}
	for f.next() {
		if !f.isBytes(2) {
			continue
		}
		set.Namespaces = append(set.Namespaces, NsRWSet{})
		ns := &set.Namespaces[len(set.Namespaces)-1]
		if err := ns.parse(f.value); err != nil {
			return nil, fmt.Errorf("namespace %q: %w", ns.Namespace, err)
		}
	}
	return set, f.err
}

// maxCounted is the highest number of a field that count tells apart.
const maxCounted = 4

// count is how often each field of bytes stands in a message, up to the first
// fault: what is made of them is made at its full length.
func count(raw []byte) (n [maxCounted + 1]int) {
	f := fields{rest: raw}
	for f.next() {
		if f.num <= maxCounted && f.typ == protowire.BytesType {
			n[f.num]++
		}
	}
	return n
}

// parse reads a NsReadWriteSet.
func (ns *NsRWSet) parse(raw []byte) error {
	var public []byte
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			ns.Namespace = f.text()
		case f.isBytes(2):
			public = f.value
		case f.isBytes(3):
			ns.Collections = append(ns.Collections, CollectionRWSet{})
			c := &ns.Collections[len(ns.Collections)-1]
			if err := c.parse(f.value); err != nil {
				return fmt.Errorf("collection %q: %w", c.Name, err)
			}
		}
	}
	if f.err != nil {
		return f.err
	}
	return ns.parsePublic(public)
}

// parsePublic reads a KVRWSet.
func (ns *NsRWSet) parsePublic(raw []byte) error {
	n := count(raw)
	ns.Reads, ns.Writes = make([]Read, 0, n[1]), make([]Write, 0, n[3])
	versions := make(versions, 0, n[1])
	f := fields{rest: raw}
	for f.next() {
		var err error
		switch {
		case f.isBytes(1):
			var r Read
			r, err = parseRead(f.value, &versions)
			ns.Reads = append(ns.Reads, r)
		case f.isBytes(2):
			q := &kvrwset.RangeQueryInfo{}
			err = proto.Unmarshal(f.value, q)
			ns.Ranges = append(ns.Ranges, q)
		case f.isBytes(3):
			var w Write
			w, err = parseWrite(f.value)
			ns.Writes = append(ns.Writes, w)
		case f.isBytes(4):
			var m MetadataWrite
			m, err = parseMetadata(f.value)
			ns.Metadata = append(ns.Metadata, m)
		}
		if err != nil {
			return err
		}
	}
	return f.err
}

// versions are those of one set's reads, in one piece of memory.
type versions []Version

// read puts a Version over what v is so far.
func (all *versions) read(raw []byte, v **Version) error {
	if *v == nil {
		*all = append(*all, Version{})
		*v = &(*all)[len(*all)-1]
	}
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isNumber(1):
			(*v).Block = f.number
		case f.isNumber(2):
			(*v).Tx = f.number
		}
	}
	return f.err
}

func parseRead(raw []byte, all *versions) (r Read, err error) {
	f := fields{rest: raw}
	for f.next() && err == nil {
		switch {
		case f.isBytes(1):
			r.Key = f.text()
		case f.isBytes(2):
			err = all.read(f.value, &r.Version)
		}
	}
	return r, firstOf(err, f.err)
}

// parseWrite makes the one form of a delete: Fabric deletes on the flag and on
// an empty value alike.
func parseWrite(raw []byte) (w Write, err error) {
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			w.Key = f.text()
		case f.isNumber(2):
			w.Delete = f.number != 0
		case f.isBytes(3):
			w.Value = f.bytes()
		}
	}
	if w.Delete || len(w.Value) == 0 {
		w.Delete, w.Value = true, nil
	}
	return w, f.err
}

func parseMetadata(raw []byte) (m MetadataWrite, err error) {
	f := fields{rest: raw}
	for f.next() && err == nil {
		switch {
		case f.isBytes(1):
			m.Key = f.text()
		case f.isBytes(2):
			m.Entries, err = parseEntry(f.value, m.Entries)
		}
	}
	return m, firstOf(err, f.err)
}

func parseEntry(raw []byte, entries []MetadataEntry) ([]MetadataEntry, error) {
	var e MetadataEntry
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			e.Name = f.text()
		case f.isBytes(2):
			e.Value = f.bytes()
		}
	}
	return append(entries, e), f.err
}

// ParseVersion turns the version of a read into ours; nil is an absent key.
func ParseVersion(v *kvrwset.Version) *Version {
	if v == nil {
		return nil
	}
	return &Version{Block: v.BlockNum, Tx: v.TxNum}
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
