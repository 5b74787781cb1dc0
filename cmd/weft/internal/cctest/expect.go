package cctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/weft-network/weft/wasm"
)

// compare says what of an answer is not as expected.
func (e *Expect) compare(r *wasm.Response) (wrong []string) {
	if e.Fails != nil {
		if r.Status < errorThreshold {
			wrong = append(wrong, fmt.Sprintf("it must fail with %q, and answered status %d", *e.Fails, r.Status))
		} else if !strings.Contains(r.Message, *e.Fails) {
			wrong = append(wrong, fmt.Sprintf("it must fail with %q, and failed with %q", *e.Fails, r.Message))
		}
		return wrong
	}
	want := int32(200)
	if e.Status != nil {
		want = *e.Status
	}
	if r.Status != want {
		wrong = append(wrong, fmt.Sprintf("status %d, want %d; it says %q", r.Status, want, r.Message))
	}
	if e.Message != nil && *e.Message != r.Message {
		wrong = append(wrong, differ("message", []byte(*e.Message), []byte(r.Message))...)
	}
	wrong = append(wrong, compareBytes("payload", e.Payload, e.JSON, r.Payload)...)
	return append(wrong, e.compareEvent(r)...)
}

func (e *Expect) compareEvent(r *wasm.Response) []string {
	if e.Event == nil {
		return nil
	}
	if e.Event.Name != r.EventName {
		return []string{fmt.Sprintf("event %q, want %q", r.EventName, e.Event.Name)}
	}
	return compareBytes("event", e.Event.Payload, e.Event.JSON, r.EventPayload)
}

// compareError is for a call that the host ended.
func (e *Expect) compareError(err error) []string {
	if e.Fails != nil && strings.Contains(err.Error(), *e.Fails) {
		return nil
	}
	if e.Fails != nil {
		return []string{fmt.Sprintf("it must fail with %q, and was ended: %v", *e.Fails, err)}
	}
	return []string{"it was ended: " + err.Error()}
}

func compareBytes(what string, text *string, wantJSON *JSON, got []byte) []string {
	switch {
	case text != nil && *text != string(got):
		return differ(what, []byte(*text), got)
	case wantJSON == nil:
		return nil
	}
	want, err := decodeJSON(*wantJSON)
	if err != nil {
		return []string{err.Error()} // it was made of a test file's value
	}
	value, err := decodeJSON(got)
	if err != nil {
		return []string{fmt.Sprintf("%s is no JSON: %s", what, word(got))}
	}
	if reflect.DeepEqual(want, value) {
		return nil
	}
	return differ(what, indented(want), indented(value))
}

func decodeJSON(b []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err = dec.Decode(&v); err == nil && len(bytes.TrimSpace(b[dec.InputOffset():])) > 0 {
		err = fmt.Errorf("something follows the value")
	}
	return v, err
}

func indented(v any) []byte {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Append(nil, v) // what was decoded can be encoded
	}
	return text
}

// differ shows two texts line by line under a heading.
func differ(what string, want, got []byte) []string {
	diff := Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n"))
	return append([]string{what + " is not as expected (- expected, + answered):"}, indent(diff)...)
}

func indent(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = "  " + line
	}
	return out
}
