package sandbox

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// into is how the system's pipes are read: whatever way is the fastest.
func into(t *testing.T, w io.Writer, says string) {
	t.Helper()
	for _, r := range []io.Reader{strings.NewReader(says), iotest.OneByteReader(strings.NewReader(says))} {
		switch w := w.(type) {
		case *reply:
			*w = reply{most: w.most}
		case *head:
			*w = head{limit: w.limit}
		}
		if n, err := io.Copy(w, r); err != nil || n != int64(len(says)) {
			t.Errorf("%d bytes of %d were taken: %v", n, len(says), err)
		}
	}
}

func TestAnAnswerIsAVerdictAndTheBytesItAskedFor(t *testing.T) {
	for says, want := range map[string]string{
		`{"done":true}` + "\n":                         "",
		`{"done":true,"bytes":3}` + "\nabc":            "abc",
		`{"done":true,"bytes":4}` + "\na\nbc":          "a\nbc",
		`{"done":true,"bytes":3}` + "\nab":             "not whole",
		`{"done":true,"bytes":3}` + "\nabcd":           "not whole",
		`{"done":true}` + "\na":                        "not whole",
		`{"done":true,"bytes":9}` + "\n123456789":      "not whole", // more than may be
		`{"done":true,"bytes":-1}` + "\n":              "not whole",
		`{"done":true}`:                                "not whole", // the line has no end
		`{"error":"it is no module"}` + "\n":           "not whole",
		`{"done":true,"bytes":"three"}` + "\nabc":      "not whole",
		strings.Repeat(" ", maxVerdict) + "{}\n":       "not whole",
		"":                                             "not whole",
		"\n" + `{"done":true,"bytes":3}` + "\nabc\x00": "not whole",
	} {
		r := &reply{most: 8}
		into(t, r, says)
		got := "not whole"
		if r.whole() {
			got = string(r.made)
		}
		if got != want {
			t.Errorf("%.40q: %q, not %q", says, got, want)
		}
	}
}

func TestOfWhatAChildSaysNoMoreIsKeptThanMayBe(t *testing.T) {
	flood := strings.Repeat("x", 4*maxVerdict)
	r := &reply{most: 8}
	into(t, r, flood)
	if len(r.line) != maxVerdict || r.made != nil {
		t.Errorf("%d bytes of a line, and %d behind it", len(r.line), len(r.made))
	}
	into(t, r, `{"bytes":8}`+"\n"+flood)
	if len(r.made) != 8 || cap(r.made) != 8 {
		t.Errorf("%d bytes behind the line, of %d", len(r.made), cap(r.made))
	}
	h := &head{limit: 5}
	into(t, h, flood)
	if !bytes.Equal(h.kept, []byte("xxxxx")) {
		t.Errorf("%d last words", len(h.kept))
	}
}
