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
	if err := checkConfigBytes(b.Txs[0]); err != nil {
		return nil, err
	}
	return result(make([]verdict, 1), state.Batch{configUpdate(b.Txs[0], ledger.Version{})}), nil
}

func checkConfigBytes(t *ledger.Tx) error {
	data := t.Payload.GetData()
	if len(data) == 0 {
		return errors.New("the configuration is empty")
	}
	if err := proto.Unmarshal(data, &common.ConfigEnvelope{}); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// configUpdate stores the configuration of a valid transaction.
func configUpdate(t *ledger.Tx, version ledger.Version) state.Update {
	return state.Update{Namespace: ConfigNamespace, Key: ConfigKey, Value: t.Payload.GetData(), Version: version}
}

// Updates recomputes the updates of a block whose codes are in its metadata, on
// the state before the block: what a replay after a crash needs. They equal
// those of the Finish that gave the codes.
func Updates(b *ledger.Block, before state.Reader) (state.Batch, error) {
	number := b.Header.GetNumber()
	codes := block.Codes(b.Block)
	if len(codes) != len(b.Txs) {
		return nil, fmt.Errorf("updates of block %d: it has %d codes for %d transactions", number, len(codes), len(b.Txs))
	}
	w := newWorld(newCommitted(before, b), number)
	for i, t := range b.Txs {
		if codes[i] != peer.TxValidationCode_VALID {
			continue
		}
		if err := w.redo(t, i); err != nil {
			return nil, fmt.Errorf("updates of block %d: transaction %d: %w", number, i, err)
		}
	}
	return w.batch(), nil
}

// redo applies a transaction that was found valid before.
func (w *world) redo(t *ledger.Tx, index int) error {
	version := ledger.Version{Block: w.number, Tx: uint64(index)}
	switch {
	case t.IsConfig():
		if err := checkConfigBytes(t); err != nil {
			return err
		}
		w.put(configUpdate(t, version))
		return nil
	case t.RWSet == nil:
		return fmt.Errorf("it is marked valid but does not parse: %s", t.Why)
	}
	return w.apply(t.RWSet, version)
}
