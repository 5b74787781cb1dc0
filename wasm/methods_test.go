package wasm_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
)

// fullCall has everything that a call can have.
func fullCall(t *testing.T, args ...string) *wasm.Call {
	t.Helper()
	signed, err := proto.Marshal(&peer.SignedProposal{ProposalBytes: []byte("proposal"), Signature: []byte("signature")})
	if err != nil {
		t.Fatal(err)
	}
	c := call(args...)
	c.Creator, c.Binding, c.SignedProposal = []byte("creator"), []byte("binding"), signed
	c.Transient = map[string][]byte{"b": []byte("2"), "a": []byte("1")}
	return c
}

// full is the stub of that call, with some state.
func full() *everything {
	s := newEverything()
	for key, value := range map[string]string{"a": "1", "b": "2", "c": "3", "\x00type\x00x\x00y\x00": "composite", private("c", "\x00type\x00x\x00z\x00"): "hidden"} {
		s.values[key] = []byte(value)
	}
	return s
}

// What is asked of the stub is noted; who is called answers.
type answering struct{ *everything }

func (a answering) CallChaincode(_ context.Context, c wasm.NestedCall) (*wasm.Response, error) {
	return &wasm.Response{Status: 207, Payload: slices.Concat(c.Args...), Message: c.Chaincode + " on " + c.Channel}, nil
}

const served = `GetArgs: ["methods" "x"]
GetStringArgs: [methods x]
GetFunctionAndParameters: methods [x]
GetArgsSlice: "methodsx"
GetTxID: tx1
GetChannelID: ch
GetCreator: "creator"
GetTransient: map["a":"1" "b":"2"]
GetBinding: "binding"
GetDecorations: true
GetSignedProposal: "proposal" "signature"
GetTxTimestamp: 1700000000 5
GetState: "2"
GetState of an absent key: ""
GetState of no key: "" error GET_STATE failed: transaction ID: tx1: key must not be an empty string
GetMultipleStates: ["2" "" "1"]
GetMultipleStates of none: []
PutState:
PutState of no key: error key must not be an empty string
DelState:
SetStateValidationParameter:
GetStateValidationParameter: "policy"
GetStateValidationParameter of none: ""
CreateCompositeKey: "\x00type\x00x\x00y\x00"
SplitCompositeKey: type [x y]
PutPrivateData:
PutPrivateData of no collection: error collection must not be an empty string
PutPrivateData of no key: error key must not be an empty string
GetPrivateData: "v"
GetPrivateData of no collection: "" error collection must not be an empty string
GetMultiplePrivateData: ["v" ""]
GetPrivateDataHash: "hash"
SetPrivateDataValidationParameter:
GetPrivateDataValidationParameter: "ep"
GetPrivateDataByRange: [cc "\xffc\xffk"=v] error no such key
GetPrivateDataByPartialCompositeKey: [cc "\xffc\xff\x00type\x00x\x00z\x00"=hidden] error no such key
GetPrivateDataQueryResult: [cc "\x00type\x00x\x00y\x00"=composite cc "a"=1 cc "b"=2 cc "c"=3] error no such key
DelPrivateData:
PurgePrivateData:
GetStateByRange: [cc "a"=1 cc "b"=2] error no such key
GetStateByRange over composite keys: error first character of the key [` + "\x00" + `] contains a null character which is not allowed
GetStateByPartialCompositeKey: [cc "\x00type\x00x\x00y\x00"=composite] error no such key
GetStateByRangeWithPagination: [cc "b"=2] error no such key
GetStateByRangeWithPagination's page: 1 next
GetStateByRangeWithPagination without pages: [cc "a"=1] error no such key
GetStateByRangeWithPagination without pages's page: 0
GetStateByPartialCompositeKeyWithPagination: [cc "\x00type\x00x\x00y\x00"=composite] error no such key
GetStateByPartialCompositeKeyWithPagination's page: 1 next
GetAllStatesCompositeKeyWithPagination: [cc "\x00type\x00x\x00y\x00"=composite] error no such key
GetAllStatesCompositeKeyWithPagination's page: 1 next
GetQueryResult: [cc "\x00type\x00x\x00y\x00"=composite cc "a"=1 cc "b"=2 cc "c"=3] error no such key
GetQueryResultWithPagination: [cc "\x00type\x00x\x00y\x00"=composite] error no such key
GetQueryResultWithPagination's page: 1 next
GetHistoryForKey: t 1 false "v"
GetHistoryForKey: t 1 false "v"
GetHistoryForKey: t 1 false "v"
GetHistoryForKey closed:
StartWriteBatch:
FinishWriteBatch:
SetEvent: error event name can not be empty string
InvokeChaincode: 207 "fx" other on elsewhere
`

