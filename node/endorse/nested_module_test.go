package endorse_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// loaded finds wasm modules by chaincode name.
type loaded map[string]*wasm.Module

func (l loaded) Module(_ context.Context, _ string, d *definition.Definition) (endorse.Module, error) {
	return l[d.Name], nil
}

// A chaincode that calls itself without end is told when it is deep enough, and
// all its instances find room.
func TestAChaincodeThatCallsItselfStopsAtTheLimit(t *testing.T) {
	r, err := wasm.New(wasm.Config{CacheDir: t.TempDir() + "/cache", Limits: wasm.Limits{CallDepth: 5, Concurrent: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	m, err := r.Load(t.Context(), "loop:1", wasmtest.SelfCaller())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.config.Chaincodes = loaded{"loop": m}
	w.channel.Define(definition.Definition{Name: "loop", Version: "1.0", Sequence: 1})
	for range 3 {
		resp := w.invoke(t, "loop", "loop")
		if resp.Response.Status != 500 || len(resp.Response.Payload) != 4 {
			t.Fatalf("response %v", resp.Response)
		}
		if status := int32(binary.LittleEndian.Uint32(resp.Response.Payload)); status != 500 {
			t.Errorf("the outermost call was answered %d", status)
		}
	}
	resp := w.invoke(t, "loop", "nobody")
	if code := abi.Code(binary.LittleEndian.Uint32(resp.Response.Payload)); code != abi.InvalidArg {
		t.Errorf("a chaincode that is not there: %v", resp.Response)
	}
}
