// Package merkle summarises the results of a range query. A query with few
// results lists them; one with many leaves only the top hashes of a tree over
// them, so that the read-write set stays small. Simulation and validation feed
// it the same results and get the same bytes as Fabric's.
//
// The tree is of the given degree: degree+1 results, or hashes, make one hash
// of the level above. Only the newest nodes of each level are kept.
package merkle

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// minDegree is the smallest degree with which a tree gets smaller upwards.
const minDegree = 2

// Tree takes results in order. It is used by one goroutine.
type Tree struct {
	degree  int
	pending []*kvrwset.KVRead
	levels  [][][]byte // levels[0] is level 1: hashes of results
}

// New starts a summary; it refuses degrees below 2.
func New(degree uint32) (*Tree, error) {
	if degree < minDegree {
		return nil, fmt.Errorf("a Merkle summary of degree %d: the least is %d", degree, minDegree)
	}
	return &Tree{degree: int(degree), levels: make([][][]byte, 1)}, nil
}

// Add takes the next result.
func (t *Tree) Add(key string, v ledger.Version) {
	t.pending = append(t.pending, &kvrwset.KVRead{
		Key:     key,
		Version: &kvrwset.Version{BlockNum: v.Block, TxNum: v.Tx},
	})
	if len(t.pending) > t.degree {
		t.fold()
	}
}

// Level is the height that the tree has reached so far; it never sinks.
func (t *Tree) Level() uint32 { return uint32(len(t.levels)) }

// fold hashes the pending results into level 1, and full levels upwards.
func (t *Tree) fold() {
	raw, _ := proto.Marshal(&kvrwset.QueryReads{KvReads: t.pending}) // keys come from valid messages
	t.pending = nil
	t.push(0, hash(raw))
	for i := 0; len(t.levels[i]) > t.degree; i++ {
		t.raise(i)
	}
}

func (t *Tree) push(level int, h []byte) {
	if level == len(t.levels) {
		t.levels = append(t.levels, nil)
	}
	t.levels[level] = append(t.levels[level], h)
}

// raise replaces the nodes of a level by one node above.
func (t *Tree) raise(level int) {
	h := hash(t.levels[level]...)
	t.levels[level] = nil
	t.push(level+1, h)
}

// Done returns either all results, when there are at most degree of them, or
// the summary. The tree takes no results afterwards.
func (t *Tree) Done() ([]*kvrwset.KVRead, *kvrwset.QueryReadsMerkleSummary) {
	if len(t.levels) == 1 && len(t.levels[0]) == 0 {
		return t.pending, nil
	}
	if len(t.pending) > 0 {
		t.fold()
	}
	for i := 0; i < len(t.levels)-1; i++ {
		switch nodes := t.levels[i]; len(nodes) {
		case 0:
		case 1: // a lone node moves up as it is
			t.levels[i] = nil
			t.push(i+1, nodes[0])
		default:
			t.raise(i)
		}
	}
	if top := len(t.levels) - 1; len(t.levels[top]) > t.degree {
		t.raise(top)
	}
	return nil, &kvrwset.QueryReadsMerkleSummary{
		MaxDegree:      uint32(t.degree),
		MaxLevel:       t.Level(),
		MaxLevelHashes: t.levels[len(t.levels)-1],
	}
}

// Equal compares two summaries; nil equals nothing.
func Equal(a, b *kvrwset.QueryReadsMerkleSummary) bool {
	return a != nil && b != nil && a.MaxDegree == b.MaxDegree && a.MaxLevel == b.MaxLevel &&
		slices.EqualFunc(a.MaxLevelHashes, b.MaxLevelHashes, bytes.Equal)
}

func hash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
