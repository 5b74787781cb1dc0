package e2e

import (
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// Endorsements read the chaincode's sequence, so none of an old definition
// counts under a new one.
func TestAnUpgradeOvertakesTransactionsUnderWay(t *testing.T) {
	n := shared(t)
	const name = "upgraded"
	n.deploy(t, name, "--policy", both)
	s := n.session(t)
	ids := names(t, 2)
	pending := must(s.Endorse(t.Context(), client.NewRequest(name, "Create", ids[0], "Gil", "1")))(t)
	n.deploy(t, name, "--policy", "OR('Org1MSP.peer','Org2MSP.peer')")

	late := must(must(pending.Submit(t.Context()))(t).Status(t.Context()))(t)
	if late.Code != peer.TxValidationCode_MVCC_READ_CONFLICT {
		t.Errorf("endorsed under sequence 1, committed under 2: %s", late.Code)
	}
	r := client.NewRequest(name, "Create", ids[1], "Gil", "1")
	r.Orgs = []string{"Org1MSP"}
	if res := must(s.Submit(t.Context(), r))(t); !res.Valid() {
		t.Errorf("one organisation endorsed, which is enough now: %s", res.Code)
	}
}

func TestChaincodeThatAsksForItIsInitialisedExactlyOnce(t *testing.T) {
	n := shared(t)
	const name = "initialised"
	n.deploy(t, name, "--init-required")
	submit := func(flags ...string) []string {
		return append([]string{"--dir", n.Dir, "tx", "submit", "--channel", channel1, "--chaincode", name}, flags...)
	}
	refused(t, []string{"chaincode 'initialised' has not been initialized for this version, must call as init first", "--init"},
		weft, submit("Create", "a", "Hal", "1")...)

	s := n.session(t)
	initialise := client.NewRequest(name, "InitLedger")
	initialise.Init = true
	var twice []*client.Pending
	for range 2 {
		twice = append(twice, must(s.Endorse(t.Context(), initialise))(t))
	}
	var codes []string
	for _, p := range twice {
		codes = append(codes, must(must(p.Submit(t.Context()))(t).Status(t.Context()))(t).Code.String())
	}
	n.level(t)
	if got := strings.Join(codes, " "); got != "VALID MVCC_READ_CONFLICT" {
		t.Errorf("two initialisations at the same time became %s", got)
	}
	refused(t, []string{"chaincode 'initialised' is already initialized but called as init"}, weft, submit("--init", "InitLedger")...)
	succeeds(t, weft, submit("Create", "a", "Hal", "1")...)
	refused(t, []string{"does not require initialization but called as init"},
		weft, "--dir", n.Dir, "tx", "submit", "--channel", channel1, "--chaincode", "asset", "--init", "InitLedger")
}
