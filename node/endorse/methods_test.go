package endorse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/endorse/endorsetest"
)

// step is one transaction of the test below. The first is committed in block 3,
// after the genesis block and two definitions.
type step struct {
	calls        []string
	answers, set string
}

func steps() []step {
	refused := func(request string, tx int, why string) string {
		return fmt.Sprintf("error %s failed: transaction ID: t%d: txid [t%d]: unsuppored transaction. %s", request, tx, tx, why)
	}
	return []step{
		{ // 0: values, and the last write of a key; an empty value is a delete
			[]string{call("PutState", "a", "0"), call("PutState", "a", "1"), call("PutState", "b", "1"), call("PutState", "c", "1"),
				call("PutState", "e", ""), call("DelState", "never"), call("GetState", "a"), call("PutState", "", "v")},
			"PutState:\nPutState:\nPutState:\nPutState:\nPutState:\nDelState:\nGetState: \"\"\nPutState: error key must not be an empty string",
			"read a@none\nwrite a=1\nwrite b=1\nwrite c=1\nwrite e=(delete)\nwrite never=(delete)",
		},
		{ // 1: own writes are not seen, be it by GetState or by a range
			[]string{call("PutState", "a", "2"), call("DelState", "b"), call("GetState", "a"), call("GetState", "b"), call("GetState", "e"),
				call("GetStateByRange", "a", "z")},
			"PutState:\nDelState:\nGetState: \"1\"\nGetState: \"1\"\nGetState: \"\"\nGetStateByRange: [probe \"a\"=1 probe \"b\"=1 probe \"c\"=1] error no such key",
			"read a@3\nread b@3\nread e@none\nrange a to z, exhausted true: a@3 b@3 c@3\nwrite a=2\nwrite b=(delete)",
		},
		{ // 2: several at once, in their order
			[]string{call("GetMultipleStates", "c", "b", "a", "c")},
			`GetMultipleStates: ["1" "" "2" "1"]`,
			"read a@4\nread b@none\nread c@3",
		},
		{ // 3: composite keys
			[]string{call("PutComposite", "v", "type", "x", "y"), call("PutComposite", "w", "type", "x", "z"), call("PutComposite", "u", "type", "y"),
				call("PutComposite", "v", "type", "\x00")},
			"PutComposite:\nPutComposite:\nPutComposite:\nPutComposite: error input contains unicode U+0000 starting at position [0]. U+0000 and U+10FFFF are not allowed in the input attribute of a composite key",
			"write ·type·x·y·=v\nwrite ·type·x·z·=w\nwrite ·type·y·=u",
		},
		{ // 4: a range has no composite keys, a prefix only those below it
			[]string{call("GetStateByRange", "", ""), call("GetStateByPartialCompositeKey", "type", "x"), call("GetStateByRange", "\x00", "b")},
			`GetStateByRange: [probe "a"=2 probe "c"=1] error no such key` + "\n" +
				`GetStateByPartialCompositeKey: [probe "\x00type\x00x\x00y\x00"=v probe "\x00type\x00x\x00z\x00"=w] error no such key` + "\n" +
				"GetStateByRange: error first character of the key [·] contains a null character which is not allowed",
			"range \x01 to , exhausted true: a@4 c@3\nrange ·type·x· to ·type·x·\U0010FFFF, exhausted true: ·type·x·y·@6 ·type·x·z·@6",
		},
		{ // 5: a range that is left early is read a batch ahead, and told once
			[]string{call("GetStateByRange", "a", "", "1"), call("GetStateByRange", "a", "", "2")},
			"GetStateByRange: 1\nGetStateByRange: 2",
			"range a to , exhausted true: a@4 c@3",
		},
		{ // 6: pages; nothing can be written any more
			[]string{call("GetStateByRangeWithPagination", "", "", "1", ""), call("GetStateByRangeWithPagination", "", "", "1", "c"),
				call("GetStateByRangeWithPagination", "", "", "5", ""), call("GetStateByRangeWithPagination", "a", "b", "0", ""),
				call("GetStateByPartialCompositeKeyWithPagination", "type", "x", "1", ""),
				call("GetAllStatesCompositeKeyWithPagination", "2", ""),
				call("PutState", "a", "9"), call("DelState", "a"), call("SetStateValidationParameter", "a", "p"), call("GetState", "a")},
			`GetStateByRangeWithPagination: [probe "a"=2] error no such key
GetStateByRangeWithPagination's page: 1 c
GetStateByRangeWithPagination: [probe "c"=1] error no such key
GetStateByRangeWithPagination's page: 1 
GetStateByRangeWithPagination: [probe "a"=2 probe "c"=1] error no such key
GetStateByRangeWithPagination's page: 2 
GetStateByRangeWithPagination: [probe "a"=2] error no such key
GetStateByRangeWithPagination's page: 0 
GetStateByPartialCompositeKeyWithPagination: [probe "\x00type\x00x\x00y\x00"=v] error no such key
GetStateByPartialCompositeKeyWithPagination's page: 1 ·type·x·z·
GetAllStatesCompositeKeyWithPagination: [probe "\x00type\x00x\x00y\x00"=v probe "\x00type\x00x\x00z\x00"=w] error no such key
GetAllStatesCompositeKeyWithPagination's page: 2 ·type·y·
PutState: ` + refused("PUT_STATE", 6, "Transaction has already performed a paginated query. Writes are not allowed") + `
DelState: ` + refused("DEL_STATE", 6, "Transaction has already performed a paginated query. Writes are not allowed") + `
SetStateValidationParameter: ` + refused("PUT_STATE_METADATA", 6, "Transaction has already performed a paginated query. Writes are not allowed") + `
GetState: "2"`,
			`read a@4
range ` + "\x01" + ` to a, exhausted false: a@4
range c to c, exhausted false: c@3
range ` + "\x01" + ` to , exhausted true: a@4 c@3
range a to b, exhausted true: a@4
range ·type·x· to ·type·x·y·, exhausted false: ·type·x·y·@6
range · to ·type·x·z·, exhausted false: ·type·x·y·@6 ·type·x·z·@6`,
		},
		{ // 7: nor can pages be read once something was written
			[]string{call("SetStateValidationParameter", "absent", "p"), call("GetStateByRangeWithPagination", "", "", "1", "")},
			"SetStateValidationParameter:\nGetStateByRangeWithPagination: " + refused("GET_STATE_BY_RANGE", 7, "Paginated queries are supported only in a read-only transaction"),
			"metadata absent: VALIDATION_PARAMETER=p",
		},
		{ // 8: history, the newest first; nothing of it is in the set
			[]string{call("GetHistoryForKey", "a"), call("GetHistoryForKey", "b"), call("GetHistoryForKey", "never"), call("GetHistoryForKey", "absent"),
				call("GetHistoryForKey", "\x00type\x00y\x00")},
			"GetHistoryForKey: [t1=2 t0=1]\nGetHistoryForKey: [t1=(deleted) t0=1]\nGetHistoryForKey: [t0=(deleted)]\nGetHistoryForKey: []\nGetHistoryForKey: [t3=u]",
			"",
		},
		{ // 9: other chaincode writes its own namespace, its event counts for nothing
			[]string{call("InvokeChaincode", "other", "", "do", call("PutState", "o", "1"), call("SetEvent", "theirs", "x"), call("GetState", "a")),
				call("InvokeChaincode", "nobody", "", "do")},
			"InvokeChaincode: 200 \"PutState:\\nSetEvent:\\nGetState: \\\"\\\"\\n\"\nInvokeChaincode: 500 " +
				"\"INVOKE_CHAINCODE failed: transaction ID: t9: execute failed: invalid invocation: [channel channel1] failed to get chaincode container info for nobody: chaincode nobody not found\"",
			"other: read a@none\nother: write o=1",
		},
		{ // 10: a chaincode reads what another wrote only by calling it
			[]string{call("GetState", "o"), call("InvokeChaincode", "other", "", "do", call("GetState", "o"))},
			"GetState: \"\"\nInvokeChaincode: 200 \"GetState: \\\"1\\\"\\n\"",
			"other: read o@12\nread o@none",
		},
		{ // 11: batches change nothing
			[]string{call("StartWriteBatch"), call("PutState", "a", "3"), call("DelState", "a"), call("PutState", "d", "1"), call("FinishWriteBatch")},
			"StartWriteBatch:\nPutState:\nDelState:\nPutState:\nFinishWriteBatch:",
			"write a=(delete)\nwrite d=1",
		},
		{ // 12
			[]string{call("GetHistoryForKey", "a"), call("GetState", "a"), call("GetStateByRange", "a", "")},
			"GetHistoryForKey: [t11=(deleted) t1=2 t0=1]\nGetState: \"\"\nGetStateByRange: [probe \"c\"=1 probe \"d\"=1] error no such key",
			"read a@none\nrange a to , exhausted true: c@3 d@14",
		},
	}
}

