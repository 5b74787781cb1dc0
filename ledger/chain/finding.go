package chain

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/store"
)

// Findings are kept beside the ledger, in the batch of their block. They cannot
// be made again from the blocks: those that a crash took, or that were in an
// index that was rebuilt, are gone.
const (
	// maxFindingText bounds each text of a kept finding; what is longer ends in
	// an ellipsis. A policy or a key may be of any length.
	maxFindingText = 2048
	// maxFindingOrgs bounds its lists of organisations.
	maxFindingOrgs = 64
)

// The fields of a finding, a protobuf message. Fields are added, never reused.
const (
	findingCode = iota + 1
	findingText
	findingNamespace
	findingCollection
	findingKey
	findingRead  // block and transaction, two varints
	findingFound // likewise
	findingStart
	findingEnd
	findingPolicy
	findingSigned  // repeated
	findingMissing // repeated
	findingIsRange
)

func findingKeyOf(block uint64, index int) []byte {
	k := binary.BigEndian.AppendUint64([]byte{prefixFinding}, block)
	return binary.BigEndian.AppendUint32(k, uint32(index))
}

// Finding is why a transaction is invalid. ErrNotFound means that nothing is
// known: the transaction is valid, or is not there, or its finding was lost.
func (c *Chain) Finding(block uint64, index int) (*ledger.Finding, error) {
	if !c.gate.Enter() {
		return nil, ErrClosed
	}
	defer c.gate.Leave()
	f, err := c.finding(block, index)
	if err != nil {
		return nil, fmt.Errorf("read the finding of transaction %d of block %d: %w", index, block, err)
	}
	return f, nil
}

func (c *Chain) finding(block uint64, index int) (*ledger.Finding, error) {
	if block >= c.Height() || index < 0 {
		return nil, ErrNotFound
	}
	raw, err := c.look(findingKeyOf(block, index))
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, ErrNotFound
	}
	return decodeFinding(raw)
}

func putFindings(batch *store.Batch, block uint64, findings []*ledger.Finding) {
	for i, f := range findings {
		if f != nil {
			batch.Set(findingKeyOf(block, i), encodeFinding(f))
		}
	}
}

func encodeFinding(f *ledger.Finding) []byte {
	b := protowire.AppendTag(nil, findingCode, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(f.Code))
	b = appendText(b, findingText, f.Text)
	b = appendText(b, findingNamespace, f.Namespace)
	b = appendText(b, findingCollection, f.Collection)
	b = appendText(b, findingKey, f.Key)
	b = appendVersion(b, findingRead, f.Read)
	b = appendVersion(b, findingFound, f.Found)
	if f.Range != nil {
		b = protowire.AppendVarint(protowire.AppendTag(b, findingIsRange, protowire.VarintType), 1)
		b = appendText(b, findingStart, f.Range.Start)
		b = appendText(b, findingEnd, f.Range.End)
	}
	b = appendText(b, findingPolicy, f.Policy)
	b = appendTexts(b, findingSigned, f.Signed)
	return appendTexts(b, findingMissing, f.Missing)
}

func appendTexts(b []byte, field protowire.Number, list []string) []byte {
	for i, s := range list {
		if i == maxFindingOrgs {
			return appendText(b, field, "…")
		}
		b = protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), shorten(s))
	}
	return b
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), shorten(s))
}

// shorten cuts a text at a character, if it is one: a key's hash is not.
func shorten(s string) string {
	if len(s) <= maxFindingText {
		return s
	}
	end := maxFindingText
	for end > maxFindingText-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func appendVersion(b []byte, field protowire.Number, v *ledger.Version) []byte {
	if v == nil {
		return b
	}
	raw := protowire.AppendVarint(protowire.AppendVarint(nil, v.Block), v.Tx)
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), raw)
}

func decodeFinding(raw []byte) (*ledger.Finding, error) {
	f := &ledger.Finding{}
	for len(raw) > 0 {
		field, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return nil, errCorrupt
		}
		size := protowire.ConsumeFieldValue(field, kind, raw[n:])
		if size < 0 {
			return nil, errCorrupt
		}
		value := raw[n : n+size]
		raw = raw[n+size:]
		var err error
		switch kind {
		case protowire.VarintType:
			number, _ := protowire.ConsumeVarint(value)
			takeNumber(f, field, number)
		case protowire.BytesType:
			text, _ := protowire.ConsumeBytes(value)
			err = takeText(f, field, text)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func takeNumber(f *ledger.Finding, field protowire.Number, n uint64) {
	switch field {
	case findingCode:
		f.Code = ledger.Code(n)
	case findingIsRange:
		f.Range = &ledger.FindingRange{}
	}
}

func takeText(f *ledger.Finding, field protowire.Number, text []byte) (err error) {
	switch field {
	case findingText:
		f.Text = string(text)
	case findingNamespace:
		f.Namespace = string(text)
	case findingCollection:
		f.Collection = string(text)
	case findingKey:
		f.Key = string(text)
	case findingRead:
		f.Read, err = decodeVersion(text)
	case findingFound:
		f.Found, err = decodeVersion(text)
	case findingStart, findingEnd:
		if f.Range == nil {
			return errCorrupt
		}
		if field == findingStart {
			f.Range.Start = string(text)
		} else {
			f.Range.End = string(text)
		}
	case findingPolicy:
		f.Policy = string(text)
	case findingSigned:
		f.Signed = append(f.Signed, string(text))
	case findingMissing:
		f.Missing = append(f.Missing, string(text))
	}
	return err
}

func decodeVersion(b []byte) (*ledger.Version, error) {
	v := &ledger.Version{}
	v.Block, b = cutUvarint(b)
	v.Tx, b = cutUvarint(b)
	if b == nil || len(b) > 0 {
		return nil, errCorrupt
	}
	return v, nil
}
