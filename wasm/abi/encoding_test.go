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

func FuzzDecodeHistory(f *testing.F) {
	f.Add(AppendHistory(nil, Modification{TxID: "tx", Seconds: 1, Nanos: 2, Value: []byte("v")}))
	f.Add(AppendHistory(AppendHistory(nil, Modification{Delete: true}), Modification{Seconds: -1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := DecodeHistory(b)
		if err != nil {
			return
		}
		var again []byte
		for _, m := range all {
			again = AppendHistory(again, m)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to versions that encode otherwise", b)
		}
	})
}

func FuzzDecodePage(f *testing.F) {
	f.Add(AppendPage(nil, 7, "next"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if count, bookmark, err := DecodePage(b); err == nil && !bytes.Equal(AppendPage(nil, count, bookmark), b) {
			t.Fatalf("%x decodes to a page that encodes otherwise", b)
		}
	})
}

func TestARecordIsNotTakenForAnother(t *testing.T) {
	state, history := AppendState(nil, "cc", "k", nil), AppendHistory(nil, Modification{TxID: "tx"})
	if _, err := DecodeRecords(history); err == nil || err.Error() != "record 0: record is of kind 1, not 0" {
		t.Errorf("a version as a key: %v", err)
	}
	if _, err := DecodeHistory(append(history, state...)); err == nil || err.Error() != "record 1: record is of kind 0, not 1" {
		t.Errorf("a key as a version: %v", err)
	}
}

func TestAnAbsentValueIsNoEmptyOne(t *testing.T) {
	got := AppendOptional(AppendOptional(AppendOptional(nil, nil), []byte{}), []byte("v"))
	if want := "\x01\x00\x00\x00\x00\x01\x00\x00\x00\x01\x02\x00\x00\x00\x01v"; string(got) != want {
		t.Errorf("%q", got)
	}
}
