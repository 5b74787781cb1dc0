package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

type layouts = []map[string]int

func TestThePoliciesOfCalledChaincodesAreSatisfiedToo(t *testing.T) {
	policies := map[string]layouts{
		"two":    {{"A": 1, "B": 1}},
		"any":    {{"A": 1}, {"B": 1}, {"C": 1}},
		"double": {{"C": 2}},
	}
	for _, x := range []struct {
		called []string
		own    layouts
		want   layouts
	}{
		{nil, layouts{{"B": 1}, {"A": 1}}, layouts{{"B": 1}, {"A": 1}}},
		{[]string{"cc"}, layouts{{"B": 1}}, layouts{{"B": 1}}},
		{[]string{"any"}, layouts{{"B": 1}}, layouts{{"B": 1}, {"A": 1, "B": 1}, {"B": 1, "C": 1}}},
		{[]string{"any", "two"}, layouts{{"A": 1}}, layouts{{"A": 1, "B": 1}, {"A": 1, "B": 1, "C": 1}}},
		{[]string{"double", "double"}, layouts{{"C": 1}, {"A": 1}}, layouts{{"C": 2}, {"A": 1, "C": 2}}},
		{[]string{"nothing"}, layouts{{"A": 1}}, layouts{{"A": 1}}},
	} {
		c := &collection{s: &Server{cfg: Config{Log: slog.New(slog.DiscardHandler)}}, p: &proposal{chaincode: "cc"}, layouts: x.own}
		interest := &peer.ChaincodeInterest{}
		for _, name := range x.called {
			interest.Chaincodes = append(interest.Chaincodes, &peer.ChaincodeCall{Name: name})
		}
		asked := 0
		c.cover(interest, func(name string) ([]map[string]int, error) {
			asked++
			if policies[name] == nil {
				return nil, errors.New("no such chaincode")
			}
			return policies[name], nil
		})
		if got, want := fmt.Sprint(c.layouts), fmt.Sprint(x.want); got != want {
			t.Errorf("%v called: %s, want %s", x.called, got, want)
		}
		if before := asked; true {
			c.cover(interest, func(string) ([]map[string]int, error) { asked++; return nil, nil })
			if asked != before {
				t.Errorf("%v called: a second endorsement was looked up again", x.called)
			}
		}
	}
}

func TestNobodyPlansForChaincodesWithoutEnd(t *testing.T) {
	c := &collection{p: &proposal{chaincode: "cc"}, layouts: layouts{{"A": 1}}}
	interest := &peer.ChaincodeInterest{}
	for i := range 1000 {
		interest.Chaincodes = append(interest.Chaincodes, &peer.ChaincodeCall{Name: fmt.Sprint("cc", i)})
	}
	asked := 0
	c.cover(interest, func(name string) ([]map[string]int, error) {
		asked++
		return layouts{{name: 1}, {name: 2}, {name: 3}}, nil
	})
	if asked > maxCalled || len(c.layouts) > maxLayouts {
		t.Errorf("%d policies, %d layouts", asked, len(c.layouts))
	}
}
