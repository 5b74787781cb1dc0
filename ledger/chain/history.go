package chain

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// putHistory notes the public writes of the valid chaincode transactions, also
// of those that a later one of the same block overwrote, as Fabric does
// (core/ledger/kvledger/history/db.go). Values stay in the block.
func putHistory(batch *store.Batch, b *ledger.Block) {
	codes := block.Codes(b.Block)
	for i, tx := range b.Txs {
		if i >= len(codes) || codes[i] != peer.TxValidationCode_VALID || tx.RWSet == nil {
			continue
		}
		at := ledger.Version{Block: b.Header.Number, Tx: uint64(i)}
		for n := range tx.RWSet.Namespaces {
			ns := &tx.RWSet.Namespaces[n]
			for _, w := range ns.Writes {
				batch.Set(historyKey(ns.Namespace, w.Key, at), nil)
			}
		}
	}
}

// History walks the modifications of a public key up to the snapshot's height,
// the newest first. It ends with the snapshot.
func (s *Snapshot) History(ns, key string) (state.History, error) {
	prefix := historyPrefix(ns, key)
	i := &historyIter{s: s, ns: ns, key: key, prefix: len(prefix)}
	var err error
	if i.it, err = s.iter(i, prefix, store.PrefixEnd(prefix)); err != nil {
		return nil, err
	}
	return i, nil
}

// historyIter walks the history of one key.
type historyIter struct {
	s       *Snapshot
	it      *store.Iter
	ns, key string
	prefix  int
	block   *common.Block // the one read last: several writes may be in it
	now     state.Modification
	err     error
}

func (i *historyIter) Next() bool {
	if i.err != nil || !i.it.Next() {
		return false
	}
	at, err := decodePlace(i.it.Key()[i.prefix:])
	if err == nil {
		i.now, err = i.read(at)
	}
	if err != nil {
		i.err = fmt.Errorf("history of key %q of %q: %w", i.key, i.ns, err)
	}
	return err == nil
}

// read finds the write in its block.
func (i *historyIter) read(at ledger.Version) (state.Modification, error) {
	none := state.Modification{}
	if i.block == nil || i.block.GetHeader().GetNumber() != at.Block {
		b, err := i.s.c.Block(at.Block)
		if err != nil {
			return none, err
		}
		i.block = b
	}
	data := i.block.GetData().GetData()
	if at.Tx >= uint64(len(data)) {
		return none, fmt.Errorf("block %d has no transaction %d: %w", at.Block, at.Tx, errCorrupt)
	}
	tx := ledger.ParseTx(data[at.Tx])
	if tx.RWSet != nil {
		for _, ns := range tx.RWSet.Namespaces {
			for _, w := range ns.Writes {
				if ns.Namespace == i.ns && w.Key == i.key {
					return state.Modification{
						Version: at, TxID: tx.TxID(), Timestamp: tx.ChannelHeader.GetTimestamp(),
						Value: w.Value, Delete: w.Delete,
					}, nil
				}
			}
		}
	}
	return none, fmt.Errorf("transaction %d of block %d does not write it: %w", at.Tx, at.Block, errCorrupt)
}

func (i *historyIter) Modification() state.Modification { return i.now }

func (i *historyIter) Err() error {
	if i.err != nil {
		return i.err
	}
	return i.it.Err()
}

func (i *historyIter) Close() error { return i.s.closeIter(i) }
