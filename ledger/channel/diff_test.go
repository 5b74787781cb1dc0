package channel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

func TestChangesAreToldInWords(t *testing.T) {
	n := newTestnet(t)
	if got := n.Diff(n.Config); len(got) > 0 {
		t.Errorf("against itself: %v", got)
	}
	crl, err := n.peers[0].CRL(1, catest.Epoch(), n.peers[0].User("User1"))
	if err != nil {
		t.Fatal(err)
	}
	consenter := n.addConsenters(t, "orderer1")
	next, err := n.Next(channeltest.Next(t, n.Config, func(r tree) {
		n.batchOfTen(r)
		consenter(r)
		put(ordererGroup(r), "BatchTimeout", &orderer.BatchTimeout{Timeout: "1s"})
		ordererGroup(r).Values["BatchTimeout"].ModPolicy = "/Channel/Admins"
		set(applicationGroup(r), "ACLs", &peer.ACLs{Acls: map[string]*peer.APIResource{"peer/Propose": {PolicyRef: "/Channel/Readers"}}})
		delete(applicationGroup(r).Groups, "Org2")
		org := proto.CloneOf(applicationGroup(r).Groups["Org1"])
		org.Values["MSP"].Value = encode(t, catest.New(t, "Org3").Config())
		applicationGroup(r).Groups["Org3"] = org
		applicationGroup(r).Groups["Org1"].Values["MSP"].Value = encode(t, n.peers[0].Config(crl))
		r.Policies["Readers"].Policy.Value = encode(t, &common.ImplicitMetaPolicy{SubPolicy: "Admins", Rule: common.ImplicitMetaPolicy_ALL})
		r.Policies["Writers"].Policy.Value = append(slices.Clone(r.Policies["Writers"].Policy.Value), 0x98, 0x06, 1)
	}, n.everybody...))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"value /Channel/Application/ACLs is new: peer/Propose by /Channel/Readers",
		"value /Channel/Application/Org1/MSP: now Org1MSP, CAs: 1 root, 0 intermediate, 1 TLS; listed administrators: 0; revocation lists: 1; before Org1MSP, CAs: 1 root, 0 intermediate, 1 TLS; listed administrators: 0; revocation lists: 0",
		"group /Channel/Application/Org2 is gone: the organisation Org2MSP",
		"group /Channel/Application/Org3 is new: the organisation Org3MSP",
		"value /Channel/Orderer/BatchSize: now 10 messages, 10485760 bytes at most, 2097152 bytes preferred; before 500 messages, 10485760 bytes at most, 2097152 bytes preferred",
		"value /Channel/Orderer/BatchTimeout: now guarded by policy /Channel/Admins; before by policy Admins",
		"value /Channel/Orderer/BatchTimeout: now 1s; before 2s",
		"value /Channel/Orderer/ConsensusType: now etcdraft of orderer0.example.com:7050, orderer1.example.com:7050; tick 500ms, heartbeat 1, election 10 ticks; before etcdraft of orderer0.example.com:7050; tick 500ms, heartbeat 1, election 10 ticks",
		"policy /Channel/Readers: now ALL Admins; before ANY Readers",
		"policy /Channel/Writers: other details of ANY Writers",
	}
	if got := n.Diff(next); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
