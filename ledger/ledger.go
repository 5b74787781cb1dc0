// Package ledger is the vocabulary of Weft's ledger: versions, parsed
// transactions, read-write sets and validation codes. It does no I/O, reads no
// clock and imports nothing else of the ledger; every other ledger package
// speaks in these words.
package ledger

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Version is the place on the ledger that last wrote a key: block number and
// index of the transaction in that block. A key that was never written has no
// version (a nil *Version).
type Version struct {
	Block, Tx uint64
}

// Code is Fabric's validation code of one transaction.
type Code = peer.TxValidationCode

// Block is a block whose transactions were parsed once. Whoever handles a
// block after ParseBlock reads the parsed form and never unmarshals again.
type Block struct {
	*common.Block
	// Hash is the SHA-256 of the ASN.1 header, the block's identity.
	Hash []byte
	Txs  []*Tx
}

// Tx is one envelope of a block, parsed as far as it goes. When a part does
// not parse, Code is the code that Fabric gives for it and the fields after
// that part are empty; otherwise Code is NOT_VALIDATED.
type Tx struct {
	Raw             []byte // the envelope as it stands in the block
	Envelope        *common.Envelope
	Payload         *common.Payload
	ChannelHeader   *common.ChannelHeader
	SignatureHeader *common.SignatureHeader

	// Of an ENDORSER_TRANSACTION only.
	Extension    *peer.ChaincodeHeaderExtension
	Proposal     []byte // ChaincodeProposalPayload without transient data
	Response     []byte // ProposalResponsePayload: what endorsers signed
	Endorsements []*peer.Endorsement
	Action       *peer.ChaincodeAction
	Event        *peer.ChaincodeEvent // nil when the transaction emitted none
	RWSet        *RWSet

	Code Code
	// Rule is the number of the rule behind Code, 0 when parsing found none
	// broken: rules with a smaller number still come before it.
	Rule int
	// Why is for people: the reason behind Code. It is never part of the ledger.
	Why string

	prp *peer.ProposalResponsePayload // between two steps of parsing
}

// TxID is the transaction id claimed by the channel header, or "".
func (t *Tx) TxID() string { return t.ChannelHeader.GetTxId() }

// IndexID is the id under which the ledger knows the transaction, whatever
// becomes of it: the one that it claims, or else the one that it would have to
// claim. Configurations claim none. It is "" when the headers do not parse.
// See "Transaction ids" in docs/validation.md.
func (t *Tx) IndexID() string {
	switch {
	case t.ChannelHeader == nil || t.TxID() != "":
		return t.TxID()
	case t.SignatureHeader == nil:
		return ""
	}
	return txID(t.SignatureHeader.Nonce, t.SignatureHeader.Creator)
}

// RWSet is the parsed TxReadWriteSet of one transaction.
type RWSet struct {
	Namespaces []NsRWSet
}

// NsRWSet is what a transaction read and wrote in one namespace, in the order
// of the read-write set (keys sorted).
type NsRWSet struct {
	Namespace string
	Reads     []Read
	Writes    []Write
	Ranges    []*kvrwset.RangeQueryInfo
	Metadata  []MetadataWrite
	// Collections are the hashed parts of private data.
	Collections []CollectionRWSet
}

// CollectionRWSet is what every peer knows of a transaction's private reads and
// writes in one collection: hashes.
type CollectionRWSet struct {
	Name     string
	Reads    []HashedRead
	Writes   []HashedWrite
	Metadata []HashedMetadataWrite
}

// HashedRead is a private key read at a version; Version is nil for an absent key.
type HashedRead struct {
	KeyHash []byte
	Version *Version
}

// HashedWrite is a private write. Purge asks members to forget the key's history
// as well; a purge has both flags.
type HashedWrite struct {
	KeyHash, ValueHash []byte
	Delete, Purge      bool
}

// MetadataEntry is one named value of a key's metadata.
type MetadataEntry struct {
	Name  string
	Value []byte
}

// MetadataWrite replaces the whole metadata of a key; no entries delete it.
type MetadataWrite struct {
	Key     string
	Entries []MetadataEntry
}

// HashedMetadataWrite is a MetadataWrite of a private key.
type HashedMetadataWrite struct {
	KeyHash []byte
	Entries []MetadataEntry
}

// Read is one key read at a version; Version is nil for an absent key.
type Read struct {
	Key     string
	Version *Version
}

// Write is one public write. A write of an empty value is a delete.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
}

// KV is one committed key with its value and version.
type KV struct {
	Key     string
	Value   []byte
	Version Version
}
