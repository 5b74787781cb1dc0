package gateway

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/commit"
	"github.com/weft-network/weft/node/endorse"
)

// place is a gateway of Org1 on a channel of three organisations, whose
// lifecycle policy asks for any two of them.
type place struct {
	*Server
	t         *testing.T
	endorsers []Endorser
	orderers  []Orderer

	mu    sync.Mutex
	asked []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	orgs := []*catest.Org{catest.New(t, "Org1"), catest.New(t, "Org2"), catest.New(t, "Org3")}
	genesis := channeltest.Genesis(t, "channel1", catest.NewOrderer(t), orgs)
	ch, err := commit.Open(commit.Config{Dir: t.TempDir(), Genesis: genesis})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ch.Close() })
	p := &place{t: t}
	p.Server = New(Config{
		MSPID: "Org1MSP", Log: slog.New(slog.DiscardHandler), Now: catest.Epoch,
		Channel:         func(id string) (*commit.Channel, bool) { return ch, id == "channel1" },
		Endorsers:       func(string) []Endorser { return p.endorsers },
		Orderers:        func(string) []Orderer { return p.orderers },
		SystemChaincode: func(name string) bool { return name == "_lifecycle" },
		Profile:         "own",
	})
	return p
}

type process func(context.Context, *peer.SignedProposal) (*peer.ProposalResponse, error)

// add adds a peer such as "peer1.Org2" of some height.
func (p *place) add(name string, height uint64, f func(name string) process) {
	_, org, _ := strings.Cut(name, ".")
	p.endorsers = append(p.endorsers, Endorser{
		MSPID: org + "MSP", Endpoint: name, Local: name == "peer0.Org1", Height: height, Chaincodes: map[string]string{"cc": "1"},
		Process: func(ctx context.Context, sp *peer.SignedProposal, _ *endorse.Parts) (*peer.ProposalResponse, error) {
			p.mu.Lock()
			p.asked = append(p.asked, name)
			p.mu.Unlock()
			return f(name)(ctx, sp)
		},
	})
}

func (p *place) whoWasAsked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.asked)
	return p.asked
}

func signs(payload string) func(string) process {
	return func(name string) process {
		return func(context.Context, *peer.SignedProposal) (*peer.ProposalResponse, error) {
			return &peer.ProposalResponse{
				Response: &peer.Response{Status: 200}, Payload: result1(payload),
				Endorsement: &peer.Endorsement{Endorser: []byte(name), Signature: []byte("by " + name)},
			}, nil
		}
	}
}

// result1 is a proposal response payload with that result.
func result1(s string) []byte {
	action, _ := proto.Marshal(&peer.ChaincodeAction{Response: &peer.Response{Status: 200, Payload: []byte(s)}})
	raw, _ := proto.Marshal(&peer.ProposalResponsePayload{Extension: action})
	return raw
}

func says(st int32, message string, payload []byte) func(string) process {
	return func(string) process {
		return func(context.Context, *peer.SignedProposal) (*peer.ProposalResponse, error) {
			return &peer.ProposalResponse{Response: &peer.Response{Status: st, Message: message}, Payload: payload}, nil
		}
	}
}

func fails(string) process {
	return func(context.Context, *peer.SignedProposal) (*peer.ProposalResponse, error) {
		return nil, errors.New("unreachable")
	}
}

