package wasm

import (
	"strings"
	"testing"
)

func TestLimitsHaveBounds(t *testing.T) {
	if err := (Limits{}).Validate(); err != nil {
		t.Errorf("nothing set: %v", err)
	}
	if err := DefaultLimits().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for want, l := range map[string]Limits{
		"fuel is 1; it is 1000000 to 100000000000":  {Fuel: 1},
		"fuel is 4611686018427387904; it is":        {Fuel: 1<<64 - 1},
		"callDepth is -1; it is 1 to 64":            {CallDepth: -1},
		"memoryPages is 65536; it is 64 to":         {MemoryPages: 1 << 16},
		"writeKeys is 10000001; it is 1 to 1000000": {WriteKeys: 10_000_001},
	} {
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}
