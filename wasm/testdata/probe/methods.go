package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/statebased"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// transcript is a line for each method of the stub, with what it answered.
type transcript struct{ strings.Builder }

func (t *transcript) say(method string, results ...any) {
	fmt.Fprintf(t, "%s:", method)
	for _, r := range results {
		switch r := r.(type) {
		case nil:
		case []byte:
			fmt.Fprintf(t, " %q", r)
		case [][]byte:
			fmt.Fprintf(t, " %q", r)
		case error:
			fmt.Fprintf(t, " error %s", r)
		default:
			fmt.Fprintf(t, " %v", r)
		}
	}
	t.WriteByte('\n')
}

// methods calls all 43 methods of the stub.
func methods(s shim.ChaincodeStubInterface) string {
	t := &transcript{}
	context(t, s)
	state(t, s)
	private(t, s)
	ranges(t, s)
	s.StartWriteBatch()
	t.say("StartWriteBatch", s.PutState("batch", []byte("1")))
	t.say("FinishWriteBatch", s.FinishWriteBatch())
	t.say("SetEvent", s.SetEvent("", nil), s.SetEvent("first", nil), s.SetEvent("last", []byte("e")))
	r := s.InvokeChaincode("other", [][]byte{[]byte("f"), []byte("x")}, "elsewhere")
	t.say("InvokeChaincode", r.Status, r.Payload, r.Message)
	return t.String()
}

func context(t *transcript, s shim.ChaincodeStubInterface) {
	t.say("GetArgs", s.GetArgs())
	t.say("GetStringArgs", s.GetStringArgs())
	name, params := s.GetFunctionAndParameters()
	t.say("GetFunctionAndParameters", name, params)
	t.say("GetArgsSlice", list(s.GetArgsSlice())...)
	t.say("GetTxID", s.GetTxID())
	t.say("GetChannelID", s.GetChannelID())
	t.say("GetCreator", list(s.GetCreator())...)
	transient, err := s.GetTransient()
	t.say("GetTransient", fmt.Sprintf("%q", transient), err)
	t.say("GetBinding", list(s.GetBinding())...)
	t.say("GetDecorations", s.GetDecorations() == nil)
	proposal, err := s.GetSignedProposal()
	t.say("GetSignedProposal", proposal.GetProposalBytes(), proposal.GetSignature(), err)
	at, err := s.GetTxTimestamp()
	t.say("GetTxTimestamp", at.GetSeconds(), at.GetNanos(), err)
}

func list[T any](v T, err error) []any { return []any{v, err} }

func state(t *transcript, s shim.ChaincodeStubInterface) {
	t.say("GetState", list(s.GetState("b"))...)
	t.say("GetState of an absent key", list(s.GetState("absent"))...)
	t.say("GetState of no key", list(s.GetState(""))...)
	t.say("GetMultipleStates", list(s.GetMultipleStates("b", "absent", "a"))...)
	t.say("GetMultipleStates of none", list(s.GetMultipleStates())...)
	t.say("PutState", s.PutState("put", []byte("1")))
	t.say("PutState of no key", s.PutState("", []byte("1")))
	t.say("DelState", s.DelState("put"))
	t.say("SetStateValidationParameter", s.SetStateValidationParameter("a", []byte("policy")))
	t.say("GetStateValidationParameter", list(s.GetStateValidationParameter("a"))...)
	t.say("GetStateValidationParameter of none", list(s.GetStateValidationParameter("b"))...)
	key, err := s.CreateCompositeKey("type", []string{"x", "y"})
	t.say("CreateCompositeKey", fmt.Sprintf("%q", key), err)
	kind, parts, err := s.SplitCompositeKey(key)
	t.say("SplitCompositeKey", kind, parts, err)
}

