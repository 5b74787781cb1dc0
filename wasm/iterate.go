package wasm

import (
	"strings"

	"github.com/weft-network/weft/wasm/abi"
)

// firstSimpleKey is where a range with an empty start begins unless composite
// keys are asked for: they all begin with U+0000.
const (
	compositeMark  = "\x00"
	firstSimpleKey = "\x01"
)

// cursor hands out the records of a range, a query or a history. It reads them
// in Fabric's batches, so that what was read is the same as there: a batch, and
// one record more to know whether others follow. A page is read whole when it
// is opened.
type cursor struct {
	// next appends a record to dst, or answers false at the end.
	next  func(dst []byte) (out []byte, ok bool, err error)
	close func() error

	records []byte // read and not handed over, one after the other
	ends    []int  // where each of them ends
	ready   int    // how many of them may be handed over now

	count    uint32 // records of a page
	bookmark string // where the next page begins
}

func stateCursor(namespace string, it Iterator) *cursor {
	return &cursor{close: it.Close, next: func(dst []byte) ([]byte, bool, error) {
		key, value, ok, err := it.Next()
		if err != nil || !ok {
			return dst, false, err
		}
		return abi.AppendState(dst, namespace, key, value), true, nil
	}}
}

func historyCursor(it HistoryIterator) *cursor {
	return &cursor{close: it.Close, next: func(dst []byte) ([]byte, bool, error) {
		m, ok, err := it.Next()
		if err != nil || !ok {
			return dst, false, err
		}
		return abi.AppendHistory(dst, abi.Modification(m)), true, nil
	}}
}

// read takes one record of the stub, and has it paid.
func (f *frame) read(c *cursor) (ok bool, err error) {
	f.pay(fuelRecord)
	before := len(c.records)
	if c.records, ok, err = c.next(c.records); err != nil || !ok {
		return false, err
	}
	if f.scanned++; f.scanned > f.limits.ScanRecords {
		f.end(&Exhausted{What: "ranges", Limit: int64(f.limits.ScanRecords), Unit: "records"})
	}
	if len(c.records) > maxResultBytes {
		f.end(&Exhausted{What: "records read at once", Limit: maxResultBytes, Unit: "bytes"})
	}
	f.pay(fuelOfBytes(len(c.records) - before))
	c.ends = append(c.ends, len(c.records))
	return true, nil
}

// fill reads the next batch. Of the one before it at most one record is left,
// the one that told that there are more.
func (f *frame) fill(c *cursor) error {
	ok, err := true, error(nil)
	for ok && err == nil && len(c.ends) <= abi.BatchRecords {
		ok, err = f.read(c)
	}
	c.ready = min(len(c.ends), abi.BatchRecords)
	return err
}

// fillPage reads the whole page, as Fabric does: its bookmark is told together
// with the first record. The record after the last one is not looked at.
func (f *frame) fillPage(c *cursor, size int) error {
	ok, err := true, error(nil)
	for ok && err == nil && len(c.ends) < size {
		ok, err = f.read(c)
	}
	c.ready = len(c.ends)
	c.count = uint32(c.ready)
	return err
}

// take cuts as many whole records off as fit into so many bytes, and one if
// even the first does not fit. They are valid until the next fill.
func (c *cursor) take(room uint32) []byte {
	n := 0
	for n < c.ready && uint64(c.ends[n]) <= uint64(room) {
		n++
	}
	if n == 0 && c.ready > 0 {
		n = 1
	}
	if n == 0 {
		return nil
	}
	end := c.ends[n-1]
	out := c.records[:end:end]
	c.records, c.ends, c.ready = c.records[end:], c.ends[n:], c.ready-n
	for i := range c.ends {
		c.ends[i] -= end
	}
	return out
}

// pageOf says whether a page is asked for, and of how many records. In Fabric
// no size and no bookmark is no page, and a size that is none is without bound.
func (f *frame) pageOf(page int32, bookmark string) (size int, paged bool) {
	if page == 0 && bookmark == "" {
		return 0, false
	}
	if page <= 0 || int(page) > f.limits.ScanRecords {
		return f.limits.ScanRecords, true
	}
	return int(page), true
}

// open gives the cursor a handle once its first records are read.
func (f *frame) open(c *cursor, first func() error) int32 {
	f.opened++
	h := f.opened
	f.iterators[h] = c // before it is read, so that it is closed whatever happens
	if err := first(); err != nil {
		return f.broken(h, err)
	}
	return int32(h)
}

// broken closes an iterator whose records cannot be read.
func (f *frame) broken(h uint32, err error) int32 {
	c := f.iterators[h]
	delete(f.iterators, h)
	_ = c.close() // the error of the read says more
	return f.stubError("read records", err)
}

func (f *frame) openBatches(c *cursor) int32 {
	return f.open(c, func() error { return f.fill(c) })
}

func (f *frame) openPage(c *cursor, it PageIterator, size int) int32 {
	return f.open(c, func() error {
		if err := f.fillPage(c, size); err != nil {
			return err
		}
		var err error
		if c.bookmark, err = it.Bookmark(); err != nil {
			return err
		}
		shut := c.close
		c.close = func() error { return nil }
		return shut()
	})
}

