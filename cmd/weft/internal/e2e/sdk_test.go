package e2e

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// sdk connects User1 of an organisation to a peer as the documentation of
// Fabric's client SDK shows it, with nothing of ours.
func (n *network) sdk(t *testing.T, org, node string) *client.Network {
	t.Helper()
	user := filepath.Join(must(n.UserDir(org, "User1"))(t), "msp")
	certs := must(filepath.Glob(filepath.Join(user, "signcerts", "*.pem")))(t)
	cert := must(identity.CertificateFromPEM(must(os.ReadFile(certs[0]))(t)))(t)
	key := must(identity.PrivateKeyFromPEM(must(os.ReadFile(filepath.Join(user, "keystore", "priv_sk")))(t)))(t)
	id := must(identity.NewX509Identity(org+"MSP", cert))(t)
	sign := must(identity.NewPrivateKeySign(key))(t)

	at := n.node(t, node)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must(os.ReadFile(at.TLSCA()))(t))
	conn := must(grpc.NewClient("dns:///"+at.Endpoint, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, at.Name))))(t)
	gw := must(client.Connect(id, client.WithSign(sign), client.WithHash(hash.SHA256), client.WithClientConnection(conn)))(t)
	t.Cleanup(func() { _ = errors.Join(gw.Close(), conn.Close()) })
	return gw.GetNetwork(channel1)
}

// names makes ids of assets that no other test has.
func names(t *testing.T, n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s-%d", t.Name(), i))
	}
	return list
}

// take receives n values.
func take[T any](t *testing.T, what string, from <-chan T, n int) []T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []T
	for len(got) < n {
		select {
		case v, open := <-from:
			if !open {
				t.Fatalf("the stream of %s ended after %d of %d", what, len(got), n)
			}
			got = append(got, v)
		case <-ctx.Done():
			t.Fatalf("%d of %d %s came", len(got), n, what)
		}
	}
	return got
}

func TestTheUnmodifiedClientSubmitsAndHearsOfItEveryWay(t *testing.T) {
	n := shared(t)
	ledger := n.sdk(t, "Org1", "peer0.org1")
	asset := ledger.GetContract("asset")
	start := client.WithStartBlock(n.level(t))
	events := must(ledger.ChaincodeEvents(t.Context(), "asset", start))(t)
	blocks := must(ledger.BlockEvents(t.Context(), start))(t)
	filtered := must(ledger.FilteredBlockEvents(t.Context(), start))(t)
	private := must(ledger.BlockAndPrivateDataEvents(t.Context(), start))(t)

	id := names(t, 1)[0]
	result, commit, err := asset.SubmitAsync("Create", client.WithArguments(id, "Ada", "100"))
	check(t, err)
	st := must(commit.Status())(t)
	if !st.Successful || st.Code != peer.TxValidationCode_VALID || st.TransactionID != commit.TransactionID() {
		t.Fatalf("commit status %+v", st)
	}
	if got := must(asset.EvaluateTransaction("Read", id))(t); string(got) != string(result) {
		t.Errorf("submitted %s, read %s", result, got)
	}

	ev := take(t, "chaincode events", events, 1)[0]
	if ev.TransactionID != st.TransactionID || ev.BlockNumber != st.BlockNumber || ev.ChaincodeName != "asset" || ev.EventName != "Create" || string(ev.Payload) != string(result) {
		t.Errorf("event %+v", ev)
	}
	full := take(t, "blocks", blocks, 1)[0]
	if full.GetHeader().GetNumber() != st.BlockNumber || !slices.Contains(txIDs(t, full), st.TransactionID) {
		t.Errorf("block %d with %v, not block %d with %s", full.GetHeader().GetNumber(), txIDs(t, full), st.BlockNumber, st.TransactionID)
	}
	fb := take(t, "filtered blocks", filtered, 1)[0]
	if fb.ChannelId != channel1 || fb.Number != st.BlockNumber || len(fb.FilteredTransactions) != 1 {
		t.Fatalf("filtered block %v", fb)
	}
	tx := fb.FilteredTransactions[0]
	action := tx.GetTransactionActions().GetChaincodeActions()
	if tx.Txid != st.TransactionID || tx.Type != common.HeaderType_ENDORSER_TRANSACTION || tx.TxValidationCode != st.Code || len(action) != 1 ||
		action[0].ChaincodeEvent.GetEventName() != "Create" || len(action[0].ChaincodeEvent.GetPayload()) != 0 {
		t.Errorf("filtered transaction %v: its event comes without payload", tx)
	}
	if p := take(t, "blocks with private data", private, 1)[0]; p.GetBlock().GetHeader().GetNumber() != st.BlockNumber {
		t.Errorf("block with private data %d", p.GetBlock().GetHeader().GetNumber())
	}
}

