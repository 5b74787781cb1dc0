package shim

import (
	"slices"
	"strings"
	"testing"
)

func TestKeysSurviveBeingJoinedAndSplit(t *testing.T) {
	stub := &ChaincodeStub{}
	for _, c := range []struct {
		kind  string
		parts []string
		key   string
	}{
		{"asset", []string{"car", "7"}, "\x00asset\x00car\x007\x00"},
		{"asset", nil, "\x00asset\x00"},
		{"", []string{""}, "\x00\x00\x00"},
		// Printed by the shim that hyperledger/fabric vendors at commit 0c423ac
		// (fabric-chaincode-go/v2/shim/stub.go, CreateCompositeKey).
		{"type", []string{"a", "b"}, "\x00type\x00a\x00b\x00"},
		{"té", []string{"😀"}, "\x00t\xc3\xa9\x00\xf0\x9f\x98\x80\x00"},
		{"é", []string{"\x7f", "日本", "\U0010FFFE"}, "\x00é\x00\x7f\x00日本\x00\U0010FFFE\x00"},
	} {
		key, err := stub.CreateCompositeKey(c.kind, c.parts)
		if err != nil || key != c.key {
			t.Errorf("%q %q: %q, %v", c.kind, c.parts, key, err)
		}
		kind, parts, err := stub.SplitCompositeKey(key)
		if err != nil || kind != c.kind || !slices.Equal(parts, c.parts) {
			t.Errorf("%q: %q %q, %v", key, kind, parts, err)
		}
	}
}

func TestPartsThatCannotStandInAKey(t *testing.T) {
	const where = "input contains unicode U+%s starting at position [%d]. U+0000 and U+10FFFF are not allowed in the input attribute of a composite key"
	for part, want := range map[string]string{
		"a\x00b":        strings.NewReplacer("%s", "0000", "%d", "1").Replace(where),
		"\x00":          strings.NewReplacer("%s", "0000", "%d", "0").Replace(where),
		"é\U0010FFFF":   strings.NewReplacer("%s", "10FFFF", "%d", "2").Replace(where),
		"\xff":          "not a valid utf8 string: [ff]",
		"ok\xc3":        "not a valid utf8 string: [6f6bc3]",
		"\xf4\x90\x80x": "not a valid utf8 string: [f4908078]",
	} {
		for _, key := range [][]string{{part}, {"kind", part}, {"kind", "a", part}} {
			if got, err := CreateCompositeKey(key[0], key[1:]); err == nil || err.Error() != want || got != "" {
				t.Errorf("%q: %q, %v", key, got, err)
			}
		}
	}
}

// What chaincode meets when it splits keys of its own making.
func TestSplittingWhatIsNoCompositeKey(t *testing.T) {
	for key, want := range map[string][]string{
		"":               nil,
		"\x00":           nil,
		"simple":         nil,
		"\x00unfinished": nil,
		"xasset\x00":     {"asset"},
		"\x00a\x00b":     {"a"},
		"\x00a\x00b\x00": {"a", "b"},
	} {
		kind, parts, err := (&ChaincodeStub{}).SplitCompositeKey(key)
		if want == nil {
			if err == nil {
				t.Errorf("%q is taken for %q %q", key, kind, parts)
			}
			continue
		}
		if got := append([]string{kind}, parts...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", key, got, err)
		}
	}
}
