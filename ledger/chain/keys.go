package chain

import (
	"encoding/binary"
	"errors"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/store"
)

// Keys of the index begin with a byte for what they hold. The encoding of keys
// and values is part of savepointVersion.
const (
	prefixHash   = 'h' // header hash → number
	prefixNumber = 'n' // number, big endian → position in the log
	prefixState  = 's' // length of namespace, namespace, key → version, value
	prefixTx     = 't' // transaction id → TxInfo
)

var savepointKey = []byte("p")

// maxTxID bounds the transaction ids that are indexed. A valid one has 64
// bytes; what an orderer let through beyond that must not become a key.
const maxTxID = 256

var errCorrupt = errors.New("the index is corrupt")

func numberKey(n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixNumber}, n)
}

func hashKey(hash []byte) []byte { return append([]byte{prefixHash}, hash...) }

func txKey(id string) []byte { return append([]byte{prefixTx}, id...) }

func encodeNumber(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func encodePosition(p store.Position) []byte { return encodeNumber(uint64(p)) }

func decodeNumber(b []byte) (uint64, error) {
	n, rest := cutUvarint(b)
	if rest == nil || len(rest) > 0 {
		return 0, errCorrupt
	}
	return n, nil
}

// namespacePrefix begins all keys of a namespace and none of another, whatever
// bytes a namespace has.
func namespacePrefix(namespace string) []byte {
	b := make([]byte, 0, 2*binary.MaxVarintLen16+len(namespace)+64)
	b = binary.AppendUvarint(append(b, prefixState), uint64(len(namespace)))
	return append(b, namespace...)
}

func stateKey(namespace, key string) []byte { return append(namespacePrefix(namespace), key...) }

func encodeState(v ledger.Version, value []byte) []byte {
	b := make([]byte, 0, 2*binary.MaxVarintLen64+len(value))
	b = binary.AppendUvarint(binary.AppendUvarint(b, v.Block), v.Tx)
	return append(b, value...)
}

// decodeState splits a state value; value is part of b.
func decodeState(b []byte) (v ledger.Version, value []byte, err error) {
	v.Block, b = cutUvarint(b)
	v.Tx, b = cutUvarint(b)
	if b == nil {
		return v, nil, errCorrupt
	}
	return v, b, nil
}

func encodeTxInfo(t TxInfo) []byte {
	b := binary.AppendUvarint(encodeNumber(t.Block), uint64(t.Index))
	return append(b, byte(t.Code))
}

func decodeTxInfo(b []byte) (TxInfo, error) {
	number, b := cutUvarint(b)
	index, b := cutUvarint(b)
	if len(b) != 1 {
		return TxInfo{}, errCorrupt
	}
	return TxInfo{Block: number, Index: int(index), Code: ledger.Code(b[0])}, nil
}

// cutUvarint takes a number off b; the rest is nil when there is none.
func cutUvarint(b []byte) (uint64, []byte) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil
	}
	return n, b[size:len(b):len(b)]
}

// cutBytes takes a slice with its length before it off b.
func cutBytes(b []byte) (v, rest []byte) {
	n, b := cutUvarint(b)
	if b == nil || n > uint64(len(b)) {
		return nil, nil
	}
	return b[:n:n], b[n:]
}
