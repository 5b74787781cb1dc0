package demo

import (
	"context"
	"errors"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gwpb "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// The words of refusals.
const (
	forbidden = "FORBIDDEN"
	denied    = "access denied"
	notFound  = "not found"
)

// eventsTimeout is ample for a refusal, on a busy machine too.
const eventsTimeout = time.Minute

// anyBlock ends a stream of blocks at the first one: it should not have come.
func anyBlock(*common.Block) error { return errServed }

// ways are all the ways in for clients, with the refusal of each.
func (i *intruder) ways() []way {
	call := increment("visits")
	return []way{
		{"deliver blocks", i.peer, []string{forbidden}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.peer, func(c *grpc.ClientConn) error {
				return plainly(client.PeerBlocks(ctx, c, id, i.channel, client.Range{}, anyBlock))
			})
		}},
		{"deliver blocks", i.orderer, []string{forbidden}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.orderer, func(c *grpc.ClientConn) error {
				return plainly(client.OrdererBlocks(ctx, c, id, i.channel, client.Range{}, anyBlock))
			})
		}},
		{"ask for the ledger (qscc)", i.peer, []string{denied}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.peer, func(c *grpc.ClientConn) error {
				_, err := client.ChainInfo(ctx, c, id, i.channel)
				return err
			})
		}},
		{"evaluate", i.peer, []string{denied}, func(ctx context.Context, id *client.Identity) error {
			return i.through(ctx, i.peer, id, func(gw *client.Session) error {
				_, err := gw.Evaluate(ctx, readCounter("visits"))
				return err
			})
		}},
		{"evaluate, through its own peer", i.own, []string{notFound}, func(ctx context.Context, id *client.Identity) error {
			return i.through(ctx, i.own, id, func(gw *client.Session) error {
				_, err := gw.Evaluate(ctx, readCounter("visits"))
				return err
			})
		}},
		{"endorse", i.peer, []string{denied}, func(ctx context.Context, id *client.Identity) error {
			return i.through(ctx, i.peer, id, func(gw *client.Session) error {
				_, err := gw.Endorse(ctx, call)
				return err
			})
		}},
		{"submit, through the gateway", i.peer, []string{forbidden}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.peer, func(c *grpc.ClientConn) error { return i.submit(ctx, c, id) })
		}},
		{"broadcast", i.orderer, []string{forbidden}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.orderer, func(c *grpc.ClientConn) error {
				env, err := client.Envelope(id, i.channel, common.HeaderType_ENDORSER_TRANSACTION, []byte("a transaction"))
				if err != nil {
					return err
				}
				return client.Broadcast(ctx, c, env)
			})
		}},
		{"commit status", i.peer, []string{denied}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.peer, func(c *grpc.ClientConn) error { return i.commitStatus(ctx, c, id) })
		}},
		{"chaincode events", i.peer, []string{denied}, func(ctx context.Context, id *client.Identity) error {
			return i.with(ctx, i.peer, func(c *grpc.ClientConn) error { return i.events(ctx, c, id) })
		}},
	}
}

// plainly keeps errServed from being taken for a refusal.
func plainly(err error) error {
	if errors.Is(err, errServed) {
		return nil
	}
	return err
}

func (i *intruder) with(ctx context.Context, node *devnet.Node, do func(*grpc.ClientConn) error) error {
	c, err := i.s.access.Conn(ctx, node)
	if err != nil {
		return err
	}
	return do(c)
}

func (i *intruder) through(ctx context.Context, node *devnet.Node, id *client.Identity, do func(*client.Session) error) error {
	gw, err := client.Connect(ctx, access.Target(node), id, i.channel)
	if err != nil {
		return err
	}
	defer gw.Close()
	return do(gw)
}

// submit hands the gateway a transaction that nobody endorsed, signed by the
// intruder: what counts is that the orderers ask who signs.
func (i *intruder) submit(ctx context.Context, c *grpc.ClientConn, id *client.Identity) error {
	env, err := client.Envelope(id, i.channel, common.HeaderType_ENDORSER_TRANSACTION, []byte("a transaction"))
	if err != nil {
		return err
	}
	_, err = gwpb.NewGatewayClient(c).Submit(ctx, &gwpb.SubmitRequest{TransactionId: "1", ChannelId: i.channel, PreparedTransaction: env})
	return err
}

func (i *intruder) commitStatus(ctx context.Context, c *grpc.ClientConn, id *client.Identity) error {
	raw, err := proto.Marshal(&gwpb.CommitStatusRequest{TransactionId: "1", ChannelId: i.channel, Identity: id.Serialized()})
	if err != nil {
		return err
	}
	sig, err := id.Sign(raw)
	if err != nil {
		return err
	}
	_, err = gwpb.NewGatewayClient(c).CommitStatus(ctx, &gwpb.SignedCommitStatusRequest{Request: raw, Signature: sig})
	return err
}

func (i *intruder) events(ctx context.Context, c *grpc.ClientConn, id *client.Identity) error {
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout) // a stream that is served does not end
	defer cancel()
	raw, err := proto.Marshal(&gwpb.ChaincodeEventsRequest{ChannelId: i.channel, ChaincodeId: counter, Identity: id.Serialized()})
	if err != nil {
		return err
	}
	sig, err := id.Sign(raw)
	if err != nil {
		return err
	}
	st, err := gwpb.NewGatewayClient(c).ChaincodeEvents(ctx, &gwpb.SignedChaincodeEventsRequest{Request: raw, Signature: sig})
	if err != nil {
		return err
	}
	_, err = st.Recv()
	return err
}
