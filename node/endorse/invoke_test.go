package endorse

import (
	"bytes"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

func TestSignedBytesAreWhatProtobufWrites(t *testing.T) {
	unknown := &peer.SignedProposal{}
	if err := proto.Unmarshal([]byte{0x0a, 1, 'a', 0x1a, 1, 'x'}, unknown); err != nil {
		t.Fatal(err)
	}
	for _, sp := range []*peer.SignedProposal{
		{}, {ProposalBytes: []byte("p")}, {Signature: []byte("s")},
		{ProposalBytes: bytes.Repeat([]byte("p"), 1000), Signature: bytes.Repeat([]byte("s"), 200)}, unknown,
	} {
		want, err := marshal(sp)
		if got := signedBytes(sp); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%x, not %x (%v)", got, want, err)
		}
	}
}
