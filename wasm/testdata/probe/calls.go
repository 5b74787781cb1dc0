package main

import (
	"encoding/json"
	"fmt"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/queryresult"
)

// do makes calls of the stub's methods, each a JSON list of the method and its
// arguments, and answers a line for each.
func do(s shim.ChaincodeStubInterface, calls []string) (string, error) {
	t := &transcript{}
	for _, call := range calls {
		var words []string
		if err := json.Unmarshal([]byte(call), &words); err != nil || len(words) == 0 {
			return "", fmt.Errorf("%q is no list of a method and its arguments", call)
		}
		if !t.access(s, words[0], words[1:]) && !t.walks(s, words[0], words[1:]) {
			return "", fmt.Errorf("%s with %d arguments is not known", words[0], len(words)-1)
		}
	}
	return t.String(), nil
}

// access makes a call that answers at once.
func (t *transcript) access(s shim.ChaincodeStubInterface, method string, args []string) bool {
	switch fmt.Sprint(method, len(args)) {
	case "GetState1":
		t.say(method, list(s.GetState(args[0]))...)
	case "PutState2":
		t.say(method, s.PutState(args[0], []byte(args[1])))
	case "DelState1":
		t.say(method, s.DelState(args[0]))
	case "GetStateValidationParameter1":
		t.say(method, list(s.GetStateValidationParameter(args[0]))...)
	case "SetStateValidationParameter2":
		t.say(method, s.SetStateValidationParameter(args[0], []byte(args[1])))
	case "SetEvent2":
		t.say(method, s.SetEvent(args[0], []byte(args[1])))
	case "StartWriteBatch0":
		s.StartWriteBatch()
		t.say(method)
	case "FinishWriteBatch0":
		t.say(method, s.FinishWriteBatch())
	default:
		return t.several(s, method, args)
	}
	return true
}

// several makes a call of any number of arguments.
func (t *transcript) several(s shim.ChaincodeStubInterface, method string, args []string) bool {
	switch {
	case method == "GetMultipleStates":
		t.say(method, list(s.GetMultipleStates(args...))...)
	case method == "PutComposite" && len(args) > 1: // value, type, attributes
		key, err := s.CreateCompositeKey(args[1], args[2:])
		if err == nil {
			err = s.PutState(key, []byte(args[0]))
		}
		t.say(method, err)
	case method == "RequireOf" && len(args) > 0: // key, organisations
		ep, err := policy(args[1:])
		if err == nil {
			err = s.SetStateValidationParameter(args[0], ep)
		}
		t.say(method, err)
	case method == "InvokeChaincode" && len(args) > 1: // name, channel, arguments
		var rest [][]byte
		for _, arg := range args[2:] {
			rest = append(rest, []byte(arg))
		}
		r := s.InvokeChaincode(args[0], rest, args[1])
		t.say(method, r.Status, r.Payload, r.Message)
	default:
		return false
	}
	return true
}

// walks makes a call that answers an iterator, and walks it to its end, or takes
// as many records as a last argument says.
func (t *transcript) walks(s shim.ChaincodeStubInterface, method string, args []string) bool {
	var size int32
	if len(args) > 1 {
		_, _ = fmt.Sscan(args[len(args)-2], &size)
	}
	switch {
	case method == "GetStateByRange" && len(args) == 2:
		t.walk(method)(s.GetStateByRange(args[0], args[1]))
	case method == "GetStateByRange" && len(args) == 3: // takes so many
		t.some(method, args[2])(s.GetStateByRange(args[0], args[1]))
	case method == "GetStateByRangeWithPagination" && len(args) == 4:
		t.page(method)(s.GetStateByRangeWithPagination(args[0], args[1], size, args[3]))
	case method == "GetStateByPartialCompositeKey" && len(args) > 0:
		t.walk(method)(s.GetStateByPartialCompositeKey(args[0], args[1:]))
	case method == "GetStateByPartialCompositeKeyWithPagination" && len(args) > 2:
		last := len(args) - 2
		t.page(method)(s.GetStateByPartialCompositeKeyWithPagination(args[0], args[1:last], size, args[last+1]))
	case method == "GetAllStatesCompositeKeyWithPagination" && len(args) == 2:
		t.page(method)(s.GetAllStatesCompositeKeyWithPagination(size, args[1]))
	case method == "GetHistoryForKey" && len(args) == 1:
		t.history(s, args[0])
	default:
		return false
	}
	return true
}

func (t *transcript) some(method, count string) func(shim.StateQueryIteratorInterface, error) {
	return func(it shim.StateQueryIteratorInterface, err error) {
		if err != nil {
			t.say(method, err)
			return
		}
		var n, taken int
		_, _ = fmt.Sscan(count, &n)
		for taken < n && it.HasNext() {
			if _, err = it.Next(); err != nil {
				break
			}
			taken++
		}
		t.say(method, taken, err, it.Close())
	}
}

func (t *transcript) history(s shim.ChaincodeStubInterface, key string) {
	it, err := s.GetHistoryForKey(key)
	if err != nil {
		t.say("GetHistoryForKey", err)
		return
	}
	var all []string
	for it.HasNext() {
		var m *queryresult.KeyModification
		if m, err = it.Next(); err != nil {
			break
		}
		all = append(all, fmt.Sprintf("%s@%d=%s%s", m.TxId, m.Timestamp.GetSeconds(), m.Value, map[bool]string{true: "(deleted)"}[m.IsDelete]))
	}
	t.say("GetHistoryForKey", all, err, it.Close())
}
