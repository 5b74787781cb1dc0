package wasm_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/warmup"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// replayVariable names a folder. With it set the test binary runs no tests: it
// makes the calls that are written there and prints what they showed. So one
// and the same binary can be run twice, and one for another machine as well.
const replayVariable = "WEFT_REPLAY"

// replayed is how many calls one line of the output stands for.
const replayed = 50

// replay makes the calls of every NAME.json in dir, of the module NAME.wasm,
// and prints lines that are equal wherever they are printed.
func replay(dir string, out io.Writer) error {
	scripts, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	slices.Sort(scripts)
	level := slog.LevelError
	if os.Getenv("WEFT_REPLAY_DEBUG") != "" {
		level = slog.LevelDebug
	}
	cache := os.Getenv(wasmtest.CompiledVariable)
	if cache == "" {
		cache = filepath.Join(dir, "cache")
	}
	r, err := wasm.New(wasm.Config{
		CacheDir: cache,
		Limits:   patient(wasm.Limits{}),
		Log:      slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	for _, script := range scripts {
		if err := replayModule(r, strings.TrimSuffix(script, ".json"), w); err != nil {
			return fmt.Errorf("%s: %w", script, err)
		}
	}
	if err := r.Close(context.Background()); err != nil {
		return err
	}
	return w.Flush()
}

func replayModule(r *wasm.Runtime, path string, out io.Writer) error {
	var calls [][]string
	script, err := os.ReadFile(path + ".json")
	if err == nil {
		err = json.Unmarshal(script, &calls)
	}
	if err != nil {
		return err
	}
	code, err := os.ReadFile(path + ".wasm")
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	m, err := r.Load(context.Background(), name+":1", code)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s image %x\n", name, m.ImageHash())
	stub, digest, count := newEverything(), sha256.New(), replayCount{}
	for i, list := range calls {
		replayCall(m, i, list, stub, digest, &count)
		if i%replayed == replayed-1 || i == len(calls)-1 {
			fmt.Fprintf(out, "%s calls up to %d: %x, %+v\n", name, i, digest.Sum(nil)[:16], count)
		}
	}
	return nil
}

// replayCount tells a reader what was compared.
type replayCount struct {
	Answers, Refusals, Ends, Asked, Events int
	Fuel                                   uint64
}

// replayCall makes a call and puts into the digest all that it showed: what it
// asked of the ledger, in order, its response and event, its fuel, and every
// byte of memory when it was over.
func replayCall(m *wasm.Module, i int, list []string, stub *everything, digest hash.Hash, count *replayCount) {
	c := &wasm.Call{TxID: fmt.Sprintf("%064x", i), Channel: "ch", Chaincode: "cc",
		Seconds: 1_700_000_000 + int64(i), Nanos: int32(i), Args: args(list...), Creator: warmup.Creator(), MSPID: "Org1MSP"}
	stub.asked = nil
	response, memory, err := m.InvokeAndSum(c, stub)
	fmt.Fprintf(digest, "%q %x %v ", stub.asked, memory, err)
	count.Asked += len(stub.asked)
	if err != nil {
		count.Ends++
		return
	}
	_ = binary.Write(digest, binary.LittleEndian, []int64{int64(response.Status), int64(response.FuelUsed)})
	fmt.Fprintf(digest, "%q %x %q %x\n", response.Message, response.Payload, response.EventName, response.EventPayload)
	count.Fuel += response.FuelUsed
	if response.Status < 400 {
		count.Answers++
	} else {
		count.Refusals++
	}
	if response.EventName != "" {
		count.Events++
	}
}
