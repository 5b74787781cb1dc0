package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/node/deliver"
	"github.com/weft-network/weft/node/endorse"
)

const (
	// maxMessage is Fabric's default limit of a gRPC message, both ways.
	maxMessage = 100 << 20
	// handshake bounds connection set-up: a client that sends nothing does not
	// hold a goroutine for long.
	handshake = 10 * time.Second
	// drain bounds how long a stopping server waits for calls under way.
	drain         = 3 * time.Second
	headerTimeout = 10 * time.Second
	maxStreams    = 10_000 // concurrent calls of one client connection
	// streamWorkers serve calls one after the other on stacks that have grown
	// already; calls beyond them get a goroutine each. Many of them wait for
	// commits at any time, and one that idles takes 2 KiB.
	streamWorkers = 512
	// Windows of a size that is set are not measured with pings. A client may
	// have so much under way that nobody has read yet.
	streamWindow = 1 << 20
	connWindow   = 4 << 20
)

// clientServer is the gRPC server on the client port with the services of the
// node's roles.
func (n *Node) clientServer() (*grpc.Server, error) {
	creds, err := n.serverCredentials()
	if err != nil {
		return nil, err
	}
	limit := &concurrency{max: int64(n.cfg.Peer.GatewayConcurrency)}
	s := grpc.NewServer(
		grpc.Creds(creds),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.ConnectionTimeout(handshake),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connWindow),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Minute, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(limit.unary),
		grpc.WaitForHandlers(true), // what they use is closed after them
	)
	n.registerNode(s)
	if n.peer != nil {
		gw.RegisterGatewayServer(s, n.peer.gateway)
		peer.RegisterEndorserServer(s, &endorse.Server{Endorser: n.peer.endorser})
		peer.RegisterDeliverServer(s, deliver.PeerServer{Service: n.peer.deliver})
	}
	if n.orderer != nil {
		orderer.RegisterAtomicBroadcastServer(s, n.orderer)
	}
	return s, nil
}

// serverCredentials serve the node's TLS certificate.
func (n *Node) serverCredentials() (credentials.TransportCredentials, error) {
	get, err := n.reloading("tls", n.cfg.TLS)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, GetCertificate: get}), nil
}

type getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// reloading reads the TLS files at every handshake, so that renewed ones are
// used without a restart. While they do not fit together, as in the middle of
// being replaced, the last good ones are used.
func (n *Node) reloading(name string, files TLS) (getCertificate, error) {
	pair, err := loadPair(name, files)
	if err != nil {
		return nil, err
	}
	var good atomic.Pointer[tls.Certificate]
	good.Store(pair)
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := loadPair(name, files)
		if err != nil {
			n.log.Warn("the TLS certificate was not read again; the one before is used", "err", err)
			return good.Load(), nil
		}
		good.Store(pair)
		return pair, nil
	}, nil
}

// checkTLS tries the files that are read again later.
func (n *Node) checkTLS() error {
	pair, err := loadPair("tls", n.cfg.TLS)
	if err != nil {
		return err
	}
	if end := pair.Leaf.NotAfter; !n.cfg.Now().Before(end) {
		return fmt.Errorf("the TLS certificate %s expired at %s: enrol the node again", n.cfg.TLS.Cert, end.UTC().Format(time.RFC3339))
	}
	if !n.cfg.has(Orderer) || n.cfg.Admin.Listen == "" {
		return nil
	}
	_, err = n.adminTLS()
	return err
}

func loadPair(name string, files TLS) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %[2]s and key %[3]s do not serve: %[4]w: give %[1]s.cert and %[1]s.key a certificate and its key, both in PEM form", name, files.Cert, files.Key, err)
	}
	return &pair, nil
}

// adminTLS asks for client certificates under the configured CAs.
func (n *Node) adminTLS() (*tls.Config, error) {
	get, err := n.reloading("admin.tls", n.cfg.Admin.TLS)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, path := range n.cfg.Admin.ClientCAs {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("admin.clientCAs: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("admin.clientCAs: %s holds no certificate", path)
		}
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: get,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}, nil
}

// serveGRPC serves until ctx ends, then lets calls under way end for a moment.
func serveGRPC(ctx context.Context, s *grpc.Server, l net.Listener) error {
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		force := time.AfterFunc(drain, s.Stop)
		defer force.Stop()
		s.GracefulStop()
	})()
	err := s.Serve(l)
	if ctx.Err() != nil {
		<-stopped
		return nil
	}
	s.Stop()
	return fmt.Errorf("serve clients on %s: %w", l.Addr(), err)
}

// serveWeb serves HTTP, with TLS when the server has a TLS configuration.
func serveWeb(ctx context.Context, s *http.Server, l net.Listener) error {
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		sctx, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		if s.Shutdown(sctx) != nil {
			_ = s.Close()
		}
	})()
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(l, "", "")
	} else {
		err = s.Serve(l)
	}
	if ctx.Err() != nil {
		<-stopped
		return nil
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve on %s: %w", l.Addr(), err)
}

// concurrency refuses gateway calls beyond a limit instead of queueing them.
// Event streams are not counted: they live long and cost little.
type concurrency struct {
	max, now int64
}

const gatewayService = "/gateway.Gateway/"

func (c *concurrency) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if !strings.HasPrefix(info.FullMethod, gatewayService) {
		return next(ctx, req)
	}
	defer atomic.AddInt64(&c.now, -1)
	if atomic.AddInt64(&c.now, 1) > c.max {
		return nil, status.Errorf(codes.ResourceExhausted, "too many requests for /gateway.Gateway, exceeding concurrency limit (%d)", c.max)
	}
	return next(ctx, req)
}
