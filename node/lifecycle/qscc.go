package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/node/endorse"
	"google.golang.org/protobuf/proto"
)

// QSCC is the system chaincode qscc: blocks and transactions of a channel, and
// ExplainTransaction, which Fabric does not have.
type QSCC struct {
	Channel func(id string) (endorse.Channel, bool)
}

// Invoke implements endorse.System.
func (q *QSCC) Invoke(_ context.Context, p *endorse.Proposal, _ *sim.Simulator) *peer.Response {
	if len(p.Args) < 2 {
		return refused("Incorrect number of arguments, %d", len(p.Args))
	}
	name, id := string(p.Args[0]), string(p.Args[1])
	query, known := queries()[name]
	if !known {
		return refused("Requested function %s not found.", name)
	}
	if name != "GetChainInfo" && len(p.Args) < 3 {
		return refused("missing 3rd argument for %s", name)
	}
	ch, ok := q.Channel(id)
	if !ok {
		return refused("Invalid chain ID, %s", id)
	}
	if err := endorse.Authorize(p, ch.Config(), resource(name)); err != nil {
		return refused("access denied for [%s][%s]: [%s]", name, id, err)
	}
	var arg []byte
	if len(p.Args) > 2 {
		arg = p.Args[2]
	}
	result, err := query(ch.Ledger(), arg)
	if err != nil {
		return refused("%s", err)
	}
	return &peer.Response{Status: 200, Payload: result}
}

// resource is what guards a function. Whoever may read a transaction may know
// why it is invalid.
func resource(function string) string {
	if function == explainTransaction {
		function = "GetTransactionByID"
	}
	return "qscc/" + function
}

// query answers with the bytes of the response's payload.
type query func(c *chain.Chain, arg []byte) ([]byte, error)

func queries() map[string]query {
	return map[string]query{
		"GetChainInfo":       encoded(chainInfo),
		"GetBlockByNumber":   encoded(blockByNumber),
		"GetBlockByHash":     encoded(blockByHash),
		"GetTransactionByID": encoded(transactionByID),
		"GetBlockByTxID":     encoded(blockByTxID),
		explainTransaction:   explain,
	}
}

// encoded is a query that answers with a message.
func encoded(q func(*chain.Chain, []byte) (proto.Message, error)) query {
	return func(c *chain.Chain, arg []byte) ([]byte, error) {
		m, err := q(c, arg)
		if err != nil {
			return nil, err
		}
		return proto.MarshalOptions{Deterministic: true}.Marshal(m)
	}
}

// explainTransaction is the function that answers with an audit.Explanation as
// JSON.
const explainTransaction = "ExplainTransaction"

func explain(c *chain.Chain, arg []byte) ([]byte, error) {
	e, err := audit.Explain(c, string(arg))
	if err != nil {
		return nil, fmt.Errorf("explain transaction %.*q: %w", maxShownTxID, arg, absent(err, "no such transaction ID in index"))
	}
	return json.Marshal(e)
}

// maxShownTxID bounds what an error repeats of a transaction id: a true one has
// 64 bytes.
const maxShownTxID = 64

func chainInfo(c *chain.Chain, _ []byte) (proto.Message, error) {
	height := c.Height()
	if height == 0 {
		return &common.BlockchainInfo{}, nil
	}
	b, err := c.Block(height - 1)
	if err != nil {
		return nil, fmt.Errorf("Failed to get block info with error %w", err) //nolint:staticcheck // Fabric's text
	}
	return &common.BlockchainInfo{
		Height:            height,
		CurrentBlockHash:  block.HeaderHash(b.Header),
		PreviousBlockHash: b.Header.PreviousHash,
	}, nil
}

func blockByNumber(c *chain.Chain, arg []byte) (proto.Message, error) {
	n, err := strconv.ParseUint(string(arg), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("Failed to parse block number with error %w", err) //nolint:staticcheck // Fabric's text
	}
	if n == math.MaxUint64 { // the newest, as in Fabric
		n = c.Height() - 1
	}
	b, err := c.Block(n)
	if err != nil {
		return nil, fmt.Errorf("Failed to get block number %d, error %w", n, absent(err, "no such block number [%d] in index", n)) //nolint:staticcheck // Fabric's text
	}
	return b, nil
}

func blockByHash(c *chain.Chain, hash []byte) (proto.Message, error) {
	b, err := c.BlockByHash(hash)
	if err != nil {
		return nil, fmt.Errorf("Failed to get block hash %x, error %w", hash, absent(err, "no such block hash [%x] in index", hash)) //nolint:staticcheck // Fabric's text
	}
	return b, nil
}

func transactionByID(c *chain.Chain, arg []byte) (proto.Message, error) {
	tx, err := processed(c, string(arg))
	if err != nil {
		return nil, fmt.Errorf("Failed to get transaction with id %s, error %w", arg, absent(err, "no such transaction ID [%s] in index", arg)) //nolint:staticcheck // Fabric's text
	}
	return tx, nil
}

func processed(c *chain.Chain, txID string) (*peer.ProcessedTransaction, error) {
	at, err := c.Tx(txID)
	if err != nil {
		return nil, err
	}
	b, err := c.Block(at.Block)
	if err != nil {
		return nil, err
	}
	envelopes := b.GetData().GetData()
	if at.Index < 0 || at.Index >= len(envelopes) {
		return nil, fmt.Errorf("block %d has no transaction %d", at.Block, at.Index)
	}
	env := &common.Envelope{}
	if err := proto.Unmarshal(envelopes[at.Index], env); err != nil {
		return nil, fmt.Errorf("transaction %d of block %d: %w", at.Index, at.Block, err)
	}
	return &peer.ProcessedTransaction{TransactionEnvelope: env, ValidationCode: int32(at.Code)}, nil
}

func blockByTxID(c *chain.Chain, arg []byte) (proto.Message, error) {
	at, err := c.Tx(string(arg))
	var b *common.Block
	if err == nil {
		b, err = c.Block(at.Block)
	}
	if err != nil {
		return nil, fmt.Errorf("Failed to get block for txID %s, error %w", arg, absent(err, "no such transaction ID [%s] in index", arg)) //nolint:staticcheck // Fabric's text
	}
	return b, nil
}

// absent puts Fabric's words in place of chain.ErrNotFound.
func absent(err error, format string, args ...any) error {
	if errors.Is(err, chain.ErrNotFound) {
		return fmt.Errorf(format, args...)
	}
	return err
}