func hangs(string) process {
	return func(ctx context.Context, _ *peer.SignedProposal) (*peer.ProposalResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

func proposalFor(t testing.TB, chaincode string, transient bool) *peer.SignedProposal {
	t.Helper()
	raw := func(m proto.Message) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	payload := &peer.ChaincodeProposalPayload{Input: raw(&peer.ChaincodeInvocationSpec{
		ChaincodeSpec: &peer.ChaincodeSpec{ChaincodeId: &peer.ChaincodeID{Name: chaincode}},
	})}
	if transient {
		payload.TransientMap = map[string][]byte{"secret": []byte("s")}
	}
	return &peer.SignedProposal{ProposalBytes: raw(&peer.Proposal{
		Header:  raw(&common.Header{ChannelHeader: raw(&common.ChannelHeader{ChannelId: "channel1", TxId: "tx"}), SignatureHeader: []byte{}}),
		Payload: raw(payload),
	})}
}

func (p *place) endorse(orgs ...string) ([]string, error) {
	r, err := p.Endorse(p.t.Context(), &gw.EndorseRequest{ProposedTransaction: proposalFor(p.t, "_lifecycle", false), EndorsingOrganizations: orgs})
	if err != nil {
		return nil, err
	}
	payload, tx, act := new(common.Payload), new(peer.Transaction), new(peer.ChaincodeActionPayload)
	if err := errors.Join(proto.Unmarshal(r.PreparedTransaction.Payload, payload), proto.Unmarshal(payload.Data, tx), proto.Unmarshal(tx.Actions[0].Payload, act)); err != nil {
		p.t.Fatal(err)
	}
	var by []string
	for _, e := range act.Action.Endorsements {
		by = append(by, string(e.Endorser))
	}
	return by, nil
}

func told(err error) (codes.Code, string, []string) {
	st := status.Convert(err)
	var list []string
	for _, d := range st.Details() {
		e := d.(*gw.ErrorDetail)
		list = append(list, e.Address+": "+e.Message)
	}
	return st.Code(), st.Message(), list
}

func refused(t *testing.T, err error, code codes.Code, message string, details ...string) {
	t.Helper()
	c, m, d := told(err)
	if c != code || m != message || !slices.Equal(d, details) {
		t.Errorf("got %s %q %q\nwant %s %q %q", c, m, d, code, message, details)
	}
}

func TestFewestOrganisationsEndorseThisOneFirst(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org1", 5, signs("a"))
	p.add("peer0.Org2", 5, signs("a"))
	p.add("peer1.Org2", 9, signs("a"))
	p.add("peer0.Org3", 5, signs("a"))
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer0.Org1", "peer1.Org2"}) || len(p.asked) != 2 {
		t.Errorf("%v, %v, asked %v", by, err, p.asked)
	}
}

func TestANextPeerThenANextOrganisationStepsIn(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org1", 5, signs("a"))
	p.add("peer0.Org2", 5, fails)
	p.add("peer1.Org2", 4, says(500, "no", nil))
	p.add("peer0.Org3", 5, signs("a"))
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer0.Org1", "peer0.Org3"}) {
		t.Errorf("%v, %v", by, err)
	}
}

func TestAHungPeerDoesNotHoldUpACallThatNeedsNotIt(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org1", 5, signs("a"))
	p.add("peer0.Org2", 9, hangs)
	p.add("peer1.Org2", 5, signs("a"))
	synctest.Test(t, func(t *testing.T) {
		p.t = t // whose context is of the bubble
		began := time.Now()
		by, err := p.endorse()
		if err != nil || !slices.Equal(by, []string{"peer0.Org1", "peer1.Org2"}) || time.Since(began) > slow {
			t.Errorf("%v, %v after %s", by, err, time.Since(began))
		}
	})
}

func TestTheAnswersThatAgreeMakeTheTransaction(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org1", 5, signs("a"))
	p.add("peer0.Org2", 5, signs("b"))
	p.add("peer0.Org3", 5, signs("a"))
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer0.Org1", "peer0.Org3"}) {
		t.Errorf("%v, %v", by, err)
	}
}

