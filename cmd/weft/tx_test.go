package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestWrongUseOfChaincodeAndTransactionsSaysWhatToDo(t *testing.T) {
	none := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"tx submit Create a", exitUsage, "channel"},
		{"tx submit --channel c --chaincode asset", exitUsage, "requires at least 1 arg"},
		{"tx evaluate --channel channel1 --chaincode asset Read a", exitFailure, "weft up"},
		{"chaincode deploy --channel channel1 --name asset x", exitFailure, "weft up"},
		{"chaincode deploy x", exitUsage, "channel"},
		{"chaincode build " + none + "/absent", exitFailure, "folder of source"},
		{"chaincode package x", exitUsage, "label"},
		{"chaincode install --org Org1 --peer peer0.org1 x", exitUsage, "none of the others can be"},
		{"demo --chaincodes " + none, exitFailure, "--chaincodes"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"--dir", none}, strings.Fields(c.args)...)
		if code := run(context.Background(), args, &out, &errs); code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("weft %s: code %d, %q", c.args, code, errs.String())
		}
	}
}

// The arguments of a chaincode function may look like flags.
func TestArgumentsOfAFunctionAreNotFlags(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"--dir", t.TempDir(), "tx", "submit", "--channel", "c", "--chaincode", "counter", "add", "visits", "-5"}
	if code := run(context.Background(), args, &out, &errs); code != exitFailure || strings.Contains(errs.String(), "flag") {
		t.Fatalf("code %d, %q", code, errs.String())
	}
}
