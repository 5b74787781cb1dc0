package block

import (
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

func envelopeOf(payload, signature string) []byte {
	raw, _ := proto.Marshal(&common.Envelope{Payload: []byte(payload), Signature: []byte(signature)})
	return raw
}

func TestAnEnvelopeHasOneEncoding(t *testing.T) {
	good := envelopeOf("payload", "signature")
	long := envelopeOf(string(make([]byte, 300)), "s")
	for name, c := range map[string]struct {
		raw       []byte
		canonical bool // recognised at once
		fine      bool
	}{
		"as it is made":             {good, true, true},
		"a long one":                {long, true, true},
		"with an unknown field":     {append(slices.Clone(good), 0x7a, 1, 'x'), false, true},
		"field 1 as a number":       {append(slices.Clone(good), 0x08, 1), false, true},
		"two joined":                {slices.Concat(good, long), false, false},
		"the signature first":       {slices.Concat(good[9:], good[:9]), false, false},
		"an overlong length":        {slices.Concat([]byte{0x0a, 0x87, 0x00}, good[2:]), false, false},
		"an overlong tag":           {slices.Concat([]byte{0x8a, 0x00}, good[1:]), false, false},
		"an unknown field in front": {slices.Concat([]byte{0x7a, 1, 'x'}, good), false, false},
		"no payload":                {envelopeOf("", "s"), false, false},
		"an empty payload":          {slices.Concat([]byte{0x0a, 0}, envelopeOf("", "s")), false, false},
		"no signature":              {envelopeOf("p", ""), false, false},
		"cut short":                 {good[:len(good)-1], false, false},
		"nothing":                   {nil, false, false},
	} {
		if isCanonical(c.raw) != c.canonical {
			t.Errorf("%s: recognised %v", name, !c.canonical)
		}
		if err := checkEnvelope(c.raw); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is recognised is in order, and there is one way to cut what is in order.
func FuzzEnvelopeEncoding(f *testing.F) {
	good := envelopeOf("payload", "signature")
	f.Add(good, 3)
	f.Add(slices.Concat(good, good), len(good))
	f.Add(append(slices.Clone(good), 0x7a, 1, 'x'), len(good))
	f.Add(append(slices.Clone(good), 0x7b, 0x0a, 0, 0x7c), len(good)+1)
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		if isCanonical(raw) && checkEnvelope(raw) != nil {
			t.Fatalf("recognised, though %v", checkEnvelope(raw))
		}
		if cut < 0 || cut > len(raw) || checkEnvelope(raw) != nil {
			return
		}
		if checkEnvelope(raw[:cut]) == nil && checkEnvelope(raw[cut:]) == nil {
			t.Fatalf("one envelope, and two when cut at %d", cut)
		}
	})
}
