package meter_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/weft-network/weft/wasm/meter"
)

// carried is a rewritten module with something of everything, and its form.
func carried(t testing.TB) (*meter.Module, []byte) {
	t.Helper()
	m := &meter.Module{
		Code: []byte("code"), Globals: []string{"weft.fuel", ""}, Start: true, MinPages: 1, MaxPages: 3,
		Segments: []meter.Segment{{Offset: 7, Bytes: []byte("abc")}, {Bytes: []byte{}}},
	}
	raw, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return m, raw
}

func TestARewrittenModuleIsCarriedWhole(t *testing.T) {
	m, raw := carried(t)
	var got meter.Module
	if err := got.UnmarshalBinary(raw); err != nil || !reflect.DeepEqual(&got, m) {
		t.Errorf("%v; %+v, not %+v", err, got, m)
	}
	for n := range raw {
		if err := got.UnmarshalBinary(raw[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken", n, len(raw))
		}
	}
	if err := got.UnmarshalBinary(append(raw, 0)); err == nil {
		t.Error("a byte too many was taken")
	}
}

// Any bytes are refused, or are what a module is carried as.
func FuzzCarried(f *testing.F) {
	_, raw := carried(f)
	f.Add(raw)
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m meter.Module
		if m.UnmarshalBinary(raw) != nil {
			return
		}
		if again, err := m.MarshalBinary(); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%v: %x, not %x", err, again, raw)
		}
	})
}
