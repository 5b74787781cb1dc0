package raft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	"google.golang.org/protobuf/proto"
)

// modelLedger is a chain in memory that a crash may rob of its unsynced end.
// Like a real one it records each block's Raft index in the block.
type modelLedger struct {
	blocks []*common.Block
	synced int
}

func newModel(genesis *common.Block) *modelLedger {
	return &modelLedger{blocks: []*common.Block{genesis}, synced: 1}
}

func (l *modelLedger) Height() uint64   { return uint64(len(l.blocks)) }
func (l *modelLedger) LastHash() []byte { return block.HeaderHash(l.blocks[len(l.blocks)-1].Header) }
func (l *modelLedger) Sync() error      { l.synced = len(l.blocks); return nil }

func (l *modelLedger) RaftIndex() (uint64, error) {
	if len(l.blocks) == 1 {
		return 0, nil
	}
	return binary.BigEndian.Uint64(l.blocks[len(l.blocks)-1].Metadata.Metadata[0]), nil
}

func (l *modelLedger) fits(b *common.Block) bool {
	return b.Header.Number == l.Height() && bytes.Equal(b.Header.PreviousHash, l.LastHash())
}

func (l *modelLedger) Write(b *common.Block, index uint64) (bool, error) {
	if !l.fits(b) {
		return false, nil
	}
	b.Metadata = &common.BlockMetadata{Metadata: [][]byte{binary.BigEndian.AppendUint64(nil, index)}}
	l.blocks = append(l.blocks, b)
	return true, nil
}

func (l *modelLedger) Import(b *common.Block) error {
	if b.Header.Number < l.Height() {
		return nil
	}
	if !l.fits(b) {
		return fmt.Errorf("block %d does not follow", b.Header.Number)
	}
	l.blocks = append(l.blocks, proto.CloneOf(b))
	return nil
}

func (l *modelLedger) crash(rng *rand.Rand) {
	l.blocks = l.blocks[:l.synced+rng.IntN(len(l.blocks)-l.synced+1)]
	l.synced = len(l.blocks)
}
