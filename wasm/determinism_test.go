package wasm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/build"
)

// contract is a chaincode and what can be asked of it: the name of a function,
// and what its arguments are.
type contract struct {
	dir   string
	asks  []string
	calls int
}

// Kinds of arguments: an id of few, an owner of few, a number, a time, an index.
func argument(rng *rand.Rand, kind string) string {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	switch kind {
	case "id":
		return pick("bike", "boat", "car", "desk", "lamp", "vase", "", "a\x00b", "ü")
	case "owner":
		return pick("Ann", "Bob", "WarmupMSP/warmup@warmup.example.com", "Org1MSP/ada@org1.example.com", "")
	case "n":
		return pick("0", "1", "2", "7", "100", "250", "99999", "-1", "x", strconv.Itoa(rng.IntN(1000)))
	case "time":
		return pick("2023-11-14T22:14:00Z", "2023-11-14T22:20:00Z", "2024-01-01T00:00:00Z", "tomorrow")
	case "json":
		return pick(`[{"id":"car","owner":"","value":9000,"tags":["red"]},{"id":"desk","owner":"","value":80}]`, `["a","b"]`, `[1]`, `{`)
	}
	return kind // a literal
}

var assetAsks = []string{"Create id owner n", "Create id owner n", "Read id", "Update id n", "Transfer id owner",
	"Move id id n", "List id id", "Owned owner", "Delete id", "WhoAmI", "Fly"}

// contracts are all examples, and a chaincode that looks for differences.
func contracts() map[string]contract {
	const examples = "../chaincode-examples/"
	return map[string]contract{
		"asset-c":    {examples + "asset-c", assetAsks, 1500},
		"asset-rust": {examples + "asset-rust", assetAsks, 1500},
		"asset-as":   {examples + "asset-as", assetAsks, 1500},
		"asset-go":   {examples + "asset-go", assetAsks, 1500},
		"stranger":   {"testdata/stranger", []string{"world", "world", "plant id", "look", "both owner"}, 1000},
		"asset": {examples + "asset", []string{"InitLedger", "Create id owner n", "Create id owner n", "Update id n",
			"Transfer id owner", "Read id", "List", "List owner", "Delete id"}, 1000},
		"counter": {examples + "counter", []string{"put id n", "add id n", "get id", "transfer id id n"}, 500},
		"token": {examples + "token", []string{"Setup Thread THR 2", "Mint owner n", "Mint owner n", "Transfer owner n", "Burn owner n",
			"Approve owner n", "Allowance owner owner", "TransferFrom owner owner n", "BalanceOf owner", "TotalSupply", "Account", "Describe"}, 500},
		"auction": {examples + "auction", []string{"Open id item n time", "Open id item n time", "Bid id n", "Bids id", "Close id",
			"Get id", "Cancel id", "List", "Pay id"}, 500},
		"asset-contract": {examples + "asset-contract", []string{"Create id n", "Create id n", "Import json", "Revalue id n", "Tag id json",
			"Transfer id owner", "Read id", "Exists id", "All", "Between id id", "Retire id", "WhoAmI"}, 500},
	}
}

// script makes up the calls, the same for a seed.
func (c contract) script(seed uint64) (calls [][]string) {
	rng := rand.New(rand.NewPCG(seed, 4))
	for range c.calls {
		words := strings.Fields(c.asks[rng.IntN(len(c.asks))])
		for i := range words[1:] {
			words[i+1] = argument(rng, words[i+1])
		}
		calls = append(calls, words)
	}
	return calls
}

// writeReplay builds contracts and writes them and their calls into a folder.
func writeReplay(t *testing.T, names []string, most int) (dir string, calls int) {
	t.Helper()
	dir = t.TempDir()
	const seed = 1
	for _, name := range names {
		c := contracts()[name]
		c.calls = min(c.calls, most)
		script, err := json.Marshal(c.script(seed))
		if err != nil {
			t.Fatal(err)
		}
		calls += c.calls
		code := built(t, name, c.dir)
		if code == nil {
			continue
		}
		for file, content := range map[string][]byte{name + ".wasm": code, name + ".json": script} {
			if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, calls
}

// built is the chaincode's code; nil, with a word about it, where the toolchain
// of its language is not installed, which may not happen in CI.
func built(t *testing.T, name, dir string) []byte {
	t.Helper()
	if _, ok := compiled[name]; ok {
		return codeOf(t, name)
	}
	result, err := build.Chaincode(t.Context(), dir, "", build.Options{})
	if err == nil {
		return result.Code
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Logf("left out %s: %v", name, err)
	return nil
}

// child runs this or another test binary to replay dir.
func child(t *testing.T, dir string, env []string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = append(append(os.Environ(), replayVariable+"="+dir), env...)
	var out, text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &text
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, &text)
	}
	return out.String()
}

// equalLines fails at the first line in which the outputs differ.
func equalLines(t *testing.T, a, b string) {
	t.Helper()
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] {
			t.Fatalf("differs:\n%s\n%s", left[i], right[i])
		}
	}
	if len(left) != len(right) {
		t.Fatalf("%d lines against %d", len(left), len(right))
	}
}

// lastLines are one for each module, for the log of the test.
func lastLines(out string) (last []string) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, line := range lines {
		if i+1 == len(lines) || strings.Fields(lines[i+1])[1] == "image" {
			last = append(last, line)
		}
	}
	return last
}

func TestTenThousandCallsShowTheSameInTwoProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds every example; the run without -short has it")
	}
	var names []string
	for name := range contracts() {
		names = append(names, name)
	}
	dir, calls := writeReplay(t, names, 10_000)
	if calls != 10_000 {
		t.Errorf("%d calls", calls)
	}
	// What a process can differ in, and a guest must not see.
	one := child(t, dir, []string{"GOMAXPROCS=1", "TZ=UTC", "GOGC=50"}, os.Args[0])
	two := child(t, dir, []string{"GOMAXPROCS=4", "TZ=Asia/Tokyo", "CANARY=seen", "WEFT_REPLAY_DEBUG=1"}, os.Args[0])
	equalLines(t, one, two)
	t.Log("\n" + strings.Join(lastLines(one), "\n"))
}

func TestCallsShowTheSameOnArm64(t *testing.T) {
	if testing.Short() {
		t.Skip("builds for another processor; the run without -short has it")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("compares amd64 with arm64, and this is ", runtime.GOARCH)
	}
	const emulator = "qemu-aarch64-static"
	if _, err := exec.LookPath(emulator); err != nil {
		text := emulator + " is not installed; it is in Debian's package qemu-user-static"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	dir, calls := writeReplay(t, []string{"asset-c", "asset-rust", "asset-as", "stranger"}, 100)
	here := child(t, dir, nil, os.Args[0])
	binary := filepath.Join(t.TempDir(), "arm64.test")
	cross := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, ".")
	cross.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cross.CombinedOutput(); err != nil {
		t.Fatalf("build for arm64: %v\n%s", err, out)
	}
	there := child(t, dir, nil, emulator, binary)
	equalLines(t, here, there)
	t.Log(fmt.Sprint(calls, " calls\n") + strings.Join(lastLines(there), "\n"))
}
