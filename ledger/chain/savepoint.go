package chain

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weft-network/weft/ledger/store"
)

// savepointVersion is the format of the index: of its keys and values, which
// keys.go, finding.go and this file tell. An index of an older format is made
// again from the blocks; one of a newer is refused.
//
//	1  state without metadata and collections, no history, no findings
//	2  without noMetadata
//	3  as it is
const savepointVersion = 3

// errOlderFormat answers a savepoint of an older format.
var errOlderFormat = errors.New("the index has an older format")

// savepoint tells which blocks the index covers. It is written in the batch of
// every block. It is never changed once made.
type savepoint struct {
	height     uint64
	end        store.Position // of the log after block height-1
	lastConfig uint64
	txs        uint64 // transaction ids on the ledger
	hash       []byte // of block height-1; nil when there is none
	commitHash []byte // nil before block 1 and without state
	// noMetadata tells that no update up to here gave a key metadata. False is
	// always safe: then whoever wants to know looks.
	noMetadata bool
}

func (s *savepoint) encode() []byte {
	b := []byte{savepointVersion}
	for _, n := range []uint64{s.height, uint64(s.end), s.lastConfig, s.txs} {
		b = binary.AppendUvarint(b, n)
	}
	for _, v := range [][]byte{s.hash, s.commitHash} {
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	if s.noMetadata {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodeSavepoint(b []byte) (*savepoint, error) {
	if len(b) == 0 {
		return nil, errCorrupt
	}
	if b[0] < savepointVersion {
		return nil, errOlderFormat
	}
	if b[0] > savepointVersion {
		return nil, fmt.Errorf("the index has format %d; this program reads format %d, %w", b[0], savepointVersion, store.ErrNewerFormat)
	}
	s, end := &savepoint{}, uint64(0)
	b = b[1:]
	for _, n := range []*uint64{&s.height, &end, &s.lastConfig, &s.txs} {
		*n, b = cutUvarint(b)
	}
	for _, v := range []*[]byte{&s.hash, &s.commitHash} {
		var x []byte
		if x, b = cutBytes(b); len(x) > 0 {
			*v = x
		}
	}
	if len(b) != 1 {
		return nil, errCorrupt
	}
	s.noMetadata = b[0] == 1
	s.end = store.Position(end)
	return s, nil
}
