package modeltest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// refuse is the check of the block itself, rules B1 to B4.
func (m *Model) refuse(b *common.Block) error {
	data := b.GetData().GetData()
	switch {
	case b.Header == nil || b.Header.Number != m.Height || !bytes.Equal(b.Header.PreviousHash, m.hash):
		return errors.New("it is not the next block")
	case len(b.GetMetadata().GetMetadata()) < 5:
		return errors.New("metadata is missing")
	case len(data) == 0:
		return errors.New("it is empty")
	}
	if len(data) != 1 || !isConfig(data[0]) {
		for _, raw := range data {
			env := &common.Envelope{}
			if proto.Unmarshal(raw, env) != nil || len(env.Payload) == 0 || len(env.Signature) == 0 {
				return errors.New("an envelope is not whole")
			}
			rest, plain := bytes.CutPrefix(raw, join(field(1, env.Payload), field(2, env.Signature)))
			if !plain || !unknown(rest) {
				return errors.New("an envelope is encoded in another way")
			}
		}
	}
	if sum := sha256.Sum256(bytes.Join(data, nil)); !bytes.Equal(sum[:], b.Header.DataHash) {
		return errors.New("the data is not that of the header")
	}
	md := &common.Metadata{}
	if err := proto.Unmarshal(b.Metadata.Metadata[0], md); err != nil {
		return err
	}
	var signed []signature
	for _, s := range md.Signatures {
		sh := &common.SignatureHeader{}
		if err := proto.Unmarshal(s.SignatureHeader, sh); err != nil {
			return err
		}
		signed = append(signed, signature{join(md.Value, s.SignatureHeader, headerBytes(b.Header)), sh.Creator, s.Signature})
	}
	if !m.config.holds(m.Bug, "/Channel/Orderer/BlockValidation", signed) {
		return errors.New("the orderers did not sign it")
	}
	return nil
}

// unknown reports whether raw holds only fields that an envelope does not know.
func unknown(raw []byte) bool {
	for len(raw) > 0 {
		number, typ, n := protowire.ConsumeField(raw)
		if n < 0 || number <= 2 && typ == protowire.BytesType {
			return false
		}
		raw = raw[n:]
	}
	return true
}

func isConfig(raw []byte) bool {
	p, err := parsePayload(raw)
	if err != nil || p.Header == nil {
		return false
	}
	ch := &common.ChannelHeader{}
	return proto.Unmarshal(p.Header.ChannelHeader, ch) == nil && ch.Type == 1
}

// headerBytes is DER by hand: a sequence of an integer and two strings, all of
// them short.
func headerBytes(h *common.BlockHeader) []byte {
	n := []byte{byte(h.Number >> 56), byte(h.Number >> 48), byte(h.Number >> 40), byte(h.Number >> 32),
		byte(h.Number >> 24), byte(h.Number >> 16), byte(h.Number >> 8), byte(h.Number)}
	for len(n) > 1 && n[0] == 0 && n[1] < 0x80 {
		n = n[1:]
	}
	if n[0] >= 0x80 {
		n = append([]byte{0}, n...)
	}
	tlv := func(tag byte, v []byte) []byte { return join([]byte{tag, byte(len(v))}, v) }
	return tlv(0x30, join(tlv(2, n), tlv(4, h.PreviousHash), tlv(4, h.DataHash)))
}

func headerHash(h *common.BlockHeader) []byte {
	sum := sha256.Sum256(headerBytes(h))
	return sum[:]
}

// CommitHash is made of bytes by hand. An update to an empty value is a delete.
func CommitHash(previous []byte, codes []peer.TxValidationCode, pending map[Key]*Value) []byte {
	raw := uvarint(uint64(len(codes)))
	for _, c := range codes {
		raw = append(raw, byte(c))
	}
	keys := slices.SortedFunc(maps.Keys(pending), func(a, b Key) int {
		for _, c := range []int{strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Collection, b.Collection)} {
			if c != 0 {
				return c
			}
		}
		return strings.Compare(a.Name, b.Name)
	})
	var last Key
	for _, k := range keys {
		if k.Namespace == "" {
			continue
		}
		v := pending[k]
		var w []byte
		if k.Namespace != last.Namespace {
			w, last = field(1, []byte(k.Namespace)), Key{Namespace: k.Namespace}
		}
		if k.Collection != last.Collection {
			w, last = append(w, field(2, []byte(k.Collection))...), k
		}
		w = append(w, field(3, []byte(k.Name))...)
		if v.Value == "" {
			w = append(w, 4<<3, 1)
		} else {
			w = append(w, field(5, []byte(v.Value))...)
		}
		w = append(w, field(6, join(ordered(v.Block), ordered(v.Tx)))...)
		raw = append(raw, join([]byte{1<<3 | 2}, uvarint(uint64(len(w))), w)...)
	}
	sum := sha256.Sum256(join(raw, previous))
	return sum[:]
}

// field is a protobuf field of bytes; empty ones are left out.
func field(number byte, v []byte) []byte {
	if len(v) == 0 {
		return nil
	}
	return join([]byte{number<<3 | 2}, uvarint(uint64(len(v))), v)
}

func uvarint(n uint64) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// ordered is the number of significant bytes, and those.
func ordered(n uint64) []byte {
	var b []byte
	for ; n > 0; n >>= 8 {
		b = append([]byte{byte(n)}, b...)
	}
	return append([]byte{byte(len(b))}, b...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
