package cctest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

func TestATestFileThatIsWrongSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "it is empty",
		"steps: []":                          "it has no steps",
		"stops: []":                          "field stops not found",
		"steps: [{call: f, arg: [1]}]":       "field arg not found",
		"steps: [{call: f, creator: ada}]":   `no creator "ada"`,
		"steps: [{call: f, chaincode: b}]":   `no chaincode "b"`,
		"steps: [{args: [1]}]":               "arguments and no call",
		"steps: [{call: f}]\n---\nsteps: []": "more than one document",
		"steps: [{call: f, expect: {payload: x, json: 1}}]":              "payload and json",
		"steps: [{call: f}, {call: g, expect: {fails: x, status: 500}}]": "step 2 (g): it expects to fail and something else",
		"steps: [{call: f}]\ncreators: {a: {role: king}}":                `role "king"`,
		"steps: [{call: f, args: [{a: &x [1], b: *x}]}]":                 "line 1: a value can hold text",
	} {
		if _, err := parseSuite([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", text, want, err)
		}
	}
}

func TestValuesAreTextOrJSON(t *testing.T) {
	s, err := parseSuite([]byte(`{steps: [{call: f, args: [007, yes, "a b", {b: 1, a: [x, "2", 2.50, null, true]}, []], expect: {json: "5"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"007", "yes", "a b", `{"b":1,"a":["x","2",2.50,null,true]}`, "[]"}
	for i, arg := range s.Steps[0].Args {
		if string(arg) != want[i] {
			t.Errorf("argument %d is %q, want %q", i, arg, want[i])
		}
	}
	if got := string(*s.Steps[0].Expect.JSON); got != `"5"` {
		t.Errorf("quoted text in JSON is %s", got)
	}
}

func TestExpectations(t *testing.T) {
	answer := &wasm.Response{Status: 200, Message: "m", Payload: []byte(`{"a":1,"b":[2]}`), EventName: "E", EventPayload: []byte("p")}
	failure := &wasm.Response{Status: 500, Message: "there is no asset a9"}
	for expect, c := range map[string]struct {
		answer *wasm.Response
		wrong  string // "": nothing is
	}{
		`{}`:                             {answer, ""},
		`{json: {b: [2], a: 1}}`:         {answer, ""},
		`{json: {b: [2], a: 2}}`:         {answer, "payload is not as expected"},
		`{payload: "{}"}`:                {answer, "payload is not as expected"},
		`{message: n}`:                   {answer, "message is not as expected"},
		`{status: 201}`:                  {answer, "status 200, want 201"},
		`{event: {name: E}}`:             {answer, ""},
		`{event: {name: F}}`:             {answer, `event "E", want "F"`},
		`{event: {name: ""}}`:            {answer, `event "E", want ""`},
		`{event: {name: E, payload: q}}`: {answer, "event is not as expected"},
		`{event: {name: E, json: 1}}`:    {answer, "event is no JSON: p"},
		`{fails: x}`:                     {answer, "answered status 200"},
		`{fails: no asset}`:              {failure, ""},
		`{fails: many assets}`:           {failure, `failed with "there is no asset a9"`},
		`{status: 500}`:                  {failure, ""},
		`{status: 200}`:                  {failure, "there is no asset a9"},
	} {
		s, err := parseSuite([]byte("{steps: [{call: f, expect: " + expect + "}]}"))
		if err != nil {
			t.Fatal(expect, err)
		}
		wrong := strings.Join(s.Steps[0].Expect.compare(c.answer), "\n")
		if (wrong == "") != (c.wrong == "") || !strings.Contains(wrong, c.wrong) {
			t.Errorf("%s: %q, want %q", expect, wrong, c.wrong)
		}
	}
}

func TestADiffShowsWhatChanged(t *testing.T) {
	got := Diff(strings.Fields("a b c d e"), strings.Fields("a x c e f"))
	want := []string{"  a", "- b", "+ x", "  c", "- d", "  e", "+ f"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatIsUpdatedIsFoundEqual(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weft-test.yaml")
	result := func(payload string) *Result {
		return &Result{File: file, Steps: []StepResult{
			{Number: 1, Call: "f", transcript: []string{"status 200", "payload " + payload}},
			{Number: 2, Call: "g", transcript: []string{"status 200"}},
		}}
	}
	if r := result("x"); r.golden(false) != nil || r.Golden != "" || !r.OK() {
		t.Errorf("without a golden file: %+v", r)
	}
	if r := result("x"); r.golden(true) != nil || !r.Updated {
		t.Errorf("update: %+v", r)
	}
	if r := result("x"); r.golden(false) != nil || !r.OK() || r.Golden == "" {
		t.Errorf("equal: %+v", r)
	}
	if r := result("y"); r.golden(false) != nil || r.Failed() != 1 || !slices.Contains(r.Steps[0].Wrong, "  + payload y") {
		t.Errorf("different: %+v", r)
	}
	r := result("x")
	r.Steps = r.Steps[:1]
	if r.golden(false) != nil || r.OK() || len(r.Wrong) != 1 {
		t.Errorf("a step less: %+v", r)
	}
}

func TestCreatorsAreTheSameInEveryRun(t *testing.T) {
	made := func(text string) map[string][]byte {
		s, err := parseSuite([]byte("steps: [{call: f}]\ncreators: " + text))
		if err != nil {
			t.Fatal(err)
		}
		ids, err := s.identities()
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	one := made("{ada: {msp: Org2MSP, attributes: {role: clerk}}}")
	other := made("{aaa: {role: admin}, ada: {msp: Org2MSP, attributes: {role: clerk}}}")
	if string(one["ada"]) != string(other["ada"]) || string(one[defaultCreator]) != string(other[defaultCreator]) {
		t.Error("another creator changed the certificate of ada or user1")
	}
	if string(one["ada"]) == string(one[defaultCreator]) {
		t.Error("two creators are the same")
	}
}

func TestOnlyTestFilesAreFound(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"weft-test.yaml", "weft-test-fees.yml", "weft-test.json", "weft-test.golden", "weft.json", "other.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Find(dir)
	if err != nil || len(found) != 3 {
		t.Errorf("%q, %v", found, err)
	}
}

func FuzzSuite(f *testing.F) {
	f.Add([]byte("steps: [{call: f, args: [1, {a: [b]}], expect: {fails: x}}]"))
	f.Add([]byte("creators: {a: {role: admin}}\nsteps: [{init: true, creator: a, time: 2026-01-01T00:00:00Z}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSuite(data)
		if err != nil {
			return
		}
		for i := range s.Steps {
			if line := s.Steps[i].line(); strings.ContainsAny(line, "\n\r") {
				t.Fatalf("the call is on several lines: %q", line)
			}
		}
	})
}

func compiledDir(t *testing.T) string {
	t.Helper()
	dir, remove, err := wasmtest.CompiledDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	return dir
}
