package chain

import (
	"bytes"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/store"
)

// Block reads block n. The caller owns the result.
func (c *Chain) Block(n uint64) (*common.Block, error) {
	raw, err := c.BlockBytes(n)
	if err != nil {
		return nil, err
	}
	return decodeBlock(n, raw)
}

// BlockBytes reads block n as it stands in the log, a marshalled common.Block.
// The caller owns the result.
func (c *Chain) BlockBytes(n uint64) ([]byte, error) {
	if !c.gate.Enter() {
		return nil, ErrClosed
	}
	defer c.gate.Leave()
	raw, err := c.blockBytes(n)
	if err != nil {
		return nil, fmt.Errorf("read block %d: %w", n, err)
	}
	return raw, nil
}

func (c *Chain) blockBytes(n uint64) ([]byte, error) {
	if n >= c.Height() {
		return nil, ErrNotFound
	}
	at, err := c.position(n)
	if err != nil {
		return nil, err
	}
	return c.log.Read(at)
}

// position of a block in the log.
func (c *Chain) position(n uint64) (store.Position, error) {
	if c.past != nil && n >= c.past.from {
		return c.past.at[n-c.past.from], nil
	}
	v, err := c.look(numberKey(n))
	if err != nil {
		return 0, err
	}
	at, err := decodeNumber(v)
	return store.Position(at), err
}

func decodeBlock(n uint64, raw []byte) (*common.Block, error) {
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("read block %d: %w", n, err)
	}
	return b, nil
}

// Blocks calls f for the marshalled blocks from a number on, up to the newest
// at the time of the call, until f returns false. The bytes belong to f.
func (c *Chain) Blocks(from uint64, f func(n uint64, raw []byte) bool) error {
	for n, height := from, c.Height(); n < height; n++ {
		raw, err := c.BlockBytes(n)
		if err != nil {
			return err
		}
		if !f(n, raw) {
			return nil
		}
	}
	return nil
}

// BlockByHash reads the block with that header hash.
func (c *Chain) BlockByHash(hash []byte) (*common.Block, error) {
	if !c.gate.Enter() {
		return nil, ErrClosed
	}
	defer c.gate.Leave()
	v, err := c.look(hashKey(hash))
	if err == nil && v == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read block %x: %w", hash, err)
	}
	n, err := decodeNumber(v)
	if err != nil {
		return nil, fmt.Errorf("read block %x: %w", hash, err)
	}
	b, err := c.Block(n)
	if err != nil {
		return nil, err
	}
	// The entry may be of a block that a crash took from an unsynced log.
	if !bytes.Equal(block.HeaderHash(b.Header), hash) {
		return nil, fmt.Errorf("read block %x: %w", hash, ErrNotFound)
	}
	return b, nil
}

// TxInfo is the place and code of a committed transaction.
type TxInfo struct {
	Block uint64
	Index int
	Code  ledger.Code
}

// Tx tells where the first transaction with that id is, and its code.
func (c *Chain) Tx(txID string) (TxInfo, error) {
	if !c.gate.Enter() {
		return TxInfo{}, ErrClosed
	}
	defer c.gate.Leave()
	info, found, err := c.findTx(c.look, txID)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return TxInfo{}, fmt.Errorf("look up transaction %.*q: %w", maxTxID, txID, err)
	}
	return info, nil
}

// HasTx tells whether a transaction with that id is on the ledger.
func (c *Chain) HasTx(txID string) (bool, error) {
	if !c.gate.Enter() {
		return false, ErrClosed
	}
	defer c.gate.Leave()
	_, found, err := c.findTx(c.look, txID)
	return found, err
}

// look reads a key of the index as it is now.
func (c *Chain) look(key []byte) ([]byte, error) {
	if c.db == nil {
		return nil, c.found.Index
	}
	return c.db.Get(key)
}

func (c *Chain) findTx(get func(key []byte) ([]byte, error), txID string) (info TxInfo, found bool, err error) {
	if txID == "" || len(txID) > maxTxID {
		return TxInfo{}, false, nil
	}
	key := txKey(txID)
	if c.txs.excludes(key) {
		return TxInfo{}, false, nil
	}
	v, err := get(key)
	if v == nil || err != nil {
		return TxInfo{}, false, err
	}
	info, err = decodeTxInfo(v)
	return info, err == nil, err
}

// LastConfigBlock is the newest config block.
func (c *Chain) LastConfigBlock() (*common.Block, error) { return c.Block(c.LastConfig()) }
