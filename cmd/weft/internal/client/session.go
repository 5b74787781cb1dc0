package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/p2p/wire"
)

// The longest waits of a session. A peer answers in milliseconds; a submission
// may have to wait for the orderers to choose a leader.
const (
	connectTimeout  = 15 * time.Second
	evaluateTimeout = 35 * time.Second
	submitTimeout   = 35 * time.Second
	commitTimeout   = time.Minute
)

// Target is a node's client port.
type Target struct {
	Name, Endpoint string
	// TLSCA is the file with the certificate of its organisation's TLS CA.
	TLSCA string
}

// ErrUnreachable is wrapped when a node does not answer.
var ErrUnreachable = errors.New("does not answer")

// Open connects to the node and returns when TLS stands, or says why not.
func (t Target) Open(ctx context.Context) (*grpc.ClientConn, error) {
	conn, err := Dial(t.Endpoint, t.TLSCA)
	if err != nil {
		return nil, err
	}
	if err := t.ready(ctx, conn); err != nil {
		return nil, errors.Join(fmt.Errorf("%s at %s %w: %w", t.Name, t.Endpoint, ErrUnreachable, err), conn.Close())
	}
	return conn, nil
}

func (t Target) ready(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn.Connect()
	for {
		switch s := conn.GetState(); s {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			// The state does not say why; a call does.
			_, err := wire.NewNodeClient(conn).Identify(ctx, &wire.IdentifyRequest{})
			if status.Code(err) == codes.InvalidArgument {
				return nil // it is there after all, and wants a nonce
			}
			return errors.New(status.Convert(err).Message())
		default:
			if !conn.WaitForStateChange(ctx, s) {
				return fmt.Errorf("there is no connection after %s", connectTimeout)
			}
		}
	}
}

// Session is one identity's connection to the gateway of one peer, for one
// channel. It is safe for concurrent use.
type Session struct {
	Peer    Target
	Channel string
	// Took is how long it took to connect; Server the name in the peer's TLS
	// certificate.
	Took time.Duration

	id   *Identity
	conn *grpc.ClientConn
	gw   *client.Gateway
}

// Connect opens a session.
func Connect(ctx context.Context, t Target, id *Identity, channel string) (*Session, error) {
	start := time.Now()
	conn, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	s := &Session{Peer: t, Channel: channel, Took: time.Since(start), id: id, conn: conn}
	if s.gw, err = Gateway(conn, id); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// Gateway is Fabric's client SDK as an identity over a connection. Messages are
// hashed by the identity's key, not by the SDK.
func Gateway(conn grpc.ClientConnInterface, id *Identity) (*client.Gateway, error) {
	x509, err := identity.NewX509Identity(id.MSPID(), id.Certificate())
	if err != nil {
		return nil, err
	}
	return client.Connect(x509,
		client.WithSign(id.Sign), client.WithHash(hash.NONE), client.WithClientConnection(conn),
		client.WithEvaluateTimeout(evaluateTimeout), client.WithEndorseTimeout(evaluateTimeout),
		client.WithSubmitTimeout(submitTimeout), client.WithCommitStatusTimeout(commitTimeout))
}

// Close ends the session.
func (s *Session) Close() error { return errors.Join(s.gw.Close(), s.conn.Close()) }

// Connected reports whether a call would reach the peer at once. It has the
// connection tried again if not.
func (s *Session) Connected() bool {
	s.conn.Connect()
	state := s.conn.GetState()
	return state == connectivity.Ready || state == connectivity.Idle
}

// Conn is the connection to the peer.
func (s *Session) Conn() *grpc.ClientConn { return s.conn }

// Identity that the session acts as.
func (s *Session) Identity() *Identity { return s.id }

// Network is the SDK's view of the session's channel.
func (s *Session) Network() *client.Network { return s.gw.GetNetwork(s.Channel) }

// tlsVersion asks the peer something small and returns the TLS version of the
// connection, such as TLS 1.3.
func (s *Session) tlsVersion(ctx context.Context) string {
	var p peer.Peer
	_, _ = wire.NewNodeClient(s.conn).Identify(ctx, &wire.IdentifyRequest{}, grpc.Peer(&p)) // refused: it has no nonce
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		return tls.VersionName(info.State.Version)
	}
	return "TLS"
}
