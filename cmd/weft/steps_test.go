package main

import (
	"strings"
	"testing"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/deploy"
)

func running(where, what string, took time.Duration) deploy.Step {
	return deploy.Step{Name: "install", Where: where, Detail: what, Took: took, Running: true}
}

func TestWhatLastsHasALineAndWhatIsFastHasNone(t *testing.T) {
	var out strings.Builder
	p := newStepPrinter(&out)
	p.step(running("peer0.org1", "metering", 200*time.Millisecond))
	for _, d := range []time.Duration{200, 1100, 2200} {
		p.step(running("peer0.org1", "compiling", d*time.Millisecond))
	}
	p.step(deploy.Step{Name: "install", Where: "peer0.org1", Detail: "done", Took: 3 * time.Second})
	const want = "   1.1 s  install  peer0.org1               compiling …\n" +
		"   3.0 s  install  peer0.org1               done\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestATerminalHasOneLineThatChanges(t *testing.T) {
	var out strings.Builder
	p := newStepPrinter(&out)
	p.live = true
	p.step(running("peer0.org1.example.com", "compiling", 1200*time.Millisecond))
	p.step(running("peer0.org2.example.com", "waiting", 200*time.Millisecond))
	p.step(running("peer0.org1.example.com", "starting", 0))
	p.end()
	const clear = "\r\x1b[K"
	want := clear + "peer0.org1: compiling 1.2 s" +
		clear + "peer0.org1: compiling 1.2 s, peer0.org2: waiting 200 ms" +
		clear + "peer0.org2: waiting 200 ms, peer0.org1: starting 0 ms" + clear
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
}
