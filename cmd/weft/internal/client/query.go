package client

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ident"
)

// ChainInfo asks a peer for a channel's height and newest hashes.
func ChainInfo(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel string) (*common.BlockchainInfo, error) {
	info := &common.BlockchainInfo{}
	return info, system(ctx, conn, signer, info, "qscc", "GetChainInfo", channel)
}

// Block asks a peer for one block.
func Block(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel string, number uint64) (*common.Block, error) {
	b := &common.Block{}
	return b, system(ctx, conn, signer, b, "qscc", "GetBlockByNumber", channel, strconv.FormatUint(number, 10))
}

// Transaction asks a peer what became of a transaction.
func Transaction(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel, txID string) (*peer.ProcessedTransaction, error) {
	tx := &peer.ProcessedTransaction{}
	return tx, system(ctx, conn, signer, tx, "qscc", "GetTransactionByID", channel, txID)
}

// Channels asks a peer which channels it is on.
func Channels(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer) ([]string, error) {
	r := &peer.ChannelQueryResponse{}
	if err := system(ctx, conn, signer, r, "cscc", "GetChannels", ""); err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range r.Channels {
		ids = append(ids, c.ChannelId)
	}
	return ids, nil
}

// system asks a system chaincode; the first argument after the function is the
// channel, "" for none.
func system(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, result proto.Message, chaincode, function, channel string, args ...string) error {
	c := Call{Channel: channel, Chaincode: chaincode, Args: Args(function)}
	if channel != "" {
		c.Args = append(c.Args, Args(append([]string{channel}, args...)...)...)
	}
	raw, err := Ask(ctx, conn, signer, c)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("read the answer of %s/%s: %w", chaincode, function, err)
	}
	return nil
}

// SameBlock reports whether two nodes' copies are the same block: equal headers
// and, where both have one, equal commit hashes. Signatures of orderers differ.
func SameBlock(a, b *common.Block) bool {
	x, y := block.CommitHash(a), block.CommitHash(b)
	return bytes.Equal(block.HeaderHash(a.GetHeader()), block.HeaderHash(b.GetHeader())) &&
		(len(x) == 0 || len(y) == 0 || bytes.Equal(x, y))
}
