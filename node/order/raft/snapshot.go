package raft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// snapData is what a Raft snapshot stands for: the chain up to and including a
// block. The blocks themselves are fetched from other orderers.
type snapData struct {
	number uint64 // of the newest block
	hash   []byte // of its header
}

const snapDataSize = 8 + sha256.Size

// encode is the number, big-endian, and the hash.
func (s snapData) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, s.number), s.hash...)
}

func decodeSnapData(raw []byte) (snapData, error) {
	if len(raw) != snapDataSize {
		return snapData{}, fmt.Errorf("a snapshot's data has %d bytes, want %d", len(raw), snapDataSize)
	}
	return snapData{number: binary.BigEndian.Uint64(raw), hash: bytes.Clone(raw[8:])}, nil
}

// catchUp brings the ledger to at least the snapshot's block. A failure leaves
// the blocks that were fetched so far, each verified; calling again goes on.
func catchUp(ctx context.Context, l Ledger, fetch Fetch, to snapData) error {
	if from := l.Height(); from <= to.number {
		if fetch == nil {
			return fmt.Errorf("blocks %d to %d are missing and there is nobody to fetch them from", from, to.number)
		}
		if err := fetch(ctx, from, to.number, l.Import); err != nil {
			return fmt.Errorf("fetch blocks %d to %d: %w", from, to.number, err)
		}
	}
	switch height := l.Height(); {
	case height <= to.number:
		return fmt.Errorf("fetch blocks up to %d: the answer ended at height %d", to.number, height)
	case height == to.number+1 && !bytes.Equal(l.LastHash(), to.hash):
		return fmt.Errorf("block %d has hash %x, but the snapshot of the leader says %x: the chains have forked", to.number, l.LastHash(), to.hash)
	}
	if err := l.Sync(); err != nil {
		return fmt.Errorf("sync the fetched blocks: %w", err)
	}
	return nil
}
