package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/chain"
)

// Explanation is what became of a transaction, and why.
type Explanation struct {
	TxID       string      `json:"transactionID"`
	Block      uint64      `json:"block"`
	Index      int         `json:"index"`
	Code       ledger.Code `json:"codeNumber"`
	CodeName   string      `json:"code"`
	Invocation             // its own

	// Kept tells of an invalid transaction whether this peer still knows why.
	// It learned it when it validated the block; replay after a crash and a
	// rebuilt index do not tell.
	Kept bool `json:"reasonKept"`
	// Reason is one sentence; empty for a valid transaction and one whose
	// reason was not kept.
	Reason   string    `json:"reason,omitempty"`
	Conflict *Conflict `json:"conflict,omitempty"`
	Phantom  *Phantom  `json:"phantom,omitempty"`
	Policy   *Policy   `json:"policy,omitempty"`
}

// Invocation is what a transaction called, and who.
type Invocation struct {
	Creator   *Identity `json:"creator,omitempty"`
	Chaincode string    `json:"chaincode,omitempty"`
	Function  string    `json:"function,omitempty"`
}

// Conflict is a read that was outdated when the transaction committed.
type Conflict struct {
	Namespace  string `json:"namespace"`
	Collection string `json:"collection,omitempty"`
	// Key is the public key, KeyHash of a private one its hash.
	Key     Bytes `json:"key,omitempty"`
	KeyHash Hash  `json:"keyHash,omitempty"`
	// Read and Found are the versions when the transaction was endorsed and when
	// it was validated; null for an absent key.
	Read  *Version `json:"read"`
	Found *Version `json:"found"`
	// Winner is the transaction that wrote what was found, or deleted the key;
	// absent where that is not known.
	Winner *Winner `json:"winner,omitempty"`
}

// Winner is a transaction that came first.
type Winner struct {
	TxID  string `json:"transactionID"`
	Block uint64 `json:"block"`
	Index uint64 `json:"index"`
	Invocation
}

// Phantom is a range query start ≤ key < end whose result had changed; the
// reason says how.
type Phantom struct {
	Namespace string `json:"namespace"`
	Start     Bytes  `json:"start"`
	End       Bytes  `json:"end"` // empty for no bound
	// Key is the first key that differs, with its versions as in Conflict, and
	// Winner the transaction that wrote or deleted it. All are absent of a query
	// with many results, of which only a hash was kept.
	Key    Bytes    `json:"key,omitempty"`
	Read   *Version `json:"read,omitempty"`
	Found  *Version `json:"found,omitempty"`
	Winner *Winner  `json:"winner,omitempty"`
}

// Policy is an endorsement policy that did not hold.
type Policy struct {
	Namespace  string `json:"namespace,omitempty"`
	Collection string `json:"collection,omitempty"`
	// Key is the key whose own policy it is, where it is one.
	Key     Bytes    `json:"key,omitempty"`
	KeyHash Hash     `json:"keyHash,omitempty"`
	Policy  string   `json:"policy,omitempty"`
	Signed  []string `json:"signed"`  // MSP ids
	Missing []string `json:"missing"` // MSP ids
}

