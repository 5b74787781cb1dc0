package node

import (
	"errors"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm/pack"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// script has a puppet make calls: a string stands for its pointer and length.
type script struct {
	data  []byte
	steps []func(*wasmtest.Script)
}

func (s *script) call(function string, args ...any) *script {
	var numbers []uint64
	for _, arg := range args {
		switch arg := arg.(type) {
		case string:
			numbers = append(numbers, uint64(wasmtest.ScriptData+len(s.data)), uint64(len(arg)))
			s.data = append(s.data, arg...)
		case int:
			numbers = append(numbers, uint64(arg))
		}
	}
	s.steps = append(s.steps, func(w *wasmtest.Script) { w.Call(function, numbers...) })
	return s
}

func (s *script) args() [][]byte {
	w := wasmtest.NewScript(s.data)
	for _, step := range s.steps {
		step(w)
	}
	return w.Args()
}

// keyed is a channel of three organisations, any of which may endorse a
// chaincode whose keys may have policies of their own.
type keyed struct {
	*network
	contract *client.Contract // of a client of Org1
}

// submit makes calls in a transaction that these organisations endorse, or
// whom the gateway chooses.
func (k *keyed) submit(s *script, orgs ...string) error {
	args := s.args()
	options := []client.ProposalOption{client.WithBytesArguments(args[1:]...)}
	if len(orgs) > 0 {
		options = append(options, client.WithEndorsingOrganizations(orgs...))
	}
	_, err := k.contract.Submit(string(args[0]), options...)
	return err
}

func (k *keyed) must(s *script, orgs ...string) {
	k.t.Helper()
	if err := k.submit(s, orgs...); err != nil {
		k.t.Fatalf("%v %v", err, details(err))
	}
}

// changes writes a value.
func changes(key, value string) *script { return new(script).call("state_put", "", key, value) }

// requires has a key changed from now on by all of these organisations.
func (k *keyed) requires(s *script, key, dsl string) *script {
	k.t.Helper()
	env, err := policy.Parse(dsl)
	if err != nil {
		k.t.Fatal(err)
	}
	return s.call("meta_put", "", key, sim.ValidationParameter, string(bytesOf(k.t, env)))
}

// is expects a value on every peer, once all have the same height.
func (k *keyed) is(key, want string) {
	k.t.Helper()
	k.level("channel1", 2)
	for name, p := range k.peers {
		pc, _ := p.on("channel1")
		snapshot := pc.Ledger().Snapshot()
		got, _, err := snapshot.Get("keyed", key)
		if err != nil || string(got) != want {
			k.t.Errorf("on %s %s is %q, want %q (%v)", name, key, got, want, err)
		}
		_ = snapshot.Close()
	}
}

func refusedByPolicy(t *testing.T, err error) {
	t.Helper()
	var commit *client.CommitError
	if !errors.As(err, &commit) || commit.Code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
		t.Errorf("got %v %v", err, details(err))
	}
}

// The scenarios that fabric-gateway's SDKs are tried with
// (scenario/features/sbe.feature), and some more.
func TestKeysWithEndorsersOfTheirOwn(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 1, "Org2": 1, "Org3": 1})
	n.startAll()
	n.channel("channel1", "Org1", "Org2", "Org3")
	n.ready("channel1", 3)
	raw, err := pack.Write("keyed", wasmtest.Puppet())
	if err != nil {
		t.Fatal(err)
	}
	n.deployPackage("channel1", "keyed", pack.ID("keyed", raw), raw, "OR('Org1MSP.member','Org2MSP.member','Org3MSP.member')",
		[]string{"Org1", "Org2", "Org3"}, "peer0.Org1", "peer0.Org2", "peer0.Org3")
	k := &keyed{n, n.client("peer0.Org1", "Org1", "User1").GetNetwork("channel1").GetContract("keyed")}
	const org1, org2, org3 = "Org1MSP", "Org2MSP", "Org3MSP"
	const of13, of23 = "AND('Org1MSP.peer','Org3MSP.peer')", "AND('Org2MSP.peer','Org3MSP.peer')"
	fresh := func(key string) {
		t.Helper()
		k.must(k.requires(changes(key, "value-001"), key, "AND('Org1MSP.peer')"))
	}

	t.Run("its organisation changes it", func(t *testing.T) {
		fresh("key-1")
		k.must(changes("key-1", "value-Org1"), org1)
		k.is("key-1", "value-Org1")
	})
	t.Run("another does not", func(t *testing.T) {
		fresh("key-2")
		refusedByPolicy(t, k.submit(changes("key-2", "value-Org2"), org2))
		refusedByPolicy(t, k.submit(k.requires(new(script), "key-2", of23), org2))
		refusedByPolicy(t, k.submit(new(script).call("state_del", "", "key-2", 0), org2))
		k.is("key-2", "value-001")
	})
	t.Run("the gateway asks those of the key", func(t *testing.T) {
		fresh("key-3")
		k.must(k.requires(new(script), "key-3", of13))
		k.must(changes("key-3", "value-Org1-Org3"))
		k.is("key-3", "value-Org1-Org3")
	})
	t.Run("the gateway asks them though its own organisation is none", func(t *testing.T) {
		fresh("key-4")
		k.must(k.requires(new(script), "key-4", of23))
		k.must(changes("key-4", "value-Org2-Org3"))
		k.is("key-4", "value-Org2-Org3")
		k.must(k.requires(new(script), "key-4", "AND('Org3MSP.peer')"))
		k.must(changes("key-4", "value-Org3").call("state_put", "", "key-4-free", "free"))
		k.is("key-4", "value-Org3")
		k.is("key-4-free", "free")
	})
	t.Run("the wrong ones do not change it", func(t *testing.T) {
		fresh("key-5")
		k.must(k.requires(new(script), "key-5", of13))
		refusedByPolicy(t, k.submit(changes("key-5", "value-Org1-Org2"), org1, org2))
		refusedByPolicy(t, k.submit(changes("key-5", "value-Org3"), org3))
		k.is("key-5", "value-001")
	})
}
