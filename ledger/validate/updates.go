package validate

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
	"google.golang.org/protobuf/proto"
)

// The place in the state where the configuration in force stands, as in Fabric:
// a ConfigEnvelope in the namespace that no chaincode can have.
const (
	ConfigNamespace = ""
	ConfigKey       = "CHANNEL_CONFIG_ENV_BYTES"
)

// genesis is the outcome of block 0: its configuration is valid by definition,
// since it is what a member joins with. Its envelope need not be signed.
func genesis(b *ledger.Block) (*Result, error) {
	if len(b.Txs) != 1 || !b.Txs[0].IsConfig() {
		return nil, errors.New("a genesis block is one configuration transaction")
	}
	u, err := configUpdate(b, 0)
	if err != nil {
		return nil, err
	}
	return result(make([]verdict, 1), state.Batch{u}), nil
}

func configUpdate(b *ledger.Block, index int) (state.Update, error) {
	data := b.Txs[index].Payload.GetData()
	if len(data) == 0 {
		return state.Update{}, errors.New("the configuration is empty")
	}
	if err := proto.Unmarshal(data, &common.ConfigEnvelope{}); err != nil {
		return state.Update{}, fmt.Errorf("configuration: %w", err)
	}
	return state.Update{
		Namespace: ConfigNamespace,
		Key:       ConfigKey,
		Value:     data,
		Version:   ledger.Version{Block: b.Header.GetNumber(), Tx: uint64(index)},
	}, nil
}

// Updates recomputes the updates of a block whose codes are in its metadata:
// what a replay after a crash needs, on the state before the block. They equal those of the Finish that gave
// the codes.
func Updates(b *ledger.Block, before state.Reader) (state.Batch, error) {
	number := b.Header.GetNumber()
	codes := block.Codes(b.Block)
	if len(codes) != len(b.Txs) {
		return nil, fmt.Errorf("updates of block %d: it has %d codes for %d transactions", number, len(codes), len(b.Txs))
	}
	w := newWorld(before, number)
	for i, t := range b.Txs {
		switch {
		case codes[i] != peer.TxValidationCode_VALID:
		case t.IsConfig():
			u, err := configUpdate(b, i)
			if err != nil {
				return nil, fmt.Errorf("updates of block %d: %w", number, err)
			}
			w.put(u)
		case t.RWSet == nil:
			return nil, fmt.Errorf("updates of block %d: transaction %d is marked valid but does not parse: %s", number, i, t.Why)
		default:
			w.apply(t.RWSet, i)
		}
	}
	return w.batch(), nil
}
