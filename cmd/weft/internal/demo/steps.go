package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// Steps are the two transactions of NineSteps.
type Steps struct {
	Update *client.Trace `json:"update"`
	Query  *client.Trace `json:"query"`
}

// NineSteps carries an update through all nine steps, and a query through the
// four that it needs.
func (s *Scenario) NineSteps(ctx context.Context) (*Steps, error) {
	peer, err := s.node("peer0.org1")
	if err != nil {
		return nil, err
	}
	user, err := s.access.Identity(peer.Org, access.User1)
	if err != nil {
		return nil, err
	}
	target, orderer := access.Target(peer), access.Target(s.Net.Orderers()[0])
	id, r := s.newAsset(), &Steps{}
	if r.Update, err = client.TraceUpdate(ctx, target, orderer, user, channel1, createAsset(id)); err != nil {
		return nil, err
	}
	s.printTrace("An update of asset, which asks for an endorsement by Org1 and one by Org2:", r.Update)
	if err := checkUpdate(r.Update); err != nil {
		return nil, err
	}
	s.out.ok("transaction %s is VALID in block %d, %s after its proposal was begun, and its event came", short(r.Update.TxID), r.Update.Block, ms(r.Update.Times.Total))
	s.out.gap()
	if r.Query, err = client.TraceQuery(ctx, target, user, channel1, readAsset(id)); err != nil {
		return nil, err
	}
	s.printTrace("A query needs four of the steps:", r.Query)
	if err := checkQuery(r.Query, id); err != nil {
		return nil, err
	}
	s.out.ok("the query was answered %s after its proposal was begun: %s", ms(r.Query.Times.Total), r.Query.Payload)
	return r, nil
}

func (s *Scenario) printTrace(title string, t *client.Trace) {
	s.out.say("%s", title)
	for _, line := range client.StepLines(t.Steps) {
		s.out.say("%s", line)
	}
}

func checkUpdate(t *client.Trace) error {
	if err := claim(t.Valid(), "the update is valid; it is %s", t.Code); err != nil {
		return err
	}
	if err := numbered(t.Steps, 9); err != nil {
		return err
	}
	who := strings.Join(t.Endorsers, " ")
	if err := claim(len(t.Endorsers) == 2 && strings.Contains(who, "(Org1MSP)") && strings.Contains(who, "(Org2MSP)"),
		"one peer of Org1 and one of Org2 endorsed; they were: %s", who); err != nil {
		return err
	}
	return claim(t.Event != nil && t.Event.TransactionID == t.TxID && t.Event.BlockNumber == t.Block,
		"the event of transaction %s in block %d was received", t.TxID, t.Block)
}

func checkQuery(t *client.Trace, id string) error {
	if err := numbered(t.Steps, 4); err != nil {
		return err
	}
	return claim(strings.Contains(string(t.Payload), id), "the query answers with %s; it answered %q", id, t.Payload)
}

func numbered(steps []client.Step, last int) error {
	if len(steps) != last {
		return fmt.Errorf("there are %d steps, not %d", len(steps), last)
	}
	for i, st := range steps {
		if st.Number != i+1 {
			return fmt.Errorf("step %d is in place %d", st.Number, i+1)
		}
	}
	return nil
}

// short is the beginning of a transaction id.
func short(txID string) string {
	if len(txID) <= 12 {
		return txID
	}
	return txID[:12] + "…"
}
