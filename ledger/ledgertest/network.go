// Package ledgertest makes ledgers for tests: a channel of organisations with
// real certificates, and on it whatever a peer may ever be sent: signed
// transactions with chosen endorsers and read-write sets, definitions of
// chaincode, changes of the configuration, blocks signed by an orderer.
//
// Everything is a function of names and numbers: two runs make the same bytes.
// Mistakes of the test that uses it end the test. The second opinion on what
// becomes of such blocks is the package modeltest below.
package ledgertest

import (
	"crypto/sha256"
	"slices"
	"sync"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

// Network is a channel, its organisations and its genesis block. It is safe for
// concurrent use.
type Network struct {
	Channel string
	Orderer *catest.Org
	Orgs    []*catest.Org
	// Genesis is block 0, Config what it says.
	Genesis *common.Block
	Config  *channel.Config
	// Vouch makes every signature known to Config's memo, as if the peer had
	// checked it before: for benchmarks of everything else.
	Vouch bool

	tb                     testing.TB
	peers, clients, admins []ident.Signer
	orderer, ordererAdmin  ident.Signer

	mu     sync.Mutex
	signed map[[32]byte][]byte
	nonces uint64
}

// New makes channel1 of those peer organisations ("Org1" has the MSP id
// Org1MSP), ordered by OrdererMSP; without names of Org1 and Org2.
func New(tb testing.TB, names ...string) *Network { return NewWith(tb, names) }

// NewWith is New with a changed genesis.
func NewWith(tb testing.TB, names []string, edits ...func(*genesis.Spec)) *Network {
	tb.Helper()
	if len(names) == 0 {
		names = []string{"Org1", "Org2"}
	}
	n := &Network{Channel: "channel1", Orderer: catest.NewOrderer(tb), tb: tb, signed: map[[32]byte][]byte{}}
	for _, name := range names {
		org := catest.New(tb, name)
		n.Orgs = append(n.Orgs, org)
		n.peers = append(n.peers, org.Peer("peer0").Signer())
		n.clients = append(n.clients, org.User("User1").Signer())
		n.admins = append(n.admins, org.Admin("Admin").Signer())
	}
	n.orderer, n.ordererAdmin = n.Orderer.Orderer("orderer0").Signer(), n.Orderer.Admin("Admin").Signer()
	n.Genesis = channeltest.Genesis(tb, n.Channel, n.Orderer, n.Orgs, edits...)
	var err error
	if n.Config, err = channel.FromBlock(n.Genesis); err != nil {
		tb.Fatal(err)
	}
	return n
}

// Peer is peer0 of the organisation with that index, Client its user User1, and
// Admin its administrator.
func (n *Network) Peer(org int) ident.Signer   { return n.peers[org] }
func (n *Network) Client(org int) ident.Signer { return n.clients[org] }
func (n *Network) Admin(org int) ident.Signer  { return n.admins[org] }

// Peers are peer0 of every organisation.
func (n *Network) Peers() []ident.Signer { return slices.Clone(n.peers) }

// OrdererNode signs blocks, OrdererAdmin changes of the ordering service.
func (n *Network) OrdererNode() ident.Signer  { return n.orderer }
func (n *Network) OrdererAdmin() ident.Signer { return n.ordererAdmin }

// Sign signs msg, and remembers: signing the same again costs a lookup.
func (n *Network) Sign(s ident.Signer, msg []byte) []byte {
	key := sha256.Sum256(slices.Concat(s.Certificate().Raw, msg))
	n.mu.Lock()
	sig, ok := n.signed[key]
	n.mu.Unlock()
	if !ok {
		var err error
		if sig, err = s.Sign(msg); err != nil {
			n.tb.Fatal(err)
		}
		n.mu.Lock()
		n.signed[key] = sig
		n.mu.Unlock()
	}
	if n.Vouch {
		if id, err := n.Config.MSPs.Identity(s.Serialized()); err == nil {
			id.Vouch(msg, sig)
		}
	}
	return sig
}

// nonce is another one with every call.
func (n *Network) nonce() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nonces++
	return []byte{'n', byte(n.nonces >> 24), byte(n.nonces >> 16), byte(n.nonces >> 8), byte(n.nonces)}
}

// Encode is the deterministic encoding of a message that does encode.
func Encode(m proto.Message) []byte {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // only a string that is no UTF-8, and tests write theirs in Go
	}
	return raw
}
