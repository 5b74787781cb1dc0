package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger/audit"
)

// folders makes directories as nodes lay them out, without ledgers in them.
func folders(t *testing.T, paths ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, p := range paths {
		if err := os.MkdirAll(filepath.Join(root, p), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestALedgerIsFoundByNodeRoleOrChannel(t *testing.T) {
	data := folders(t, "peer/channels/a/blocks", "peer/channels/b/blocks", "peer/channels/.joining-c/blocks", "orderer/a/chain/blocks", "orderer/d/chain/blocks")
	for _, c := range []struct{ root, channel, dir, says string }{
		{"", "b", "peer/channels/b", ""},
		{"", "d", "orderer/d/chain", ""},
		{"", "a", "", "several ledgers of channel a"},
		{"", "", "", "name one with --channel"},
		{"", "c", "", "no ledger of channel c"},
		{"peer", "a", "peer/channels/a", ""},
		{"orderer", "a", "orderer/a/chain", ""},
		{"peer/channels/a", "", "peer/channels/a", ""},
		{"peer/channels/a", "a", "peer/channels/a", ""},
		{"orderer/a", "", "orderer/a/chain", ""},
		{"orderer/a/chain", "", "orderer/a/chain", ""},
		{"peer/channels/a/blocks", "", "", "there is no ledger"},
		{"nothing", "", "", "no such file"},
	} {
		l := &ledgerOptions{options: &options{dir: t.TempDir()}, channel: c.channel}
		dir, err := l.locate([]string{filepath.Join(data, c.root)})
		if c.says == "" && (err != nil || dir != filepath.Join(data, c.dir)) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s of %q: %s, %v", c.channel, c.root, dir, err)
		}
	}
}

func TestWrongUseOfLedgerToolsSaysWhatToDo(t *testing.T) {
	none := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"ledger verify", exitUsage, "--peer"},
		{"ledger verify --peer peer0.org1 " + none, exitUsage, "not both"},
		{"ledger verify --peer peer0.org1", exitFailure, "weft up"},
		{"ledger stats " + none, exitFailure, "there is no ledger"},
		{"ledger export --from 3 --to 2 " + none, exitUsage, "--from 3 is after --to 2"},
		{"ledger export --tx --fabric " + none, exitUsage, "none of the others can be"},
		{"ledger rollback " + none, exitUsage, `"to" not set`},
		{"ledger rollback --to -1 " + none, exitUsage, "-1"},
		{"ledger knit", exitUsage, "knit"},
		{"tx explain abc", exitUsage, "channel"},
		{"tx explain --channel c " + strings.Repeat("a", 300), exitUsage, "no transaction id"},
		{"tx explain --channel c abc", exitFailure, "weft up"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), append([]string{"--dir", none}, strings.Fields(c.args)...), &out, &errs); code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("weft %s: code %d, %q", c.args, code, errs.String())
		}
	}
}

func TestABarSaysHowFarAndHowLong(t *testing.T) {
	if got, want := barLine("blocks", 25, 100, 10*time.Second), "blocks               [#######.......................]  25 %  25 of 100  30s left"; got != want {
		t.Errorf("%q", got)
	}
	if got := barLine("blocks", 100, 100, time.Minute); strings.Contains(got, "left") || !strings.Contains(got, "100 %") {
		t.Errorf("%q", got)
	}
	var w bytes.Buffer
	b := newBar(&w)
	b.tell("blocks", 1, 2)
	b.end()
	if w.Len() > 0 {
		t.Errorf("into a file: %q", w.String())
	}
}

func TestAnExplanationReadsWell(t *testing.T) {
	found := &audit.Version{Block: 4}
	e := &audit.Explanation{
		TxID: "ab", Block: 5, Index: 1, Code: peer.TxValidationCode_MVCC_READ_CONFLICT, CodeName: "MVCC_READ_CONFLICT", Kept: true,
		Conflict: &audit.Conflict{Namespace: "asset", Key: audit.Bytes("\x00asset\x00car1\x00"), Read: &audit.Version{Block: 3, Tx: 2}, Found: found,
			Winner: &audit.Winner{TxID: "cd", Block: 4, Invocation: audit.Invocation{Chaincode: "asset", Function: "Transfer", Creator: &audit.Identity{MSPID: "Org1MSP", Name: "Ada"}}}},
	}
	want := `transaction ab
  block 5, index 1
  code 11 MVCC_READ_CONFLICT: a key that it read was changed by another transaction before it committed; send it again
  key ("asset", "car1") of asset
    read   version of block 3, index 2
    found  version of block 4, index 0
    won    transaction cd
           "Transfer" of asset, by Ada of Org1MSP`
	if got := strings.Join(explanationLines(e, "peer0"), "\n"); got != want {
		t.Errorf("it reads\n%s", got)
	}
	if got, want := reason(e), `key ("asset", "car1") of asset was read at 3:2 and is at 4:0, written by transaction cd`; got != want {
		t.Errorf("on one line: %s", got)
	}
	e.Kept, e.Conflict = false, nil
	if got := strings.Join(explanationLines(e, "peer0"), "\n"); !strings.Contains(got, "not known to peer0") || reason(e) != "" {
		t.Errorf("without a reason it reads\n%s", got)
	}
}