func TestEveryMethodOfFabricsStubIsServed(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	r, err := m.Invoke(context.Background(), fullCall(t, "methods", "x"), answering{full()})
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, string(r.Payload), served)
	if r.EventName != "last" || string(r.EventPayload) != "e" {
		t.Errorf("event %s %s", r.EventName, r.EventPayload)
	}
	methods := map[string]bool{}
	for _, line := range strings.Split(served, "\n") {
		name, _, _ := strings.Cut(line, ":")
		methods[regexp.MustCompile(`^\w*`).FindString(name)] = true
	}
	delete(methods, "")
	if len(methods) != 43 {
		t.Errorf("%d methods are tried, and there are 43", len(methods))
	}
}

// served by a stub that only keeps public state, the rest is refused by name.
func TestWhatAStubCannotDoIsUnsupportedByName(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	r, err := m.Invoke(context.Background(), fullCall(t, "methods", "x"), full().state)
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]string{
		"GetState":                            `"2"`,
		"GetMultipleStates":                   `["2" "" "1"]`,
		"GetStateByRange":                     `[cc "a"=1 cc "b"=2] error no such key`,
		"GetPrivateData":                      "error GET_STATE failed: transaction ID: tx1: UNSUPPORTED state_get: this peer serves no private data",
		"GetMultiplePrivateData":              "error GET_STATE_MULTIPLE failed: transaction ID: tx1: UNSUPPORTED state_get_multi: this peer serves no private data",
		"GetPrivateDataHash":                  "error GET_PRIVATE_DATA_HASH failed: transaction ID: tx1: UNSUPPORTED state_hash: this peer serves no private data",
		"PutPrivateData":                      "error PUT_STATE failed: transaction ID: tx1: UNSUPPORTED state_put: this peer serves no private data",
		"DelPrivateData":                      "error DEL_STATE failed: transaction ID: tx1: UNSUPPORTED state_del: this peer serves no private data",
		"PurgePrivateData":                    "error PURGE_PRIVATE_DATA failed: transaction ID: tx1: UNSUPPORTED state_del: this peer serves no private data",
		"GetPrivateDataByRange":               "error GET_STATE_BY_RANGE failed: transaction ID: tx1: UNSUPPORTED range_open: this peer serves no private data",
		"GetPrivateDataQueryResult":           "error GET_QUERY_RESULT failed: transaction ID: tx1: UNSUPPORTED query_open: this peer serves no queries of values",
		"SetStateValidationParameter":         "error PUT_STATE_METADATA failed: transaction ID: tx1: UNSUPPORTED meta_put: this peer serves no key metadata",
		"GetStateValidationParameter":         "error GET_STATE_METADATA failed: transaction ID: tx1: UNSUPPORTED meta_get: this peer serves no key metadata",
		"GetStateByRangeWithPagination":       "error GET_STATE_BY_RANGE failed: transaction ID: tx1: UNSUPPORTED range_open: this peer serves no pages of ranges",
		"GetQueryResult":                      "error GET_QUERY_RESULT failed: transaction ID: tx1: UNSUPPORTED query_open: this peer serves no queries of values",
		"GetHistoryForKey":                    "error GET_HISTORY_FOR_KEY failed: transaction ID: tx1: UNSUPPORTED history_open: this peer serves no history of keys",
		"InvokeChaincode":                     `500 "INVOKE_CHAINCODE failed: transaction ID: tx1: UNSUPPORTED cc_call: this peer serves no calls of other chaincode"`,
		"GetPrivateDataByPartialCompositeKey": "error GET_STATE_BY_RANGE failed: transaction ID: tx1: UNSUPPORTED range_open: this peer serves no private data",
	} {
		if !slices.ContainsFunc(strings.Split(string(r.Payload), "\n"), func(line string) bool {
			return strings.HasPrefix(line, method+":") && strings.Contains(line, want)
		}) {
			t.Errorf("%s: no %q in\n%s", method, want, r.Payload)
		}
	}
}

func sameLines(t *testing.T, got, want string) {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = strings.TrimRight(a[i], " ")
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			t.Errorf("line %d\n got %s\nwant %s", i+1, x, y)
		}
	}
}