// txIDs are those of a full block.
func txIDs(t *testing.T, b *common.Block) []string {
	t.Helper()
	var ids []string
	for _, d := range b.GetData().GetData() {
		env, payload, header := &common.Envelope{}, &common.Payload{}, &common.ChannelHeader{}
		check(t, proto.Unmarshal(d, env))
		check(t, proto.Unmarshal(env.Payload, payload))
		check(t, proto.Unmarshal(payload.Header.ChannelHeader, header))
		ids = append(ids, header.TxId)
	}
	return ids
}

// However many events a client had seen of a block when it went away, it gets
// the next one when it comes back, and none twice.
func TestEventsResumeAfterAnyTransaction(t *testing.T) {
	n := shared(t)
	ledger := n.sdk(t, "Org2", "peer0.org2")
	asset := ledger.GetContract("asset")
	start := client.WithStartBlock(n.level(t))
	var g errgroup.Group
	ids := names(t, 13)
	one, ids := ids[0], ids[1:]
	for _, id := range ids { // together, so that blocks have several
		g.Go(func() error {
			_, err := asset.SubmitTransaction("Create", id, "Bob", "1")
			return err
		})
	}
	check(t, g.Wait())
	all := take(t, "events", must(ledger.ChaincodeEvents(t.Context(), "asset", start))(t), len(ids))

	for i, ev := range all[:len(all)-1] {
		if next := all[i+1]; next.BlockNumber < ev.BlockNumber {
			t.Errorf("an event of block %d came after one of block %d", next.BlockNumber, ev.BlockNumber)
		}
		seen := &client.InMemoryCheckpointer{}
		seen.CheckpointChaincodeEvent(ev)
		ctx, cancel := context.WithCancel(t.Context())
		rest := take(t, "events after a checkpoint", must(ledger.ChaincodeEvents(ctx, "asset", client.WithCheckpoint(seen)))(t), len(all)-1-i)
		cancel()
		for j, ev := range rest {
			if want := all[i+1+j]; ev.TransactionID != want.TransactionID || ev.BlockNumber != want.BlockNumber {
				t.Fatalf("after event %d, event %d is of %s, not of %s", i, j, ev.TransactionID, want.TransactionID)
			}
		}
	}

	must(asset.SubmitTransaction("Create", one, "Bob", "1"))(t) // all others may be in one block
	seen := &client.InMemoryCheckpointer{}
	first := all[0].BlockNumber
	seen.CheckpointBlock(first)
	if b := take(t, "blocks after a checkpoint", must(ledger.FilteredBlockEvents(t.Context(), client.WithCheckpoint(seen)))(t), 1)[0]; b.Number != first+1 {
		t.Errorf("after a checkpoint of block %d comes %d", first, b.Number)
	}
}

func TestAFailedCallSaysWhoRefused(t *testing.T) {
	n := shared(t)
	asset := n.sdk(t, "Org1", "peer0.org1").GetContract("asset")
	_, err := asset.SubmitTransaction("Read", "nothing")
	var refused *client.EndorseError
	if !errors.As(err, &refused) || status.Code(err) != codes.Aborted {
		t.Fatalf("%v", err)
	}
	if d := status.Convert(err).Details(); len(d) == 0 {
		t.Errorf("no endpoint is named: %v", err)
	}
}

// A client that lost its answer asks again, with the bytes that it kept, even
// of another peer.
func TestACommitIsAskedForAgainLater(t *testing.T) {
	n := shared(t)
	id := names(t, 1)[0]
	_, commit, err := n.sdk(t, "Org1", "peer0.org1").GetContract("asset").SubmitAsync("Create", client.WithArguments(id, "Cy", "3"))
	check(t, err)
	first := must(commit.Status())(t)
	st := again(t, n, must(commit.Bytes())(t))
	if *st != *first {
		t.Errorf("%+v became %+v", first, st)
	}
}

func again(t *testing.T, n *network, kept []byte) *client.Status {
	t.Helper()
	user := must(n.access.Session(t.Context(), n.node(t, "peer1.org1"), "Org1", "User1", channel1))(t)
	defer user.Close()
	gw := must(gateway(user))(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return must(must(gw.NewCommit(kept))(t).StatusWithContext(ctx))(t)
}

type assetOf struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
}

// The answer of a query is of the newest block that the peer has.
func TestAListHasWhatWasSubmittedBefore(t *testing.T) {
	n := shared(t)
	asset := n.sdk(t, "Org1", "peer0.org1").GetContract("asset")
	ids := names(t, 2)
	for _, id := range ids {
		must(asset.SubmitTransaction("Create", id, t.Name(), "1"))(t)
	}
	began := time.Now()
	var got []assetOf
	check(t, json.Unmarshal(must(asset.EvaluateTransaction("List", t.Name()))(t), &got))
	t.Logf("answered in %s", time.Since(began))
	if len(got) != len(ids) || got[0].ID != ids[0] || got[1].Owner != t.Name() {
		t.Errorf("%+v", got)
	}
}
