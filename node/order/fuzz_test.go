package order

import (
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		env := &common.Envelope{}
		if proto.Unmarshal(raw, env) != nil {
			return
		}
		if p, err := parseEnvelope(env); err == nil && p.channelID == "" {
			t.Error("an envelope without a channel was taken")
		}
	})
}
