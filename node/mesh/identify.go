package mesh

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

const (
	identifyPurpose = "weft identify 1"
	identifyTimeout = 5 * time.Second
	minNonce        = 16
	maxNonce        = 64
	maxAddrs        = 16    // addresses of one node
	maxAddrLen      = 256   // bytes of one multiaddr
	maxIdentity     = 16384 // bytes of a serialized identity
)

// NodeServer serves weft.Node/Identify on the client port.
type NodeServer struct {
	wire.UnimplementedNodeServer
	Mesh *Mesh
}

// Identify says who this node is: its identity, its libp2p addresses, and a
// signature that binds both to the caller's nonce.
func (n NodeServer) Identify(_ context.Context, req *wire.IdentifyRequest) (*wire.IdentifyResponse, error) {
	if l := len(req.GetNonce()); l < minNonce || l > maxNonce {
		return nil, status.Errorf(codes.InvalidArgument, "the nonce has %d bytes, not %d to %d", l, minNonce, maxNonce)
	}
	m := n.Mesh
	r := &wire.IdentifyResponse{
		Identity: m.cfg.Signer.Serialized(), PeerId: string(m.host.ID()), Addrs: m.host.Addrs(),
	}
	said, err := statement(r, req.Nonce)
	if err == nil {
		r.Signature, err = m.cfg.Signer.Sign(said)
	}
	if err != nil {
		return nil, status.Errorf(codes.Internal, "sign the answer: %s", err)
	}
	return r, nil
}

func statement(r *wire.IdentifyResponse, nonce []byte) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(&wire.IdentifyStatement{
		Purpose: identifyPurpose, PeerId: r.PeerId, Addrs: r.Addrs, Nonce: nonce,
	})
}

// identify asks the node at the contact's address who it is, and believes it
// only as far as it proves.
func identify(ctx context.Context, c *contact, conf *channel.Config) (*wire.IdentifyResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, identifyTimeout)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+c.key.endpoint, grpc.WithTransportCredentials(credentials.NewTLS(c.tls())))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	r, err := wire.NewNodeClient(conn).Identify(ctx, &wire.IdentifyRequest{Nonce: nonce})
	if err != nil {
		return nil, fmt.Errorf("ask %s who it is: %w", c.key.endpoint, err)
	}
	if err := c.believe(r, nonce, conf.MSPs); err != nil {
		return nil, fmt.Errorf("the node at %s is not to be believed: %w", c.key.endpoint, err)
	}
	return r, nil
}

// believe checks an answer: sane sizes, an identity of the organisation that
// the configuration names for this address, and its signature.
func (c *contact) believe(r *wire.IdentifyResponse, nonce []byte, msps *ident.Set) error {
	if len(r.Identity) > maxIdentity || len(r.Addrs) == 0 || len(r.Addrs) > maxAddrs {
		return fmt.Errorf("%d bytes of identity and %d addresses", len(r.Identity), len(r.Addrs))
	}
	for _, a := range r.Addrs {
		if len(a) > maxAddrLen {
			return fmt.Errorf("an address of %d bytes", len(a))
		}
	}
	id, err := msps.Identity(r.Identity)
	if err != nil {
		return err
	}
	if !c.orgs[id.MSPID] {
		return fmt.Errorf("it is of %s, which the channel configuration does not name for this address", id.MSPID)
	}
	want, err := p2p.IDFromKey(id.Cert.PublicKey)
	if err != nil || string(want) != r.PeerId {
		return errors.New("its peer id is not that of its key")
	}
	said, err := statement(r, nonce)
	if err != nil {
		return err
	}
	return id.Verify(said, r.Signature)
}

// tls checks the server against the organisation's TLS roots and, for a
// consenter, against the very certificate of its entry.
func (c *contact) tls() *tls.Config {
	conf := &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if c.pinned != nil {
		conf.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || string(raw[0]) != string(c.pinned) {
				return errors.New("the TLS certificate is not the one of the consenter's entry in the channel configuration")
			}
			return nil
		}
	}
	return conf
}
