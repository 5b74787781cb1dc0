package ledger

import (
	"bytes"
	"crypto/sha256"
)

// parse reads a CollectionHashedReadWriteSet.
func (c *CollectionRWSet) parse(raw []byte) error {
	var hashed []byte
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			c.Name = f.text()
		case f.isBytes(2):
			hashed = f.value
		}
	}
	if f.err != nil {
		return f.err
	}
	return c.parseHashed(hashed)
}

// parseHashed reads a HashedRWSet.
func (c *CollectionRWSet) parseHashed(raw []byte) error {
	versions := make(versions, 0, count(raw)[1])
	f := fields{rest: raw}
	for f.next() {
		var err error
		switch {
		case f.isBytes(1):
			var r HashedRead
			r, err = parseHashedRead(f.value, &versions)
			c.Reads = append(c.Reads, r)
		case f.isBytes(2):
			var w HashedWrite
			w, err = parseHashedWrite(f.value)
			c.Writes = append(c.Writes, w)
		case f.isBytes(3):
			var m HashedMetadataWrite
			m, err = parseHashedMetadata(f.value)
			c.Metadata = append(c.Metadata, m)
		}
		if err != nil {
			return err
		}
	}
	return f.err
}

func parseHashedRead(raw []byte, all *versions) (r HashedRead, err error) {
	f := fields{rest: raw}
	for f.next() && err == nil {
		switch {
		case f.isBytes(1):
			r.KeyHash = f.bytes()
		case f.isBytes(2):
			err = all.read(f.value, &r.Version)
		}
	}
	return r, firstOf(err, f.err)
}

// parseHashedWrite makes the one form of a delete, as parseWrite does: an empty
// value hash, and the hash of an empty value, delete too. A purge says so with
// the flag of a delete; alone it deletes nothing (rule 23).
func parseHashedWrite(raw []byte) (w HashedWrite, err error) {
	f := fields{rest: raw}
	for f.next() {
		switch {
		case f.isBytes(1):
			w.KeyHash = f.bytes()
		case f.isNumber(2):
			w.Delete = f.number != 0
		case f.isBytes(3):
			w.ValueHash = f.bytes()
		case f.isNumber(4):
			w.Purge = f.number != 0
		}
	}
	nothing := sha256.Sum256(nil)
	if w.Delete || len(w.ValueHash) == 0 || bytes.Equal(w.ValueHash, nothing[:]) {
		w.Delete, w.ValueHash = true, nil
	}
	return w, f.err
}

func parseHashedMetadata(raw []byte) (m HashedMetadataWrite, err error) {
	f := fields{rest: raw}
	for f.next() && err == nil {
		switch {
		case f.isBytes(1):
			m.KeyHash = f.bytes()
		case f.isBytes(2):
			m.Entries, err = parseEntry(f.value, m.Entries)
		}
	}
	return m, firstOf(err, f.err)
}