// Explain tells what became of the transaction with an id: of the first one on
// the ledger, if several claim it. The error wraps chain.ErrNotFound when there
// is none.
func Explain(l *chain.Chain, txID string) (*Explanation, error) {
	info, err := l.Tx(txID)
	if err != nil {
		return nil, err
	}
	tx, err := transactionAt(l, info.Block, uint64(info.Index))
	if err != nil {
		return nil, err
	}
	e := &Explanation{TxID: txID, Block: info.Block, Index: info.Index, Code: info.Code, CodeName: info.Code.String(), Invocation: invocation(tx)}
	if info.Code == peer.TxValidationCode_VALID {
		return e, nil
	}
	f, err := l.Finding(info.Block, info.Index)
	if errors.Is(err, chain.ErrNotFound) {
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	return e, e.take(l, f)
}

func (e *Explanation) take(l *chain.Chain, f *ledger.Finding) (err error) {
	e.Kept, e.Reason = true, f.Text
	switch f.Code {
	case peer.TxValidationCode_MVCC_READ_CONFLICT:
		c := &Conflict{Namespace: f.Namespace, Collection: f.Collection, Read: version(f.Read), Found: version(f.Found)}
		c.Key, c.KeyHash = keyOf(f)
		c.Winner, err = e.winner(l, f)
		e.Conflict = c
	case peer.TxValidationCode_PHANTOM_READ_CONFLICT:
		p := &Phantom{Namespace: f.Namespace, Read: version(f.Read), Found: version(f.Found)}
		if f.Range != nil {
			p.Start, p.End = Bytes(f.Range.Start), Bytes(f.Range.End)
		}
		p.Key, _ = keyOf(f)
		p.Winner, err = e.winner(l, f)
		e.Phantom = p
	case peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE:
		p := &Policy{Namespace: f.Namespace, Collection: f.Collection, Policy: f.Policy, Signed: nonNil(f.Signed), Missing: nonNil(f.Missing)}
		p.Key, p.KeyHash = keyOf(f)
		e.Policy = p
	}
	return err
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// keyOf is the key of a finding, or the hash of a private one.
func keyOf(f *ledger.Finding) (Bytes, Hash) {
	switch {
	case f.Key == "":
		return nil, nil
	case f.Collection != "":
		hash, err := hex.DecodeString(f.Key)
		if err != nil { // as it was shortened
			hash = nil
		}
		return nil, hash
	}
	return Bytes(f.Key), nil
}

// winner looks up who made the version that was found, or deleted the key.
func (e *Explanation) winner(l *chain.Chain, f *ledger.Finding) (w *Winner, err error) {
	v := f.Found
	if v == nil && f.Read != nil && f.Collection == "" {
		v, err = lastWrite(l, f.Namespace, f.Key, ledger.Version{Block: e.Block, Tx: uint64(e.Index)})
	}
	if v == nil || err != nil {
		return nil, err
	}
	tx, err := transactionAt(l, v.Block, v.Tx)
	if err != nil {
		return nil, fmt.Errorf("look up the transaction that won: %w", err)
	}
	return &Winner{TxID: tx.TxID(), Block: v.Block, Index: v.Tx, Invocation: invocation(tx)}, nil
}

// maxHistory is how many later changes of a key are passed over to find one
// before a transaction: each may cost the reading of a block.
const maxHistory = 1000

// lastWrite is the place of the last change of a key before a transaction; nil
// when it is not known. A key that was deleted has no version that would tell.
func lastWrite(l *chain.Chain, namespace, key string, before ledger.Version) (v *ledger.Version, err error) {
	s := l.Snapshot()
	defer func() { err = errors.Join(err, s.Close()) }()
	h, err := s.History(namespace, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	for range maxHistory {
		if !h.Next() {
			return nil, h.Err()
		}
		at := h.Modification().Version
		if at.Block < before.Block || at.Block == before.Block && at.Tx < before.Tx {
			return &at, nil
		}
	}
	return nil, nil
}

func transactionAt(l Blocks, number, index uint64) (*ledger.Tx, error) {
	raw, err := l.BlockBytes(number)
	if err != nil {
		return nil, err
	}
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	if index >= uint64(len(b.GetData().GetData())) {
		return nil, fmt.Errorf("block %d has no transaction %d", number, index)
	}
	return ledger.ParseTx(b.Data.Data[index]), nil
}

func invocation(t *ledger.Tx) Invocation {
	i := Invocation{Creator: identity(t.SignatureHeader.GetCreator()), Chaincode: t.Chaincode()}
	if args := arguments(t.Proposal); len(args) > 0 && utf8.Valid(args[0]) {
		i.Function = string(args[0])
	}
	return i
}
