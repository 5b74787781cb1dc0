package commit

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

func TestAFullDiskIsWaitedForAndLosesNothing(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	disk := storetest.NewDisk()
	var full, told atomic.Bool
	var opened atomic.Pointer[Channel]
	disk.Room = func() uint64 { // pebble asks too
		if !full.Load() {
			return 1 << 30
		}
		if errors.Is(opened.Load().Stalled(), store.ErrDiskFull) { // it was refused and says so
			told.Store(true)
			full.Store(false)
		}
		return 1000
	}
	c, err := Open(Config{Dir: "ledger", Genesis: genesis, FS: disk, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	opened.Store(c)
	full.Store(true)
	stop := run(t, c)
	offer(t, c, o.chain("channel1", genesis, 3)...)
	await(t, c, 4)
	if err := stop(); err != nil || c.Halted() != nil {
		t.Fatal(err, c.Halted())
	}
	if !told.Load() || c.Stalled() != nil {
		t.Errorf("told %v, and now %v", told.Load(), c.Stalled())
	}
}