func TestWhyEndorsingFails(t *testing.T) {
	const collect = "failed to collect enough transaction endorsements, see attached details for more info"
	for _, c := range []struct {
		why     string
		peers   map[string]func(string) process
		orgs    []string
		code    codes.Code
		message string
		details []string
	}{
		{"results differ", map[string]func(string) process{"peer0.Org1": signs("a"), "peer0.Org2": signs("b")}, nil,
			codes.Aborted, collect, []string{"peer0.Org2: ProposalResponsePayloads do not match"}},
		{"another organisation refuses", map[string]func(string) process{"peer0.Org1": signs("a"), "peer0.Org2": says(404, "no such thing", nil)}, nil,
			codes.Aborted, collect, []string{"peer0.Org2: chaincode response 404, no such thing"}},
		{"this organisation refuses", map[string]func(string) process{"peer0.Org1": says(500, "no", []byte("p")), "peer0.Org2": signs("a")}, nil,
			codes.Aborted, "failed to endorse transaction, see attached details for more info", []string{"peer0.Org1: chaincode response 500, no"}},
		{"no endorsement", map[string]func(string) process{"peer0.Org1": signs("a"), "peer0.Org2": says(200, "", nil)}, nil,
			codes.Aborted, collect, []string{"peer0.Org2: the response carries no endorsement"}},
		{"too few organisations", map[string]func(string) process{"peer0.Org1": signs("a")}, nil,
			codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: no peer that could endorse chaincode _lifecycle is alive in enough organisations of channel channel1", nil},
		{"named organisations without peers", map[string]func(string) process{"peer0.Org1": signs("a")}, []string{"Org1MSP", "Org2MSP", "Org9MSP"},
			codes.Unavailable, "failed to find any endorsing peers for org(s): Org2MSP, Org9MSP", nil},
		{"a named organisation refuses", map[string]func(string) process{"peer0.Org2": fails}, []string{"Org2MSP"},
			codes.Aborted, collect, []string{"peer0.Org2: unreachable"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			p := newPlace(t)
			for name, f := range c.peers {
				p.add(name, 5, f)
			}
			_, err := p.endorse(c.orgs...)
			refused(t, err, c.code, c.message, c.details...)
		})
	}
}

func TestNamedOrganisationsAreAskedWhateverThePolicy(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org1", 5, signs("a"))
	p.add("peer0.Org3", 5, signs("a"))
	by, err := p.endorse("Org3MSP", "Org3MSP")
	if err != nil || !slices.Equal(by, []string{"peer0.Org3"}) || !slices.Equal(p.whoWasAsked(), by) {
		t.Errorf("%v, %v, asked %v", by, err, p.asked)
	}
}

func TestAnUndefinedChaincodeAndATransientWithoutHome(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org2", 5, signs("a"))
	_, err := p.Endorse(t.Context(), &gw.EndorseRequest{ProposedTransaction: proposalFor(t, "cc", false)})
	refused(t, err, codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: No metadata was found for chaincode cc in channel channel1")
	_, err = p.Endorse(t.Context(), &gw.EndorseRequest{ProposedTransaction: proposalFor(t, "cc", true)})
	refused(t, err, codes.FailedPrecondition, "no endorsers found in the gateway's organization; retry specifying endorsing organization(s) to protect transient data")
	_, err = p.Endorse(t.Context(), &gw.EndorseRequest{})
	refused(t, err, codes.InvalidArgument, "the proposed transaction must contain a signed proposal")
}

func (p *place) evaluate(chaincode string, transient bool, orgs ...string) (string, error) {
	r, err := p.Evaluate(p.t.Context(), &gw.EvaluateRequest{ProposedTransaction: proposalFor(p.t, chaincode, transient), TargetOrganizations: orgs})
	return string(r.GetResult().GetPayload()), err
}

func TestAQueryGoesHomeThenToTheHighest(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org2", 9, signs("high"))
	p.add("peer1.Org2", 3, signs("low"))
	if got, err := p.evaluate("cc", false); got != "high" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	p.add("peer0.Org1", 1, signs("home"))
	if got, err := p.evaluate("cc", false); got != "home" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := p.evaluate("cc", false, "Org2MSP"); got != "high" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	p.endorsers[len(p.endorsers)-1].Query = func(context.Context, *peer.SignedProposal, *endorse.Parts) (*peer.ProposalResponse, error) {
		return &peer.ProposalResponse{Response: &peer.Response{Status: 200, Payload: []byte("unsigned")}}, nil
	}
	if got, err := p.evaluate("cc", false); got != "unsigned" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAQueryLooksAtOtherPeersOnlyWhenThisOneHasNotAnswered(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org2", 5, signs("other"))
	p.add("peer0.Org1", 1, says(500, "broken", nil))
	own, all, looked := p.endorsers[1], p.endorsers, 0
	own.Chaincodes = nil
	p.cfg.Own = func(_, chaincode string) (Endorser, bool) { return own, chaincode == "cc" }
	p.cfg.Endorsers = func(string) []Endorser { looked++; return all }
	if got, err := p.evaluate("cc", false); got != "other" || err != nil || looked != 1 {
		t.Errorf("%q, %v; looked %d times", got, err, looked)
	}
	if asked := p.whoWasAsked(); !slices.Equal(asked, []string{"peer0.Org1", "peer0.Org2"}) {
		t.Errorf("asked %v", asked)
	}
	home := signs("home")("")
	own.Process = func(ctx context.Context, sp *peer.SignedProposal, _ *endorse.Parts) (*peer.ProposalResponse, error) {
		return home(ctx, sp)
	}
	if got, err := p.evaluate("cc", false); got != "home" || err != nil || looked != 1 {
		t.Errorf("%q, %v; looked %d times", got, err, looked)
	}
	if got, err := p.evaluate("cc", false, "Org2MSP"); got != "other" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhyAQueryFails(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org2", 5, fails)
	p.add("peer1.Org2", 4, says(500, "broken", nil))
	_, err := p.evaluate("cc", false)
	refused(t, err, codes.Aborted, "failed to evaluate transaction, see attached details for more info", "peer0.Org2: unreachable", "peer1.Org2: broken")
	_, err = p.evaluate("cc", true)
	refused(t, err, codes.FailedPrecondition, "no endorsers found in the gateway's organization; retry specifying target organization(s) to protect transient data: no peers available to evaluate chaincode cc in channel channel1")
	_, err = p.evaluate("other", false)
	refused(t, err, codes.FailedPrecondition, "no peers available to evaluate chaincode other in channel channel1")
	p.add("peer0.Org1", 5, says(404, "no such thing", nil))
	_, err = p.evaluate("cc", false)
	refused(t, err, codes.Unknown, "evaluate call to endorser returned error: chaincode response 404, no such thing", "peer0.Org1: chaincode response 404, no such thing")
	_, err = p.Evaluate(t.Context(), &gw.EvaluateRequest{})
	refused(t, err, codes.InvalidArgument, "failed to unpack transaction proposal: a signed proposal is required")
}

// order adds an orderer that answers these statuses in turn, the last for ever.
func (p *place) order(name string, answers ...common.Status) {
	p.orderers = append(p.orderers, Orderer{MSPID: "OrdererMSP", Endpoint: name, Broadcast: func(context.Context, *common.Envelope) (common.Status, string, error) {
		p.asked = append(p.asked, name)
		st := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		if st == common.Status_UNKNOWN {
			return 0, "", errors.New("broken pipe")
		}
		return st, "why", nil
	}})
}

func (p *place) submit(ctx context.Context) error {
	_, err := p.Submit(ctx, &gw.SubmitRequest{ChannelId: "channel1", PreparedTransaction: &common.Envelope{Signature: []byte("s")}})
	return err
}

func TestASubmissionOutlastsAnElection(t *testing.T) {
	p := newPlace(t)
	p.order("o1", common.Status_UNKNOWN, common.Status_SERVICE_UNAVAILABLE, common.Status_SUCCESS)
	p.order("o2", common.Status_SERVICE_UNAVAILABLE)
	synctest.Test(t, func(t *testing.T) {
		if err := p.submit(t.Context()); err != nil || !slices.Equal(p.asked, []string{"o1", "o2", "o1", "o2", "o1"}) {
			t.Errorf("%v, asked %v", err, p.asked)
		}
	})
}

func TestARefusedSubmissionIsNotTriedAgain(t *testing.T) {
	for _, st := range []common.Status{common.Status_BAD_REQUEST, common.Status_FORBIDDEN, common.Status_NOT_FOUND} {
		p := newPlace(t)
		p.order("o1", st)
		p.order("o2", common.Status_SUCCESS)
		message := "received unsuccessful response from orderer: status=" + st.String() + ", info=why"
		refused(t, p.submit(t.Context()), codes.Aborted, message, "o1: "+message)
		if len(p.asked) != 1 {
			t.Errorf("%s: asked %v", st, p.asked)
		}
	}
}

func TestASubmissionWithoutLeaderEndsWithTheCaller(t *testing.T) {
	p := newPlace(t)
	p.order("o1", common.Status_SERVICE_UNAVAILABLE)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		refused(t, p.submit(t.Context()), codes.Unavailable, "no orderers could successfully process transaction",
			"o1: received unsuccessful response from orderer: status=SERVICE_UNAVAILABLE, info=why")
		if took := time.Since(began); took != BroadcastTimeout {
			t.Errorf("it took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		// The answer leaves before the caller's deadline, or nobody would hear it.
		if status.Code(p.submit(ctx)) != codes.Unavailable || time.Since(began) != 900*time.Millisecond {
			t.Errorf("it took %s", time.Since(began))
		}
	})
	_, err := p.Submit(t.Context(), &gw.SubmitRequest{ChannelId: "channel1", PreparedTransaction: &common.Envelope{}})
	refused(t, err, codes.InvalidArgument, "prepared transaction must be signed")
}

func FuzzUnpack(f *testing.F) {
	f.Add(proposalFor(f, "cc", true).ProposalBytes)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := unpack(&peer.SignedProposal{ProposalBytes: raw})
		if err != nil {
			return
		}
		if p.channel == "" || p.chaincode == "" {
			t.Error("a proposal without channel or chaincode")
		}
		if _, err := p.envelope(nil, nil); err != nil && p.parts.Header == nil {
			t.Error(err)
		}
	})
}
