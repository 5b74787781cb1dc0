package chain

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/ledger/store"
)

// Part counts one part of the index, or one namespace of the state.
type Part struct {
	Part string // one of the parts above
	// Namespace and Collection are set for the parts of the state only.
	Namespace, Collection string
	Entries, Bytes        uint64 // of keys and values
}

// Parts counts what is in the index: the parts in the order of their keys, and
// for each namespace and collection of the state one of its own. It asks stop
// now and then, and ends with its error.
func (c *Chain) Parts(stop func() error) ([]Part, error) {
	if !c.gate.Enter() {
		return nil, ErrClosed
	}
	defer c.gate.Leave()
	if c.db == nil {
		return nil, nil
	}
	var parts []Part
	done := 0
	var stopped error
	err := c.db.Scan(nil, nil, func(key, value []byte) bool {
		p := Part{Part: partOf(key)}
		p.Namespace, p.Collection, _ = splitState(key)
		if n := len(parts); n == 0 || parts[n-1].Part != p.Part || parts[n-1].Namespace != p.Namespace || parts[n-1].Collection != p.Collection {
			parts = append(parts, p) // keys of a part, and of a namespace, are together
		}
		last := &parts[len(parts)-1]
		last.Entries++
		last.Bytes += uint64(len(key) + len(value))
		if done++; done%tellEvery == 0 {
			stopped = stop()
		}
		return stopped == nil
	})
	return parts, errors.Join(err, stopped)
}

func partOf(key []byte) string {
	if len(key) == 0 {
		return PartOther
	}
	switch key[0] {
	case prefixState:
		return PartState
	case prefixHashed:
		return PartHashedState
	case prefixHistory:
		return PartHistory
	case prefixTx:
		return PartTransactions
	case prefixNumber:
		return PartNumbers
	case prefixHash:
		return PartHashes
	case prefixFinding:
		return PartFindings
	case savepointKey[0]:
		return PartSavepoint
	}
	return PartOther
}

// splitState takes the key of a part of the state apart; all are empty for
// another key, or one that is damaged.
func splitState(key []byte) (namespace, collection, rest string) {
	if len(key) == 0 || key[0] != prefixState && key[0] != prefixHashed {
		return "", "", ""
	}
	ns, b := cutBytes(key[1:])
	if b != nil && key[0] == prefixHashed {
		var c []byte
		c, b = cutBytes(b)
		collection = string(c)
	}
	if b == nil {
		return "", "", ""
	}
	return string(ns), collection, string(b)
}

// keyText names an entry of the index for people.
func keyText(key []byte) string {
	namespace, collection, rest := splitState(key)
	switch part := partOf(key); part {
	case PartState:
		return fmt.Sprintf("key %q of namespace %q", rest, namespace)
	case PartHashedState:
		return fmt.Sprintf("the private key with hash %x of namespace %q, collection %q", rest, namespace, collection)
	case PartTransactions:
		if len(key) > 2 && key[1] == txIDInHex {
			return fmt.Sprintf("the entry of transaction %x", key[2:])
		}
		return fmt.Sprintf("the entry of transaction %q", key[min(2, len(key)):])
	case PartNumbers, PartHashes:
		return fmt.Sprintf("the entry of block %x", key[1:])
	case PartHistory:
		return "an entry of the history of " + historyText(key)
	case PartSavepoint:
		return "the savepoint"
	default:
		return fmt.Sprintf("the entry %x", key)
	}
}

func historyText(key []byte) string {
	ns, b := cutBytes(key[1:])
	k, b := cutBytes(b)
	v, err := decodePlace(b)
	if err != nil {
		return fmt.Sprintf("%x", key)
	}
	return fmt.Sprintf("key %q of namespace %q, of block %d, index %d,", k, ns, v.Block, v.Tx)
}

// valueText is the value of an entry for people.
func valueText(key, value []byte) string {
	switch partOf(key) {
	case PartState, PartHashedState:
		e, err := decodeEntry(value)
		if err != nil {
			return fmt.Sprintf("%x", clip(value))
		}
		text := fmt.Sprintf("%q of block %d, index %d", clip(e.Value), e.Version.Block, e.Version.Tx)
		if len(e.Metadata) > 0 {
			text += fmt.Sprintf(" with metadata %x", clip(e.Metadata))
		}
		return text
	case PartTransactions:
		if t, err := decodeTxInfo(value); err == nil {
			return fmt.Sprintf("block %d, index %d, %s", t.Block, t.Index, t.Code)
		}
	case PartNumbers:
		if n, err := decodeNumber(value); err == nil {
			return fmt.Sprintf("position %d", store.Position(n))
		}
	}
	return fmt.Sprintf("%x", clip(value))
}

// maxValueText bounds a value in a text.
const maxValueText = 64

func clip(b []byte) []byte { return b[:min(len(b), maxValueText)] }
