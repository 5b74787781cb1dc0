// Package audit looks at a channel's ledger from outside its node: it verifies
// every block and everything derived from it, counts what is there, prints
// blocks for people and programs, and explains what became of a transaction.
//
// Nothing in it changes a ledger. What it reads may be damaged or made by an
// enemy: each function answers with what it could read, or an error that names
// the block, and never panics.
package audit

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
)

// Bytes are data of unknown kind. In JSON they are a string where they are
// UTF-8 text, otherwise an object with the one field base64.
type Bytes []byte

// MarshalJSON implements json.Marshaler.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return json.Marshal(string(b))
	}
	return json.Marshal(struct {
		Base64 string `json:"base64"`
	}{base64.StdEncoding.EncodeToString(b)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(raw []byte) (err error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*b = Bytes(text)
		return nil
	}
	var other struct {
		Base64 string `json:"base64"`
	}
	if err := json.Unmarshal(raw, &other); err != nil {
		return err
	}
	*b, err = base64.StdEncoding.DecodeString(other.Base64)
	return err
}

// Hash is printed as hex in JSON.
type Hash []byte

// MarshalJSON implements json.Marshaler.
func (h Hash) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h)) }

// UnmarshalJSON implements json.Unmarshaler.
func (h *Hash) UnmarshalJSON(raw []byte) (err error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	*h, err = hex.DecodeString(text)
	return err
}

// Identity is who signed something, as the certificate says: whether it may is
// not checked.
type Identity struct {
	MSPID string `json:"mspID"`
	// Name is the common name of the certificate.
	Name string `json:"name"`
}

// String is the identity for people.
func (i Identity) String() string {
	if i.Name == "" {
		return "someone of " + i.MSPID
	}
	return i.Name + " of " + i.MSPID
}

// identity reads a serialized identity, nil when it is none.
func identity(serialized []byte) *Identity {
	mspID, cert, err := ident.Parse(serialized)
	if err != nil {
		return nil
	}
	return &Identity{mspID, cert.Subject.CommonName}
}

// Version is a place on the ledger: a transaction and the writes it made.
type Version struct {
	Block uint64 `json:"block"`
	Tx    uint64 `json:"index"`
}

// version is nil for the version of an absent key.
func version(v *ledger.Version) *Version {
	if v == nil {
		return nil
	}
	return &Version{v.Block, v.Tx}
}

// Blocks are the blocks of a ledger, a *chain.Chain.
type Blocks interface {
	// Height is the number of blocks.
	Height() uint64
	// BlockBytes is a block as it is in the log.
	BlockBytes(n uint64) ([]byte, error)
}

// Progress is told how much of a longer work is done. It may be nil.
type Progress func(done, of uint64)

func (p Progress) tell(done, of uint64) {
	if p != nil {
		p(done, of)
	}
}
