package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// Keys of the index begin with a byte for what they hold. The encoding of keys
// and values is part of savepointVersion.
const (
	prefixFinding = 'f' // number, index, big endian → Finding
	prefixHash    = 'h' // header hash → number
	prefixHashed  = 'c' // namespace, collection, key's hash → entry; see appendHashedKey
	prefixHistory = 'w' // namespace, key, block, index, the newest first → nothing; see historyKey
	prefixNumber  = 'n' // number, big endian → position in the log
	prefixState   = 's' // namespace, public key → entry; see stateKey
	prefixTx      = 't' // transaction id → TxInfo; see txKey
)

// The second byte of a transaction's key.
const (
	txIDAsText = 0
	txIDInHex  = 1
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

// txKey holds an id as bytes if it is of the form that Fabric makes, 32 bytes in
// lower case hex, and as it stands otherwise.
func txKey(id string) []byte {
	k := make([]byte, 2+sha256.Size)
	k[0], k[1] = prefixTx, txIDInHex
	if len(id) != 2*sha256.Size || !decodeHex(k[2:], id) {
		return append([]byte{prefixTx, txIDAsText}, id...)
	}
	return k
}

// decodeHex decodes lower case hex, twice as long as to; false if it is not that.
func decodeHex(to []byte, text string) bool {
	for i := range to {
		high, low := hexDigit(text[2*i]), hexDigit(text[2*i+1])
		if high|low > 15 {
			return false
		}
		to[i] = high<<4 | low
	}
	return true
}

// hexDigit is the value of a digit, 255 of what is none.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

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

// stateKey is the key of a public key: length of the namespace, namespace, key.
func stateKey(namespace, key string) []byte { return append(namespacePrefix(namespace), key...) }

// entryKey is stateKey, or a hashed key if there is a collection.
func entryKey(namespace, collection, key string) []byte {
	b := make([]byte, 0, 1+2*binary.MaxVarintLen16+len(namespace)+len(collection)+len(key))
	return appendEntryKey(b, namespace, collection, key)
}

func appendEntryKey(b []byte, namespace, collection, key string) []byte {
	if collection != "" {
		return appendHashedKey(b, namespace, collection, key)
	}
	return append(appendString(append(b, prefixState), namespace), key...)
}

// appendHashedKey appends the key of a private key's hash: length of the
// namespace, namespace, length of the collection, collection, hash. Its first
// byte is no public key's.
func appendHashedKey(b []byte, namespace, collection, hash string) []byte {
	b = appendString(appendString(append(b, prefixHashed), namespace), collection)
	return append(b, hash...)
}

// historyPrefix begins the history of a key and of no other.
func historyPrefix(namespace, key string) []byte {
	b := make([]byte, 0, 1+2*binary.MaxVarintLen16+len(namespace)+len(key)+placeBytes)
	return appendString(appendString(append(b, prefixHistory), namespace), key)
}

// placeBytes are at the end of a history's key: the complements of block and
// index, so that the newest comes first.
const placeBytes = 8 + 4

func historyKey(namespace, key string, v ledger.Version) []byte {
	b := binary.BigEndian.AppendUint64(historyPrefix(namespace, key), ^v.Block)
	return binary.BigEndian.AppendUint32(b, ^uint32(v.Tx))
}

func decodePlace(b []byte) (v ledger.Version, err error) {
	if len(b) != placeBytes {
		return v, errCorrupt
	}
	return ledger.Version{Block: ^binary.BigEndian.Uint64(b), Tx: uint64(^binary.BigEndian.Uint32(b[8:]))}, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// encodeEntry is version, length of the metadata, metadata, value.
func encodeEntry(v ledger.Version, metadata, value []byte) []byte {
	b := make([]byte, 0, 3*binary.MaxVarintLen32+len(metadata)+len(value))
	b = binary.AppendUvarint(binary.AppendUvarint(b, v.Block), v.Tx)
	b = append(binary.AppendUvarint(b, uint64(len(metadata))), metadata...)
	return append(b, value...)
}

// decodeEntry splits an entry, whose parts are parts of b.
func decodeEntry(b []byte) (e state.Entry, err error) {
	e.Version.Block, b = cutUvarint(b)
	e.Version.Tx, b = cutUvarint(b)
	metadata, b := cutBytes(b)
	if b == nil {
		return e, errCorrupt
	}
	if len(metadata) > 0 {
		e.Metadata = metadata
	}
	e.Value = b
	return e, nil
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