func private(t *transcript, s shim.ChaincodeStubInterface) {
	t.say("PutPrivateData", s.PutPrivateData("c", "k", []byte("v")))
	t.say("PutPrivateData of no collection", s.PutPrivateData("", "k", nil))
	t.say("PutPrivateData of no key", s.PutPrivateData("c", "", nil))
	t.say("GetPrivateData", list(s.GetPrivateData("c", "k"))...)
	t.say("GetPrivateData of no collection", list(s.GetPrivateData("", "k"))...)
	t.say("GetMultiplePrivateData", list(s.GetMultiplePrivateData("c", "k", "absent"))...)
	t.say("GetPrivateDataHash", list(s.GetPrivateDataHash("c", "k"))...)
	t.say("SetPrivateDataValidationParameter", s.SetPrivateDataValidationParameter("c", "k", []byte("ep")))
	t.say("GetPrivateDataValidationParameter", list(s.GetPrivateDataValidationParameter("c", "k"))...)
	t.walk("GetPrivateDataByRange")(s.GetPrivateDataByRange("c", "a", "z"))
	t.walk("GetPrivateDataByPartialCompositeKey")(s.GetPrivateDataByPartialCompositeKey("c", "type", []string{"x"}))
	t.walk("GetPrivateDataQueryResult")(s.GetPrivateDataQueryResult("c", "{}"))
	t.say("DelPrivateData", s.DelPrivateData("c", "k"))
	t.say("PurgePrivateData", s.PurgePrivateData("c", "k"))
}

func ranges(t *transcript, s shim.ChaincodeStubInterface) {
	t.walk("GetStateByRange")(s.GetStateByRange("", "c"))
	t.walk("GetStateByRange over composite keys")(s.GetStateByRange("\x00", ""))
	t.walk("GetStateByPartialCompositeKey")(s.GetStateByPartialCompositeKey("type", []string{"x"}))
	t.page("GetStateByRangeWithPagination")(s.GetStateByRangeWithPagination("", "", 1, "b"))
	t.page("GetStateByRangeWithPagination without pages")(s.GetStateByRangeWithPagination("", "b", 0, ""))
	t.page("GetStateByPartialCompositeKeyWithPagination")(s.GetStateByPartialCompositeKeyWithPagination("type", []string{"x"}, 5, ""))
	t.page("GetAllStatesCompositeKeyWithPagination")(s.GetAllStatesCompositeKeyWithPagination(5, ""))
	t.walk("GetQueryResult")(s.GetQueryResult("{}"))
	t.page("GetQueryResultWithPagination")(s.GetQueryResultWithPagination("{}", 1, "mark"))
	history, err := s.GetHistoryForKey("a")
	if err != nil {
		t.say("GetHistoryForKey", err)
		return
	}
	for history.HasNext() {
		m, err := history.Next()
		t.say("GetHistoryForKey", m.GetTxId(), m.GetTimestamp().GetSeconds(), m.GetIsDelete(), m.GetValue(), err)
	}
	t.say("GetHistoryForKey closed", history.Close(), history.Close())
}

func (t *transcript) walk(method string) func(shim.StateQueryIteratorInterface, error) {
	return func(it shim.StateQueryIteratorInterface, err error) {
		if err != nil {
			t.say(method, err)
			return
		}
		var all []string
		for it.HasNext() {
			kv, err := it.Next()
			if err != nil {
				t.say(method, err)
				return
			}
			all = append(all, fmt.Sprintf("%s %q=%s", kv.Namespace, kv.Key, kv.Value))
		}
		_, err = it.Next()
		t.say(method, all, err, it.Close())
	}
}

func (t *transcript) page(method string) func(shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return func(it shim.StateQueryIteratorInterface, page *peer.QueryResponseMetadata, err error) {
		t.walk(method)(it, err)
		if err == nil {
			t.say(method+"'s page", page.FetchedRecordsCount, page.Bookmark)
		}
	}
}

// policy makes a key's endorsement policy, as chaincode does.
func policy(orgs []string) ([]byte, error) {
	ep, err := statebased.NewStateEP(nil)
	if err != nil {
		return nil, err
	}
	if err := ep.AddOrgs(statebased.RoleTypePeer, orgs...); err != nil {
		return nil, err
	}
	if got := ep.ListOrgs(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(orgs))) {
		return nil, fmt.Errorf("policy lists %q", got)
	}
	return ep.Policy()
}
