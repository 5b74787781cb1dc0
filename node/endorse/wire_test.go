package endorse

import (
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// fieldsOf draws a message: fields in any order and number, some of other types,
// unknown ones, and some messages that are cut off.
func fieldsOf(t *rapid.T) []byte {
	var b []byte
	for range rapid.IntRange(0, 5).Draw(t, "fields") {
		num := protowire.Number(rapid.IntRange(1, 5).Draw(t, "number"))
		switch rapid.IntRange(0, 9).Draw(t, "type") {
		case 0:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), rapid.Uint64().Draw(t, "value"))
		case 1:
			b = append(b, rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(t, "noise")...)
		default:
			b = protowire.AppendTag(b, num, protowire.BytesType)
			b = protowire.AppendBytes(b, rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "bytes"))
		}
	}
	if len(b) > 0 && rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
		b = b[:rapid.IntRange(0, len(b)-1).Draw(t, "length")]
	}
	return b
}

func TestMessagesAreReadAsTheLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := fieldsOf(t)
		proposal, header := &peer.Proposal{}, &common.Header{}
		payload, signature := &peer.ChaincodeProposalPayload{}, &common.SignatureHeader{}
		for _, c := range []struct {
			err        error
			read, want proto.Message
		}{
			{OpenProposal(raw, proposal), proposal, &peer.Proposal{}},
			{OpenHeader(raw, header), header, &common.Header{}},
			{OpenPayload(raw, payload), payload, &peer.ChaincodeProposalPayload{}},
			{openSignatureHeader(raw, signature), signature, &common.SignatureHeader{}},
		} {
			err := proto.Unmarshal(raw, c.want)
			if (c.err == nil) != (err == nil) {
				t.Fatalf("%T of %x: error %v, the library's %v", c.want, raw, c.err, err)
			}
			if err == nil && !proto.Equal(c.read, c.want) {
				t.Fatalf("%T of %x: %v, the library's %v", c.want, raw, c.read, c.want)
			}
		}
	})
}

func TestReadingAProposalCopiesNothing(t *testing.T) {
	raw, err := proto.Marshal(&peer.Proposal{Header: []byte("header"), Payload: []byte("payload")})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer.Proposal{}
	if n := testing.AllocsPerRun(10, func() { err = OpenProposal(raw, p) }); n != 0 || err != nil {
		t.Errorf("%v allocations, error %v", n, err)
	}
	_ = append(p.Header, "more"...)
	if string(p.Payload) != "payload" {
		t.Error("a part can grow into the next one")
	}
}
