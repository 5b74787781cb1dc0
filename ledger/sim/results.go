package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
)

// Results is the marshalled rwset.TxReadWriteSet: namespaces, reads, writes and
// metadata writes sorted, ranges in the order of their opening, each once. Iterators still open
// are closed as not exhausted. It ends the simulation.
func (s *Simulator) Results() ([]byte, error) {
	if s.done {
		return nil, errDone
	}
	s.done = true
	ranges, err := s.ranges()
	if err != nil {
		return nil, fmt.Errorf("end simulation: %w", err)
	}
	for name := range ranges {
		s.namespace(name)
	}
	tx := &rwset.TxReadWriteSet{DataModel: rwset.TxReadWriteSet_KV}
	for _, name := range slices.Sorted(maps.Keys(s.namespaces)) {
		set, err := canonical.Marshal(s.namespaces[name].set(ranges[name]))
		if err != nil {
			return nil, fmt.Errorf("encode read-write set of %s: %w", name, err)
		}
		// A refused access may have left a namespace with nothing in it.
		if len(set) > 0 {
			tx.NsRwset = append(tx.NsRwset, &rwset.NsReadWriteSet{Namespace: name, Rwset: set})
		}
	}
	raw, err := canonical.Marshal(tx)
	if err != nil {
		return nil, fmt.Errorf("encode read-write set: %w", err)
	}
	return raw, nil
}

// End ends the simulation without results, for callers that have no use for
// them.
func (s *Simulator) End() error {
	if s.done {
		return errDone
	}
	s.done = true
	var err error
	for _, i := range s.iterators {
		err = errors.Join(err, i.Close())
	}
	if err != nil {
		return fmt.Errorf("end simulation: %w", err)
	}
	return nil
}

var canonical = proto.MarshalOptions{Deterministic: true}

// ranges closes the iterators and gathers their queries by namespace. A query
// made twice is told once: on one snapshot it gave the same both times.
func (s *Simulator) ranges() (map[string][]*kvrwset.RangeQueryInfo, error) {
	type query struct {
		namespace, start, end string
		exhausted             bool
	}
	var err error
	seen := map[query]bool{}
	found := map[string][]*kvrwset.RangeQueryInfo{}
	for _, i := range s.iterators {
		err = errors.Join(err, i.Close())
		info := i.info()
		if info == nil {
			continue
		}
		q := query{i.namespace, info.StartKey, info.EndKey, info.ItrExhausted}
		if !seen[q] {
			seen[q] = true
			found[i.namespace] = append(found[i.namespace], info)
		}
	}
	return found, err
}

func (n *namespace) set(ranges []*kvrwset.RangeQueryInfo) *kvrwset.KVRWSet {
	set := &kvrwset.KVRWSet{RangeQueriesInfo: ranges}
	for _, key := range slices.Sorted(maps.Keys(n.reads)) {
		set.Reads = append(set.Reads, &kvrwset.KVRead{Key: key, Version: version(n.reads[key])})
	}
	for _, key := range slices.Sorted(maps.Keys(n.writes)) {
		w := n.writes[key]
		set.Writes = append(set.Writes, &kvrwset.KVWrite{Key: key, IsDelete: w.Delete, Value: w.Value})
	}
	for _, key := range slices.Sorted(maps.Keys(n.metadata)) {
		m := n.metadata[key]
		set.MetadataWrites = append(set.MetadataWrites, &kvrwset.KVMetadataWrite{
			Key: key, Entries: []*kvrwset.KVMetadataEntry{{Name: m.Name, Value: m.Value}},
		})
	}
	return set
}

func version(v *ledger.Version) *kvrwset.Version {
	if v == nil {
		return nil
	}
	return &kvrwset.Version{BlockNum: v.Block, TxNum: v.Tx}
}
