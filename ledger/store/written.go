package store

// Written is how many bytes a DB wrote to its files since it was opened.
type Written struct {
	Log       uint64 // of writes as they came
	Flushed   uint64 // from memory to tables
	Compacted uint64 // from tables to tables
}

// Total is the sum.
func (w Written) Total() uint64 { return w.Log + w.Flushed + w.Compacted }

// Written is how many bytes were written since the DB was opened.
func (d *DB) Written() Written {
	m := d.p.Metrics()
	total := m.Total()
	return Written{
		Log:       m.WAL.BytesWritten,
		Flushed:   total.TableBytesFlushed + total.BlobBytesFlushed,
		Compacted: total.TableBytesCompacted + total.BlobBytesCompacted,
	}
}
