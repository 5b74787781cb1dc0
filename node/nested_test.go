package node

import (
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/pack"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// One organisation suffices for the chaincode that the client calls, and not
// for the one that this calls: nobody can know before it has run.
func TestATransactionOfTwoChaincodesIsEndorsedForBoth(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 1, "Org2": 1})
	n.startAll()
	n.channel("channel1", "Org1", "Org2")
	n.ready("channel1", 2)
	for name, policy := range map[string]string{"caller": "OR('Org1MSP.peer','Org2MSP.peer')", "callee": "AND('Org1MSP.peer','Org2MSP.peer')"} {
		raw, err := pack.Write(name, wasmtest.Puppet())
		if err != nil {
			t.Fatal(err)
		}
		n.deployPackage("channel1", name, pack.ID(name, raw), raw, policy, []string{"Org1", "Org2"}, "peer0.Org1", "peer0.Org2")
	}

	network := n.client("peer0.Org1", "Org1", "User1").GetNetwork("channel1")
	contract := network.GetContract("caller")
	const at = wasmtest.ScriptData
	put := wasmtest.NewScript([]byte("key")).Call("state_put", 0, 0, at, 3, at, 3)
	list := abi.AppendList(nil, put.Args())
	call := wasmtest.NewScript(append([]byte("callee"), list...)).
		Call("state_put", 0, 0, at, 6, at, 6).
		Call("cc_call", at, 6, at+6, uint64(len(list)), 0, 0)
	result, err := contract.Submit(string(call.Args()[0]), client.WithBytesArguments(call.Args()[1:]...))
	if err != nil {
		t.Fatalf("%v %v", err, details(err))
	}
	if answers := wasmtest.Answers(result); len(answers) != 2 || answers[0] != 0 || answers[1] != 200 {
		t.Errorf("the steps answered %v", answers)
	}
	get := wasmtest.NewScript([]byte("key")).Call("state_get", 0, 0, at, 3, 0, 16)
	result, err = network.GetContract("callee").Evaluate(string(get.Args()[0]), client.WithBytesArguments(get.Args()[1:]...))
	if err != nil {
		t.Fatalf("%v %v", err, details(err))
	}
	if answers := wasmtest.Answers(result); len(answers) != 1 || answers[0] != 3 {
		t.Errorf("reading what the callee wrote answered %v", answers)
	}
	n.level("channel1", 2)
}
