package sim

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/merkle"
	"github.com/weft-network/weft/ledger/state"
)

// degree of the Merkle summary: a range with more results lists hashes instead
// of them. It is Fabric's.
const degree = 50

// Range iterates start ≤ key < end and records a range query, whose reads are
// those that the caller really took. An empty end has no bound.
func (s *Simulator) Range(namespace, start, end string) (state.Iterator, error) {
	i, err := s.open(namespace, start, end)
	if err != nil {
		return nil, err // not i, which would be a nil that is not nil
	}
	return i, nil
}

// Page walks a part of a range. The caller takes as many records as it has room
// for, and then asks where the next page begins.
type Page struct{ *iterator }

// RangePage is Range for reading page by page: from the bookmark of the page
// before, or from start where that is empty. What is taken is recorded like any
// range, but the record that the bookmark names is not. The transaction can
// write nothing, before or after.
func (s *Simulator) RangePage(namespace, start, end, bookmark string) (*Page, error) {
	if s.writes > 0 {
		return nil, ErrPageAfterWrite
	}
	if bookmark != "" {
		start = bookmark
	}
	i, err := s.open(namespace, start, end)
	if err != nil {
		return nil, err
	}
	s.paged = true
	return &Page{i}, nil
}

// Bookmark is the key after those taken, or empty when none is left. It ends
// the page.
func (p *Page) Bookmark() (string, error) {
	if p.closed || p.exhausted || p.err != nil {
		return "", p.Err()
	}
	var next string
	if p.Iterator.Next() {
		next = p.Iterator.KV().Key
	}
	return next, errors.Join(p.Iterator.Err(), p.Close())
}

func (s *Simulator) open(namespace, start, end string) (*iterator, error) {
	if err := s.checkNames(namespace, start, end); err != nil {
		return nil, err
	}
	if len(s.iterators) >= MaxAccesses {
		return nil, refuse("a transaction may read %d ranges", MaxAccesses)
	}
	if err := s.payRead(0, len(start)+len(end)); err != nil {
		return nil, err
	}
	it, err := s.reader.Range(namespace, start, end)
	if err != nil {
		return nil, err
	}
	tree, err := merkle.New(degree)
	if err != nil {
		return nil, err
	}
	i := &iterator{Iterator: it, sim: s, namespace: namespace, start: start, end: end, tree: tree}
	s.iterators = append(s.iterators, i)
	return i, nil
}

// iterator notes what its caller takes.
type iterator struct {
	state.Iterator
	sim                   *Simulator
	namespace, start, end string
	tree                  *merkle.Tree

	taken     int
	last      string
	exhausted bool
	closed    bool
	err       error
}

func (i *iterator) Next() bool {
	if i.closed || i.exhausted || i.err != nil {
		return false
	}
	if !i.Iterator.Next() {
		i.exhausted = i.Iterator.Err() == nil
		return false
	}
	if i.err = i.take(i.Iterator.KV()); i.err != nil {
		return false
	}
	return true
}

func (i *iterator) take(kv ledger.KV) error {
	if i.taken >= MaxRangeRecords {
		return refuse("a range may give %d records", MaxRangeRecords)
	}
	// Beyond the degree, the results are hashed and not kept.
	if i.taken <= degree {
		if err := i.sim.payRead(0, len(kv.Key)); err != nil {
			return err
		}
	}
	i.taken++
	i.last = kv.Key
	i.tree.Add(kv.Key, kv.Version)
	return nil
}

func (i *iterator) Err() error {
	if i.err != nil {
		return i.err
	}
	return i.Iterator.Err()
}

func (i *iterator) Close() error {
	if i.closed {
		return nil
	}
	i.closed = true
	return i.Iterator.Close()
}

// info is the range query as the read-write set tells it: up to the end that
// was asked for when the caller saw that nothing is left, up to and including
// the last key taken otherwise. It is nil when the caller looked at nothing:
// then the transaction does not depend on the range.
func (i *iterator) info() *kvrwset.RangeQueryInfo {
	q := &kvrwset.RangeQueryInfo{StartKey: i.start, EndKey: i.last, ItrExhausted: i.exhausted}
	switch {
	case i.exhausted:
		q.EndKey = i.end
	case i.taken == 0:
		return nil
	}
	raw, summary := i.tree.Done()
	switch {
	case summary != nil:
		q.ReadsInfo = &kvrwset.RangeQueryInfo_ReadsMerkleHashes{ReadsMerkleHashes: summary}
	case raw != nil:
		q.ReadsInfo = &kvrwset.RangeQueryInfo_RawReads{RawReads: &kvrwset.QueryReads{KvReads: raw}}
	}
	return q
}