func TestWritesOfAReadOnlyCallAreRefused(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	for args, want := range map[string]string{
		"put k v": "PUT_STATE failed: transaction ID: tx1: the call is read-only",
		"get a":   "",
	} {
		c, s := call(strings.Fields(args)...), full()
		c.ReadOnly = true
		r, err := m.Invoke(context.Background(), c, s)
		if err != nil || r.Message != want {
			t.Errorf("%s: %+v, %v", args, r, err)
		}
		if s.values["k"] != nil {
			t.Errorf("%s: written", args)
		}
	}
}

func TestAKeysPolicyIsFabrics(t *testing.T) {
	r := must(t, load(t, "probe", wasm.Limits{}), newState(), "policy", "Org2MSP", "Org1MSP")
	envelope := &common.SignaturePolicyEnvelope{}
	if err := proto.Unmarshal(r.Payload, envelope); err != nil || len(envelope.Identities) != 2 || envelope.GetRule().GetNOutOf().GetN() != 2 {
		t.Errorf("policy %v, %v", envelope, err)
	}
}

func TestACalleesBudgetAndDepthAreTheCallers(t *testing.T) {
	m, s := load(t, "probe", wasm.Limits{CallDepth: 3}), full()
	var nested wasm.NestedCall
	stub := noting{answering{s}, &nested}
	c := fullCall(t, "methods")
	c.Budget, c.Depth = wasm.NewBudget(50_000_000), 2
	if _, err := m.Invoke(context.Background(), c, stub); err != nil {
		t.Fatal(err)
	}
	if nested.Budget != c.Budget || nested.Depth != 3 || nested.Channel != "elsewhere" || c.Budget.Used() == 0 {
		t.Errorf("nested call %+v", nested)
	}
	c.Depth = 3
	r, err := m.Invoke(context.Background(), c, stub)
	if err != nil || !strings.Contains(string(r.Payload), "chaincodes may call each other 3 deep; other would be one more") {
		t.Errorf("%v: %s", err, r.Payload)
	}
	c.Depth = 4
	var exhausted *wasm.Exhausted
	if _, err := m.Invoke(context.Background(), c, stub); !errors.As(err, &exhausted) {
		t.Errorf("beyond the limit: %v", err)
	}
}

type noting struct {
	answering
	call *wasm.NestedCall
}

func (n noting) CallChaincode(ctx context.Context, c wasm.NestedCall) (*wasm.Response, error) {
	*n.call = c
	return n.answering.CallChaincode(ctx, c)
}

func TestAGuestIsToldTheCodeThatTheStubGives(t *testing.T) {
	m := load(t, "native", wasm.Limits{})
	s := &state{fail: &wasm.GuestError{Code: abi.Denied, Text: "not for you"}}
	r, err := m.Invoke(context.Background(), call("code", "k"), s)
	if err != nil || string(r.Payload) != "-3 not for you" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTheGuestLibraryServesTheWholeABI(t *testing.T) {
	m := load(t, "native", wasm.Limits{})
	c := fullCall(t, "tour")
	c.Init = false
	r, err := m.Invoke(context.Background(), c, answering{full()})
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, string(r.Payload), `tx false false cc creator binding 21 map[a:[49] b:[50]] map[]
many [[49] []] <nil> <nil> <nil>
policy ep <nil>
put private <nil>
get private v <nil>
hash hash <nil>
many private [[118]] <nil>
private "\xffc\xffk" v
range private <nil> <nil> <nil>
part "\x00type\x00x\x00y\x00" composite
composite <nil>
page "a" 1
page next <nil>
found "\x00type\x00x\x00y\x00" composite
found "a" 1
found "c" 3
query <nil>
found "\x00type\x00x\x00y\x00" composite
query page next <nil>
version t 1 0 false v
version t 1 0 false v
version t 1 0 false v
history <nil>
stopped true
call 207 f other on  <nil>
call of nobody name of the chaincode to call must not be an empty string
`)
}

func TestAbortEndsTheCallWithItsText(t *testing.T) {
	_, err := load(t, "native", wasm.Limits{}).Invoke(context.Background(), call("abort", "I give up"), newState())
	var trap *wasm.Trap
	if !errors.As(err, &trap) || !strings.Contains(err.Error(), "abort: I give up") {
		t.Errorf("got %v", err)
	}
}
