package store

// Written is how many bytes a DB wrote to its files since it was opened.
type Written struct {
	Log       uint64 // of writes as they came
	Flushed   uint64 // from memory to tables
	Compacted uint64 // from tables to tables
}

// Total is the sum.
func (w Written) Total() uint64 { return w.Log + w.Flushed + w.Compacted }

// Written is how many bytes were written since the DB was opened. What is still in
// memory counts in Log only.
func (d *DB) Written() Written {
	m := d.p.Metrics()
	w := Written{Log: m.WAL.BytesWritten}
	// Metrics.Total would count the log among the flushed bytes.
	for i := range m.Levels {
		l := &m.Levels[i]
		w.Flushed += l.TableBytesFlushed + l.BlobBytesFlushed
		w.Compacted += l.TableBytesCompacted + l.BlobBytesCompacted
	}
	return w
}
