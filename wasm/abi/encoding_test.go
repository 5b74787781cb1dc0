package abi

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestListsSurviveEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "items")
		got, err := DecodeList(AppendList(nil, items))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(items) {
			t.Fatalf("%d items became %d", len(items), len(got))
		}
		for i := range items {
			if !bytes.Equal(got[i], items[i]) {
				t.Fatalf("item %d: %x became %x", i, items[i], got[i])
			}
		}
	})
}

func TestMapsAreSortedByKey(t *testing.T) {
	got, err := DecodeList(AppendMap(nil, map[string][]byte{"b": {2}, "a": {1}}))
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte("a\x01b\x02"); !bytes.Equal(bytes.Join(got, nil), want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestLyingListsAreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":          {},
		"short count":    {1, 0, 0},
		"count too high": {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"item too long":  {1, 0, 0, 0, 9, 0, 0, 0, 1},
		"bytes after":    {0, 0, 0, 0, 1},
	} {
		if _, err := DecodeList(b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzDecodeList(f *testing.F) {
	f.Add(AppendList(nil, [][]byte{[]byte("a"), nil, []byte("bc")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := DecodeList(b)
		if err == nil && !bytes.Equal(AppendList(nil, items), b) {
			t.Fatalf("%x decodes to a list that encodes otherwise", b)
		}
	})
}

func FuzzDecodeRecords(f *testing.F) {
	f.Add(AppendState(nil, "cc", "key", []byte("value")))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := DecodeRecords(b)
		if err != nil {
			return
		}
		var again []byte
		for _, r := range records {
			again = AppendState(again, r.Namespace, r.Key, r.Value)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to records that encode otherwise", b)
		}
	})
}
