package gateway

import (
	"slices"
	"testing"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/codes"
)

// run adds a peer that runs _lifecycle, which stands for a chaincode of the
// policy any two of three organisations, under a profile.
func (p *place) run(name, profile string, f func(string) process) {
	p.add(name, 5, f)
	p.endorsers[len(p.endorsers)-1].Profiles = map[string]string{"_lifecycle": profile}
}

func TestEndorsersAreOfOneProfile(t *testing.T) {
	for _, c := range []struct {
		why   string
		peers map[string]string // profile by name
		want  []string
	}{
		{"this peer's, where it is enough", map[string]string{"peer0.Org1": "own", "peer0.Org2": "old", "peer1.Org2": "own", "peer0.Org3": "old"}, []string{"peer0.Org1", "peer1.Org2"}},
		{"another, where this peer's is not", map[string]string{"peer0.Org1": "own", "peer1.Org1": "old", "peer0.Org2": "old", "peer0.Org3": "other"}, []string{"peer1.Org1", "peer0.Org2"}},
		{"one without this organisation", map[string]string{"peer0.Org1": "own", "peer0.Org2": "old", "peer0.Org3": "old"}, []string{"peer0.Org2", "peer0.Org3"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			p := newPlace(t)
			for _, name := range sortedNames(c.peers) {
				p.run(name, c.peers[name], signs("a"))
			}
			by, err := p.endorse()
			if err != nil || !slices.Equal(by, c.want) || !slices.Equal(p.whoWasAsked(), slices.Sorted(slices.Values(c.want))) {
				t.Errorf("%v, %v, asked %v", by, err, p.asked)
			}
		})
	}
}

func sortedNames(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestWherePeersOfOneProfileFailThoseOfAnotherStepIn(t *testing.T) {
	p := newPlace(t)
	p.run("peer0.Org1", "own", signs("a"))
	p.run("peer0.Org2", "own", fails)
	p.run("peer1.Org2", "old", signs("b"))
	p.run("peer0.Org3", "old", signs("b"))
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer1.Org2", "peer0.Org3"}) {
		t.Errorf("%v, %v", by, err)
	}
}

func TestAPolicyThatNoProfileMeetsNamesPeersAndProfiles(t *testing.T) {
	const want = "no combination of peers can be derived which satisfy the endorsement policy: " +
		"the peers that could endorse chaincode _lifecycle run it under different execution profiles, and those of one are not enough: " +
		"peer0.Org1 of Org1MSP runs own, peer0.Org2 of Org2MSP runs old: " +
		"give them the same version of Weft and the same limits under peer.chaincode"
	p := newPlace(t)
	p.run("peer0.Org1", "own", signs("a"))
	p.run("peer0.Org2", "old", signs("a"))
	_, err := p.endorse()
	refused(t, err, codes.FailedPrecondition, want)
	_, err = p.endorse("Org1MSP", "Org2MSP")
	refused(t, err, codes.FailedPrecondition, want)
	if len(p.asked) != 0 {
		t.Errorf("asked %v", p.asked)
	}
}

func TestAFailureSaysWhoWasNotAskedForItsProfile(t *testing.T) {
	p := newPlace(t)
	p.run("peer0.Org1", "own", signs("a"))
	p.run("peer0.Org2", "own", fails)
	p.run("peer0.Org3", "", signs("a"))
	_, err := p.endorse()
	refused(t, err, codes.Aborted, "failed to collect enough transaction endorsements, see attached details for more info",
		"peer0.Org2: unreachable", "peer0.Org3: was not asked: it runs the chaincode under execution profile one that is not told")
}

func TestQueriesDoNotAskForAProfile(t *testing.T) {
	p := newPlace(t)
	p.run("peer0.Org2", "old", signs("b"))
	if got, err := p.Evaluate(t.Context(), &gw.EvaluateRequest{ProposedTransaction: proposalFor(t, "_lifecycle", false)}); err != nil || string(got.Result.Payload) != "b" {
		t.Errorf("%v, %v", got, err)
	}
}
