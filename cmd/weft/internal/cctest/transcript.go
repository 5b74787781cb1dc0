package cctest

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm"
)

// transcript tells in words what a call answered and, unless it failed, what it
// read and wrote: a line for each, in the order of the read-write set.
func transcript(r *wasm.Response, raw []byte, own string) ([]string, error) {
	lines := []string{fmt.Sprintf("status %d", r.Status)}
	if r.Message != "" {
		lines = append(lines, "message "+inline(r.Message))
	}
	if len(r.Payload) > 0 {
		lines = append(lines, "payload "+inline(r.Payload))
	}
	if r.Status >= errorThreshold {
		return lines, nil
	}
	if r.EventName != "" {
		lines = append(lines, "event "+word(r.EventName)+" = "+inline(r.EventPayload))
	}
	set := &rwset.TxReadWriteSet{}
	if err := proto.Unmarshal(raw, set); err != nil {
		return nil, err
	}
	for _, ns := range set.NsRwset {
		of, err := namespace(ns, own)
		if err != nil {
			return nil, fmt.Errorf("read-write set of %s: %w", ns.Namespace, err)
		}
		lines = append(lines, of...)
	}
	return lines, nil
}

// namespace tells what was accessed of one; the chaincode's own is not named.
func namespace(ns *rwset.NsReadWriteSet, own string) ([]string, error) {
	var lines []string
	if ns.Namespace != own {
		lines = append(lines, "namespace "+ns.Namespace)
	}
	set := &kvrwset.KVRWSet{}
	if err := proto.Unmarshal(ns.Rwset, set); err != nil {
		return nil, err
	}
	lines = append(lines, public(set)...)
	for _, c := range ns.CollectionHashedRwset {
		hashed := &kvrwset.HashedRWSet{}
		if err := proto.Unmarshal(c.HashedRwset, hashed); err != nil {
			return nil, err
		}
		lines = append(lines, collection(c.CollectionName, hashed)...)
	}
	return lines, nil
}

func public(set *kvrwset.KVRWSet) (lines []string) {
	for _, r := range set.Reads {
		lines = append(lines, "read "+key(r.Key)+": "+since(r.Version))
	}
	for _, q := range set.RangeQueriesInfo {
		lines = append(lines, rangeLines(q)...)
	}
	for _, w := range set.Writes {
		lines = append(lines, write(key(w.Key), w.IsDelete, w.Value))
	}
	for _, w := range set.MetadataWrites {
		lines = append(lines, metadata(key(w.Key), w.Entries)...)
	}
	return lines
}

// since tells where a version comes from: blocks are steps here.
func since(v *kvrwset.Version) string {
	switch {
	case v == nil:
		return "absent"
	case v.BlockNum == 0:
		return "from the start"
	}
	return fmt.Sprintf("of step %d", v.BlockNum)
}

func write(key string, deleted bool, value []byte) string {
	if deleted || len(value) == 0 {
		return "delete " + key
	}
	return "write " + key + " = " + inline(value)
}

func metadata(key string, entries []*kvrwset.KVMetadataEntry) (lines []string) {
	if len(entries) == 0 {
		return []string{"delete metadata of " + key}
	}
	for _, e := range entries {
		lines = append(lines, "metadata "+key+" "+e.Name+" = "+metadataValue(e))
	}
	return lines
}

// metadataValue tells an endorsement policy in the policy language.
func metadataValue(e *kvrwset.KVMetadataEntry) string {
	env := &common.SignaturePolicyEnvelope{}
	if e.Name != sim.ValidationParameter || len(e.Value) == 0 || proto.Unmarshal(e.Value, env) != nil {
		return inline(e.Value)
	}
	return inline(policy.String(env))
}

func rangeLines(q *kvrwset.RangeQueryInfo) []string {
	how := "to its end"
	if !q.ItrExhausted {
		how = "and no further"
	}
	line := "range " + span(q.StartKey, q.EndKey) + ", " + how + ":"
	if hashes := q.GetReadsMerkleHashes(); hashes != nil {
		return []string{fmt.Sprintf("%s hashes %x", line, hashes.MaxLevelHashes)}
	}
	reads := q.GetRawReads().GetKvReads()
	if len(reads) == 0 {
		return []string{line + " nothing"}
	}
	lines := []string{line}
	for _, r := range reads {
		lines = append(lines, "  "+key(r.Key)+": "+since(r.Version))
	}
	return lines
}

func collection(name string, set *kvrwset.HashedRWSet) (lines []string) {
	of := "of collection " + word(name) + " "
	for _, r := range set.HashedReads {
		lines = append(lines, fmt.Sprintf("read %shash %x: %s", of, r.KeyHash, since(r.Version)))
	}
	for _, w := range set.HashedWrites {
		verb := "write"
		switch {
		case w.IsPurge:
			verb = "purge"
		case w.IsDelete:
			verb = "delete"
		}
		lines = append(lines, fmt.Sprintf("%s %shash %x = hash %x", verb, of, w.KeyHash, w.ValueHash))
	}
	for _, w := range set.MetadataWrites {
		lines = append(lines, metadata(fmt.Sprintf("%shash %x", of, w.KeyHash), w.Entries)...)
	}
	return lines
}
