package inspect

import (
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/warmup"
	"github.com/weft-network/weft/wasm/wasmtest"
)

func TestAReportTellsWhatTheModuleHolds(t *testing.T) {
	module, err := warmup.Append(wasmtest.Chaincode(3, "", wasmtest.I32(0)), []warmup.Vector{{[]byte("Create"), []byte("a1")}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Module(module, 16)
	if err != nil {
		t.Fatal(err)
	}
	if r.Bytes != len(module) || len(r.SHA256) != 64 {
		t.Errorf("%d bytes, hash %s", r.Bytes, r.SHA256)
	}
	if !slices.Contains(r.Exports, Export{"cc_invoke", "function", "i:i"}) || !slices.Contains(r.Exports, Export{Name: "memory", Kind: "memory"}) {
		t.Errorf("exports %v", r.Exports)
	}
	if !slices.Contains(r.Limits, Limit{"pages of memory at the start (64 KiB)", 3, 16}) || !slices.Contains(r.Limits, Limit{"bytes", len(module), check.MaxBytes}) {
		t.Errorf("limits %v", r.Limits)
	}
	if len(r.Warmup) != 1 || !slices.Equal(r.Warmup[0], []string{"Create", "a1"}) {
		t.Errorf("warm-up %q", r.Warmup)
	}
	sum := 0
	for _, s := range r.Sections {
		sum += s.Bytes
	}
	if last := r.Sections[len(r.Sections)-1]; last.Name != "custom weft.warmup" || sum >= len(module) || sum < len(module)*3/4 {
		t.Errorf("sections %v", r.Sections)
	}
	for _, l := range r.Limits {
		if l.Used > l.Most || l.Most <= 0 {
			t.Errorf("%s: %d of %d", l.What, l.Used, l.Most)
		}
	}
}

func TestWhatIsNoChaincodeIsRefusedAsByCheck(t *testing.T) {
	for _, module := range []string{"", "hello", "\x00asm\x01\x00\x00\x00"} {
		_, err := Module([]byte(module), 16)
		want := check.Module([]byte(module), 16)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%q: %v, want %v", module, err, want)
		}
	}
	if _, err := Module(wasmtest.Chaincode(17, "", wasmtest.I32(0)), 16); err == nil || !strings.Contains(err.Error(), "pages") {
		t.Errorf("too much memory: %v", err)
	}
}

func FuzzModule(f *testing.F) {
	f.Add(wasmtest.Chaincode(1, "", wasmtest.I32(0)))
	f.Fuzz(func(t *testing.T, module []byte) {
		r, err := Module(module, 16)
		if err == nil && len(r.Sections) == 0 {
			t.Fatal("a module without sections is no chaincode")
		}
	})
}
