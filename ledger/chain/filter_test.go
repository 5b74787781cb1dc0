package chain

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/weft-network/weft/ledger/store/storetest"
)

func TestFilterKnowsEveryIDThatWasAdded(t *testing.T) {
	f := newFilter(0)
	key := func(i int) []byte { return binary.BigEndian.AppendUint64([]byte{prefixTx}, uint64(i)) }
	if f.excludes(key(0)) {
		t.Fatal("it answers before it is complete")
	}
	f.done()
	const ids = 2 * minFilterIDs // it grows once
	for i := range ids {
		f.add(key(i))
	}
	missed := 0
	for i := range 2 * ids {
		switch out := f.excludes(key(i)); {
		case out && i < ids:
			t.Fatalf("id %d is excluded", i)
		case !out && i >= ids:
			missed++
		}
	}
	if missed > ids/20 {
		t.Errorf("%d of %d ids that are not there are not excluded", missed, ids)
	}
}

func TestFilterThatIsFullSaysNothing(t *testing.T) {
	f := newFilter(0)
	f.done()
	f.ids = maxFilterIDs
	if f.add([]byte("x")) || f.excludes([]byte("y")) {
		t.Error("it goes on")
	}
	if f.done(); f.excludes([]byte("y")) {
		t.Error("it is complete again")
	}
}

func TestFilterIsFilledWhenALedgerIsOpened(t *testing.T) {
	rng, disk, m := seeded(t, 11), storetest.NewDisk(), newModel()
	for range 2 {
		c := openTest(t, disk, Options{Replay: replay})
		c.filling.Wait()
		if !c.txs.complete.Load() {
			t.Fatal("it is not complete")
		}
		for range 30 {
			appendNext(t, c, m, rng)
		}
		m.check(t, c)
		if n := c.tip.Load().txs; n != uint64(len(m.txs)) {
			t.Errorf("%d transaction ids, want %d", n, len(m.txs))
		}
		excluded := 0
		for i := range 1000 {
			if c.txs.excludes(txKey(idOf(fmt.Sprint("absent", i)))) {
				excluded++
			}
		}
		if excluded < 950 {
			t.Errorf("%d of 1000 absent ids are excluded", excluded)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTransactionIDsOfAnyFormHaveKeysOfTheirOwn(t *testing.T) {
	hex := idOf("x")
	seen := map[string]string{}
	for _, id := range []string{hex, "\x01" + hex, hex + "a", hex[:63], "A" + hex[1:], "a" + hex[1:], string(make([]byte, 32)), "x", "\x00"} {
		key := string(txKey(id))
		if other, twice := seen[key]; twice {
			t.Errorf("%q and %q have one key", id, other)
		}
		seen[key] = id
	}
	if n := len(txKey(hex)); n != 34 {
		t.Errorf("the key of an id of Fabric has %d bytes", n)
	}
}
