package wasmtest_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/weft-network/weft/internal/cputest"
	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// A peer's limit is 4,096 pages; less makes no difference to the others.
const bombPages = 4096

func TestBombsAreRefusedByTheirBytes(t *testing.T) {
	for _, bomb := range wasmtest.Bombs() {
		began := cputest.Process()
		err := check.Module(bomb.Code, bombPages)
		took := cputest.Process() - began
		t.Logf("%-34s %8d bytes %8v  %v", bomb.Name, len(bomb.Code), took.Round(time.Microsecond), err)
		if err == nil {
			t.Errorf("%s is taken for a chaincode", bomb.Name)
		}
		// 100 ms is the aim; the race detector takes longer. It is processor time
		// because a machine may have other work.
		if took > 10*time.Second {
			t.Errorf("%s took %v of processor time to refuse", bomb.Name, took)
		}
	}
}

func TestRefusingABombTakesNoMoreMemoryThanItsBytes(t *testing.T) {
	const slack = 1 << 20
	for _, bomb := range wasmtest.Bombs() {
		before := allocated()
		_ = check.Module(bomb.Code, bombPages)
		if n := allocated() - before; n > uint64(4*len(bomb.Code))+slack {
			t.Errorf("%s: %d bytes allocated for %d", bomb.Name, n, len(bomb.Code))
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
