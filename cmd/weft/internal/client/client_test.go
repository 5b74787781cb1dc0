package client

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gwpb "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
)

// wrapped is how the SDK returns a status: inside an error with more words.
type wrapped struct{ error }

func (w wrapped) Error() string { return "endorse error: " + w.error.Error() + "\nDetails: …" }
func (w wrapped) Unwrap() error { return w.error }

func TestFailureHasTheGatewaysWordsAndEachEndpoints(t *testing.T) {
	st, err := status.New(codes.Aborted, "failed to endorse").WithDetails(protoadapt.MessageV1Of(
		&gwpb.ErrorDetail{Address: "127.0.0.1:7051", MspId: "Org1MSP", Message: "chaincode is not installed"}))
	if err != nil {
		t.Fatal(err)
	}
	f := failureOf(StepEndorse, "tx1", wrapped{st.Err()})
	want := []Detail{{"127.0.0.1:7051", "Org1MSP", "chaincode is not installed"}}
	if f.Code != codes.Aborted || f.Message != "failed to endorse" || !reflect.DeepEqual(f.Details, want) {
		t.Fatalf("%+v", f)
	}
	if !f.Says("not installed") || f.Says("Details:") {
		t.Fatal(f)
	}
}

func TestFailureWithoutStatus(t *testing.T) {
	cause := errors.New("no such file")
	if f := failureOf(StepSubmit, "tx1", cause); f.Code != codes.Unknown || !errors.Is(f, cause) {
		t.Fatalf("%+v", f)
	}
}

func TestPoliciesReadBackAsWritten(t *testing.T) {
	for _, text := range []string{
		"AND('Org1MSP.peer', 'Org2MSP.peer')",
		"OutOf(2, 'Org1MSP.peer', 'Org2MSP.peer', 'Org3MSP.peer')",
		"/Channel/Application/Endorsement",
	} {
		raw, err := ValidationParameter(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := PolicyText(raw); got != text {
			t.Errorf("%s reads back as %s", text, got)
		}
	}
	if raw, err := ValidationParameter(""); raw != nil || err != nil {
		t.Errorf("no policy: %v, %v", raw, err)
	}
	if _, err := ValidationParameter("AND('Org1MSP.peer'"); err == nil || !strings.Contains(err.Error(), "character") {
		t.Errorf("an unfinished policy: %v", err)
	}
}

func TestPolicyOrgs(t *testing.T) {
	raw, err := ValidationParameter("OR('Org1MSP.peer', AND('Org2MSP.member', 'Org9MSP.admin'))")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(PolicyOrgs(raw), " ")
	for _, id := range []string{"Org1MSP", "Org2MSP", "Org9MSP"} {
		if !strings.Contains(got, id) {
			t.Errorf("%s is missing in %q", id, got)
		}
	}
}

// An endorser checks that the transaction id is the hash of nonce and creator.
func TestProposalCarriesItsOwnTransactionID(t *testing.T) {
	org := catest.New(t, "Org1")
	signer := org.User("User1").Signer()
	seen := map[string]bool{}
	for range 3 {
		p, err := NewProposal(signer, Call{Channel: "channel1", Chaincode: "asset", Args: Args("Read", "a")})
		if err != nil {
			t.Fatal(err)
		}
		if seen[p.TxID] {
			t.Fatal("a transaction id came twice")
		}
		seen[p.TxID] = true
		prop := &peer.Proposal{}
		if err := proto.Unmarshal(p.Bytes, prop); err != nil {
			t.Fatal(err)
		}
		header := headerOf(t, prop.Header)
		if want := ident.TxID(header.Nonce, signer.Serialized()); p.TxID != want {
			t.Fatalf("%s, not %s", p.TxID, want)
		}
	}
}

func TestStepsSayWhoAndHowLong(t *testing.T) {
	lines := StepLines([]Step{
		{Number: 1, Name: "connects", From: "client", To: "peer0", Took: 1500 * time.Microsecond, What: "TLS"},
		{Number: 2, Name: "checks", From: "peer0", To: "peer0", Part: 3, What: "signature"},
	})
	for i, want := range []string{"1.5 ms  connects: client → peer0", "TLS", "in step 3  checks: peer0", "signature"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q", i, lines[i])
		}
	}
}

// Every code that Fabric has needs words for people.
func TestEveryCodeHasAMeaning(t *testing.T) {
	for code := range peer.TxValidationCode_name {
		if Meaning(peer.TxValidationCode(code)) == "" {
			t.Error(fmt.Sprint(code))
		}
	}
}

func headerOf(t *testing.T, raw []byte) *common.SignatureHeader {
	t.Helper()
	h, sh := &common.Header{}, &common.SignatureHeader{}
	if err := errors.Join(proto.Unmarshal(raw, h), proto.Unmarshal(h.SignatureHeader, sh)); err != nil {
		t.Fatal(err)
	}
	return sh
}
