package ident

import (
	"encoding/asn1"
	"math/big"
	"testing"
)

// FuzzShortSignature: whatever the quick parser reads, the library reads, too,
// and the same; and it reads what the library writes.
func FuzzShortSignature(f *testing.F) {
	for _, rs := range [][2]int64{{1, 1}, {127, 128}, {0, 5}, {-1, 5}, {255, 1 << 40}} {
		raw, err := asn1.Marshal(ecdsaSignature{big.NewInt(rs[0]), big.NewInt(rs[1])})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(append(raw, 0))
	}
	f.Add([]byte{0x30, 0x08, 0x02, 0x02, 0x00, 0x01, 0x02, 0x02, 0x00, 0x80})
	f.Add([]byte{0x30, 0x81, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want ecdsaSignature
		_, err := asn1.Unmarshal(raw, &want)
		got, ok := parseShort(raw)
		if ok && (err != nil || got.R.Cmp(want.R) != 0 || got.S.Cmp(want.S) != 0 || got.R.Sign() <= 0 || got.S.Sign() <= 0) {
			t.Fatalf("%x is %v to us, %v (%v) to the library", raw, got, want, err)
		}
		if ok || err != nil || want.R.Sign() <= 0 || want.S.Sign() <= 0 {
			return
		}
		if again, err := asn1.Marshal(want); err == nil && len(again) < 0x80 {
			if got, ok := parseShort(again); !ok || got.R.Cmp(want.R) != 0 || got.S.Cmp(want.S) != 0 {
				t.Fatalf("%x is not read: %v", again, got)
			}
		}
	})
}