// handle refuses one iterator too many.
func (f *frame) handle() {
	f.tx()
	if len(f.iterators) >= f.limits.Iterators {
		f.deny(abi.Limit, "more than %d iterators are open", f.limits.Iterators)
	}
}

// range_open(coll, start, end, flags, page, bookmark)
func rangeOpen(f *frame) int32 {
	f.handle()
	coll, flags := f.collection(0), f.u32(6)
	start, end := f.bound(2, flags), f.bound(4, flags)
	bookmark := f.text(8, "bookmark", maxQueryBytes)
	size, paged := f.pageOf(int32(f.u32(7)), bookmark)
	if flags&^abi.FlagComposite != 0 {
		f.deny(abi.InvalidArg, "range_open knows no flags %#x", flags)
	}
	if paged && coll != "" {
		f.deny(abi.InvalidArg, "a range of private data has no pages")
	}
	if f.code != 0 {
		return f.code
	}
	if start == "" && flags&abi.FlagComposite == 0 {
		start = firstSimpleKey
	}
	f.pay(fuelOpen)
	switch {
	case coll != "":
		return f.openPrivate(coll, start, end)
	case paged:
		return f.openRangePage(start, end, size, bookmark)
	}
	it, err := f.stub.Range(start, end)
	if err != nil {
		return f.stubError("open range", err)
	}
	return f.openBatches(stateCursor(f.call.Chaincode, it))
}

// bound is the start or end of a range. Simple keys and composite keys are not
// mixed by accident.
func (f *frame) bound(i int, flags uint32) string {
	key := f.text(i, "key", MaxKeyBytes+4)
	if flags&abi.FlagComposite == 0 && strings.HasPrefix(key, compositeMark) {
		f.deny(abi.InvalidArg, "first character of the key [%s] contains a null character which is not allowed", key)
	}
	return key
}

func (f *frame) openPrivate(coll, start, end string) int32 {
	private, ok := f.stub.(PrivateData)
	if !ok {
		return f.unsupported("range_open", whatPrivate)
	}
	it, err := private.RangePrivate(coll, start, end)
	if err != nil {
		return f.stubError("open range of private data", err)
	}
	return f.openBatches(stateCursor(f.call.Chaincode, it))
}

func (f *frame) openRangePage(start, end string, size int, bookmark string) int32 {
	pager, ok := f.stub.(Pager)
	if !ok {
		return f.unsupported("range_open", "pages of ranges")
	}
	it, err := pager.RangePage(start, end, int32(size), bookmark)
	if err != nil {
		return f.stubError("open page", err)
	}
	return f.openPage(stateCursor(f.call.Chaincode, it), it, size)
}

// query_open(coll, query, page, bookmark)
func queryOpen(f *frame) int32 {
	f.handle()
	coll, query := f.collection(0), f.text(2, "query", maxQueryBytes)
	bookmark := f.text(5, "bookmark", maxQueryBytes)
	size, paged := f.pageOf(int32(f.u32(4)), bookmark)
	if paged && coll != "" {
		f.deny(abi.InvalidArg, "a query of private data has no pages")
	}
	if f.code != 0 {
		return f.code
	}
	querier, ok := f.stub.(Querier)
	if !ok {
		return f.unsupported("query_open", "queries of values")
	}
	f.pay(fuelOpen)
	it, err := querier.Query(coll, query, int32(size), bookmark)
	if err != nil {
		return f.stubError("open query", err)
	}
	c := stateCursor(f.call.Chaincode, it)
	if paged {
		return f.openPage(c, it, size)
	}
	return f.openBatches(c)
}

// history_open(key)
func historyOpen(f *frame) int32 {
	f.handle()
	key := f.key(0)
	if f.code != 0 {
		return f.code
	}
	historian, ok := f.stub.(Historian)
	if !ok {
		return f.unsupported("history_open", "history of keys")
	}
	f.pay(fuelOpen)
	it, err := historian.History(key)
	if err != nil {
		return f.stubError("open history", err)
	}
	return f.openBatches(historyCursor(it))
}

func (f *frame) cursor() *cursor {
	c, ok := f.iterators[f.u32(0)]
	if !ok {
		f.deny(abi.BadHandle, "no iterator %d is open", f.u32(0))
	}
	return c
}

// iter_next(h, ptr, cap)
func iterNext(f *frame) int32 {
	c := f.cursor()
	if f.code != 0 {
		return f.code
	}
	if c.ready == 0 && len(c.ends) > 0 {
		if err := f.fill(c); err != nil {
			return f.broken(f.u32(0), err)
		}
	}
	return f.answer(1, c.take(f.u32(2)))
}

// iter_meta(h, ptr, cap)
func iterMeta(f *frame) int32 {
	c := f.cursor()
	if f.code != 0 {
		return f.code
	}
	return f.answer(1, abi.AppendPage(nil, c.count, c.bookmark))
}

// iter_close(h)
func iterClose(f *frame) int32 {
	c := f.cursor()
	if f.code != 0 {
		return f.code
	}
	delete(f.iterators, f.u32(0))
	if err := c.close(); err != nil {
		return f.stubError("close iterator", err)
	}
	return 0
}