// Each method of Fabric's stub, but for private data and queries of values, is
// called from Fabric chaincode; what it answers, what it leaves in the
// read-write set, and what is there in later blocks are Fabric's.
func TestEveryMethodThroughEndorsementAndCommit(t *testing.T) {
	s := newStage(t)
	for i, x := range steps() {
		answers, set, code := s.do(x.calls...)
		if strip(answers) != strip(x.answers) {
			t.Errorf("step %d answers\n%s\nwant\n%s", i, answers, x.answers)
		}
		if set != strings.ReplaceAll(x.set, "\x00", "·") {
			t.Errorf("step %d reads and writes\n%s\nwant\n%s", i, set, x.set)
		}
		if code != peer.TxValidationCode_VALID {
			t.Errorf("step %d became %s", i, code)
		}
	}
}

// strip drops the space that ends a line.
func strip(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// A range is read by the hundred and one ahead, as Fabric's peer does for its
// shim, whatever of it the chaincode takes; many results are hashed.
func TestManyRecordsAreReadInBatchesAndHashed(t *testing.T) {
	s := newStage(t)
	var writes []ledger.Write
	for i := range 250 {
		writes = append(writes, ledger.Write{Key: fmt.Sprintf("k%03d", i), Value: []byte("v")})
	}
	s.channel.Commit("many", "probe", writes...)
	for take, want := range map[string]string{
		"0":   "range k to k100, exhausted false: 2 hashes of level 1",
		"99":  "range k to k100, exhausted false: 2 hashes of level 1",
		"100": "range k to k200, exhausted false: 4 hashes of level 1",
		"200": "range k to , exhausted true: 5 hashes of level 1",
		"250": "range k to , exhausted true: 5 hashes of level 1",
	} {
		answers, set, code := s.do(call("GetStateByRange", "k", "", take))
		if answers != "GetStateByRange: "+take || set != want || code != peer.TxValidationCode_VALID {
			t.Errorf("%s taken: %s; %s; %s", take, answers, set, code)
		}
	}
}

func TestTheContextOfACall(t *testing.T) {
	s := newStage(t)
	r := s.request("context", "x\xff")
	r.Transient = map[string][]byte{"secret": []byte("s")}
	sp := r.Sign(t)
	p, err := endorse.Unpack(sp)
	if err != nil {
		t.Fatal(err)
	}
	resp := s.endorsedBy(sp, s.org1)[0]
	want := fmt.Sprintf(`GetArgs: ["context" "x\xff"]
GetStringArgs: [context x%s]
GetFunctionAndParameters: context [x%s]
GetArgsSlice: "contextx\xff"
GetTxID: %s
GetChannelID: channel1
GetCreator: %q
GetTransient: map["secret":"s"]
GetBinding: %q
GetDecorations: true
GetSignedProposal: %q %q
GetTxTimestamp: %d 0
`, "\xff", "\xff", p.TxID, p.CreatorBytes, p.Binding(), sp.ProposalBytes, sp.Signature, endorsetest.Now().Unix())
	if got := string(resp.Response.Payload); strip(got) != strip(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
