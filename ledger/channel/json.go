package channel

import (
	"bytes"
	"fmt"

	"github.com/hyperledger/fabric-config/protolator"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// JSON prints a block as configtxlator's proto_decode would: every nested
// message that Fabric stores as bytes is spelled out.
func JSON(b *common.Block) ([]byte, error) {
	if b == nil {
		return nil, fmt.Errorf("print a block as JSON: there is no block")
	}
	text, err := blockJSON(b)
	if err != nil {
		return nil, fmt.Errorf("print block %d as JSON: %w", b.GetHeader().GetNumber(), err)
	}
	return text, nil
}

func blockJSON(b *common.Block) ([]byte, error) {
	env := &common.Envelope{}
	if data := b.GetData().GetData(); len(data) == 1 && proto.Unmarshal(data[0], env) == nil {
		if _, cfg, err := open(env); err == nil {
			return guarded(b, cfg)
		}
	}
	return deepJSON(b)
}

// ConfigJSON prints a config alone, as jq scripts around configtxlator take it
// out of a config block.
func ConfigJSON(c *common.Config) ([]byte, error) {
	if c == nil {
		return nil, fmt.Errorf("print a config as JSON: there is no config")
	}
	text, err := guarded(c, c)
	if err != nil {
		return nil, fmt.Errorf("print a config as JSON: %w", err)
	}
	return text, nil
}

// guarded prints msg, which carries cfg, if the tree is within the limits: the
// library spends time on every level of a tree for all levels below it.
func guarded(msg proto.Message, cfg *common.Config) ([]byte, error) {
	if _, err := index(cfg.GetChannelGroup()); err != nil {
		return nil, err
	}
	return deepJSON(msg)
}

// deepJSON guards the library: it walks messages by reflection and panics on
// some that are well-formed protobuf and not what the field says (a block comes
// from outside). Nothing is shared with it, so a panic leaves nothing behind.
func deepJSON(msg proto.Message) (text []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			text, err = nil, fmt.Errorf("its content is not what its type says: %v", r)
		}
	}()
	var out bytes.Buffer
	if err := protolator.DeepMarshalJSON(&out, msg); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
