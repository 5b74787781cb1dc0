package sandbox

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/wasmtest"
)

var pages = meter.Options{MemoryPages: 16}

// bulky makes a module large enough for a child, by a custom section.
func bulky(module []byte) []byte {
	section := append([]byte{1, 'x'}, make([]byte, hereBytes)...)
	return append(append(append(module, 0), leb(len(section))...), section...)
}

func TestALargeModuleIsRewrittenByAChildAsItWouldBeHere(t *testing.T) {
	c := newCompiler(t, folder(t), Limits{})
	for children, code := range [][]byte{wasmtest.Chaincode(1, "", wasmtest.I32(0)), bulky(wasmtest.Chaincode(1, "", wasmtest.I32(0)))} {
		want, err := wasm.Rewrite(code, pages)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Rewrite(t.Context(), code, pages)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v, not %+v", err, got, want)
		}
		if c.count() != children {
			t.Errorf("%d children for a module of %d bytes", c.count(), len(code))
		}
	}
	nothingLeft(t, c.cfg.Dir)
}

func TestAChildSaysWhyAModuleIsRefused(t *testing.T) {
	c := newCompiler(t, folder(t), Limits{})
	code := bulky(small())
	_, want := wasm.Rewrite(code, pages)
	if _, err := c.Rewrite(t.Context(), code, pages); want == nil || err == nil || err.Error() != want.Error() {
		t.Errorf("%v, not %v", err, want)
	}
}

func TestAChildThatIsKilledWhileItRewritesIsAnError(t *testing.T) {
	c := newCompiler(t, folder(t), Limits{})
	c.started = func(pid int) {
		if p, err := os.FindProcess(pid); err != nil || p.Kill() != nil {
			t.Errorf("kill %d: %v", pid, err)
		}
	}
	_, err := c.Rewrite(t.Context(), bulky(wasmtest.Chaincode(1, "", wasmtest.I32(0))), pages)
	if err == nil || !strings.Contains(err.Error(), "was ended before it was done") {
		t.Error(err)
	}
}

// lie is a command of the test binary: it answers what it is told to, in
// hexadecimal.
const lie = "lie"

func tellLie(says string) int {
	raw, err := hex.DecodeString(says)
	if err == nil {
		_, err = os.Stdout.Write(raw)
	}
	if err != nil {
		return 1
	}
	return 0
}

func TestWhatAChildAnswersIsLookedAt(t *testing.T) {
	greedy, err := (&meter.Module{MaxPages: pages.MemoryPages + 1}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for why, c := range map[string]struct {
		announced int
		made      []byte
	}{
		"lets it have 17 pages":          {len(greedy), greedy},
		"gave no module":                 {3, []byte("abc")},
		"was ended before it was done (": {4, []byte("abc")},
	} {
		v, err := json.Marshal(verdict{Done: true, Bytes: c.announced})
		if err != nil {
			t.Fatal(err)
		}
		liar := newCompiler(t, folder(t), Limits{})
		liar.cfg.Program = []string{Self()[0], lie, hex.EncodeToString(append(append(v, '\n'), c.made...))}
		if _, err := liar.Rewrite(t.Context(), bulky(nil), pages); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, not %s", err, why)
		}
	}
}

func TestMachineCodeIsOnlyKeptWithARecordOfIt(t *testing.T) {
	c := newCompiler(t, folder(t), Limits{})
	e := c.entry(small())
	for why, spoil := range map[string]func(*record){
		"":                         func(*record) {},
		`speaks of "wazero/other"`: func(r *record) { r.File = "wazero/other" },
		"of 7 bytes":               func(r *record) { r.Bytes = 7 },
		"and speaks of":            func(r *record) { r.SHA256 = "" },
	} {
		aside := folder(t)
		made, err := compileInto(t.Context(), aside, small())
		if err != nil {
			t.Fatal(err)
		}
		want := made
		spoil(&made)
		err = e.keep(aside, made)
		if (err == nil) != (made == want) || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%v: %v, not %q", made, err, why)
		}
		if kept, err := e.read(); made == want && (err != nil || kept != want) {
			t.Errorf("%v was kept, not %v: %v", kept, want, err)
		}
	}
}
