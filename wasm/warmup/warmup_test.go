package warmup

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/abi"
)

const empty = header

// custom is a custom section of fewer than 128 bytes.
func custom(name, body string) string {
	payload := string(rune(len(name))) + name + body
	return "\x00" + string(rune(len(payload))) + payload
}

func vector(args ...string) (v Vector) {
	for _, a := range args {
		v = append(v, []byte(a))
	}
	return v
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	for _, before := range []string{empty, empty + "\x01\x01\x00", empty + custom("name", "x"), empty + "\x00\x02\x01n"} {
		want := []Vector{vector("Create", "a1", ""), vector("Read")}
		code, err := Append([]byte(before), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(code)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("after %q: %q, %v", before, got, err)
		}
		if !strings.HasPrefix(string(code), before) {
			t.Errorf("%q was changed", before)
		}
	}
}

func TestAModuleWithoutDeclarationHasNoCalls(t *testing.T) {
	if got, err := Read([]byte(empty)); got != nil || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if code, err := Append([]byte(empty), nil); string(code) != empty || err != nil {
		t.Errorf("%q, %v", code, err)
	}
}

func TestWhatIsBeyondTheLimitsIsNotWritten(t *testing.T) {
	for want, vectors := range map[string][]Vector{
		"call 2 has no arguments": {vector("f"), {}},
		"has 257 arguments":       {make(Vector, MaxArgs+1)},
		"257 warm-up calls":       slicesOf(MaxVectors+1, vector("f")),
		"at most 65536 are taken": {vector("f", strings.Repeat("x", MaxBytes))},
		"in one place":            nil,
	} {
		code := []byte(empty)
		if vectors == nil {
			code = []byte(empty + custom(Section, "\x00\x00\x00\x00"))
			vectors = []Vector{vector("f")}
		}
		if _, err := Append(code, vectors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func slicesOf(n int, v Vector) []Vector {
	list := make([]Vector, n)
	for i := range list {
		list[i] = v
	}
	return list
}

func TestMalformedSectionsAreRefused(t *testing.T) {
	none := custom(Section, "\x00\x00\x00\x00")
	for name, c := range map[string]struct{ code, want string }{
		"no module":        {"hello", "not a core WebAssembly module"},
		"cut section":      {empty + "\x01\x05\x00", "ends within a section"},
		"cut length":       {empty + "\x01\xff", "ends within a section"},
		"length of 35 bit": {empty + "\x01\xff\xff\xff\xff\x7f", "longer than 32 bits"},
		"twice":            {empty + none + none, "there twice"},
		"no list":          {empty + custom(Section, ""), "within its count"},
		"no inner list":    {empty + custom(Section, string(abi.AppendList(nil, [][]byte{{1}}))), "call 1"},
		"no arguments":     {empty + custom(Section, string(abi.AppendList(nil, [][]byte{{0, 0, 0, 0}}))), "call 1 has no arguments"},
	} {
		if got, err := Read([]byte(c.code)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	code, err := Append([]byte(empty), []Vector{vector("Create", "a1"), vector("Read")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(code)
	f.Add([]byte(empty + custom(Section, "\x01\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00")))
	f.Fuzz(func(t *testing.T, code []byte) {
		vectors, err := Read(code)
		if err != nil || vectors == nil {
			return
		}
		body, err := Encode(vectors)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if !bytes.Contains(code, body) {
			t.Fatalf("%x was read as %q, which is written otherwise", code, vectors)
		}
	})
}
