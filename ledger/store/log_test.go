package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

const firstSegment = "log/0000000001.seg"

func openLog(t fataler, fs store.FS, segmentBytes int64) *store.Log {
	l, err := store.OpenLog("log", store.Options{FS: fs, SegmentBytes: segmentBytes})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return l
}

type fataler interface{ Fatalf(string, ...any) }

// all reads the log by Scan, and every record again by its position.
func all(t fataler, l *store.Log, from store.Position) [][]byte {
	var got [][]byte
	err := l.Scan(from, func(at store.Position, payload []byte) error {
		again, err := l.Read(at)
		if err == nil && !bytes.Equal(again, payload) {
			err = errors.New("Read and Scan differ")
		}
		got = append(got, payload)
		return err
	})
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return got
}

func TestLogIsASequenceOfRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := storetest.NewDisk()
		segment := rapid.Int64Range(1, 400).Draw(t, "segment bytes")
		l := openLog(t, disk, segment)
		var want [][]byte
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				b := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "record")
				before := l.End()
				if _, err := l.Append(b); err != nil {
					t.Fatal(err)
				}
				if got := all(t, l, before); len(got) != 1 || !bytes.Equal(got[0], b) {
					t.Fatalf("after the end there is %v", got)
				}
				want = append(want, b)
			},
			"sync": func(t *rapid.T) {
				if err := l.Sync(); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				l = openLog(t, disk, segment)
			},
			"": func(t *rapid.T) {
				if got := all(t, l, 0); !slices.EqualFunc(got, want, bytes.Equal) {
					t.Fatalf("log has %d records, want %d", len(got), len(want))
				}
			},
		})
		_ = l.Close()
	})
}

// filled makes a log of n records of 100 bytes, syncing after each, and
// returns the positions.
func filled(t *testing.T, fs store.FS, n int, segmentBytes int64) []store.Position {
	t.Helper()
	l := openLog(t, fs, segmentBytes)
	var at []store.Position
	for i := range n {
		p, err := l.Append(bytes.Repeat([]byte{byte(i + 1)}, 100))
		if err == nil {
			err = l.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, p)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return at
}

func edit(t *testing.T, fs store.FS, name string, change func([]byte) []byte) {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	w, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(change(b))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
}

// unmark makes a log that of a crash: nothing says that its end was synced.
func unmark(t *testing.T, fs store.FS) {
	t.Helper()
	if err := fs.Remove("log/SYNCED"); err != nil {
		t.Fatal(err)
	}
}

func TestTornTailIsCut(t *testing.T) {
	const record = 100 + 16
	for name, tear := range map[string]func([]byte) []byte{
		"header missing":  func(b []byte) []byte { return b[:len(b)-record] },
		"half a header":   func(b []byte) []byte { return b[:len(b)-record+7] },
		"header only":     func(b []byte) []byte { return b[:len(b)-100] },
		"half a payload":  func(b []byte) []byte { return b[:len(b)-50] },
		"a flipped bit":   func(b []byte) []byte { b[len(b)-50] ^= 1; return b },
		"flipped length":  func(b []byte) []byte { b[len(b)-record] ^= 1; return b },
		"zeros instead":   func(b []byte) []byte { clear(b[len(b)-record:]); return b },
		"zeros after it":  func(b []byte) []byte { clear(b[len(b)-record:]); return append(b, make([]byte, 5000)...) },
		"garbage instead": func(b []byte) []byte { return append(b[:len(b)-record], bytes.Repeat([]byte{0xab}, 300)...) },
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			filled(t, fs, 3, 0)
			edit(t, fs, firstSegment, tear)
			if _, err := store.OpenLog("log", store.Options{FS: fs}); err == nil || !strings.Contains(err.Error(), "lost what was synced") {
				t.Fatalf("what was synced is torn, and it was opened: %v", err)
			}
			unmark(t, fs)
			l := openLog(t, fs, 0)
			if got := all(t, l, 0); len(got) != 2 {
				t.Fatalf("%d records, want 2", len(got))
			}
			if _, err := l.Append([]byte("new")); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got := all(t, openLog(t, fs, 0), 0); len(got) != 3 || string(got[2]) != "new" {
				t.Fatalf("after another record: %q", got)
			}
		})
	}
}

func TestDamageIsAnErrorAndNothingIsCut(t *testing.T) {
	for at := 0; at < 24+2*116; at++ { // every byte but those of the last record
		fs := vfs.NewMem()
		filled(t, fs, 3, 0)
		edit(t, fs, firstSegment, func(b []byte) []byte { b[at] ^= 0x40; return b })
		if l, err := store.OpenLog("log", store.Options{FS: fs}); err == nil {
			t.Fatalf("byte %d damaged: opened, with %d records", at, len(all(t, l, 0)))
		} else if !strings.Contains(err.Error(), "damaged") {
			t.Fatalf("byte %d damaged: %v", at, err)
		}
		// As it was, but for the damage: undoing that brings all back.
		edit(t, fs, firstSegment, func(b []byte) []byte { b[at] ^= 0x40; return b })
		l := openLog(t, fs, 0)
		if n := len(all(t, l, 0)); n != 3 {
			t.Fatalf("byte %d: %d records after the damage was undone", at, n)
		}
		_ = l.Close()
	}
}

func TestDamageInASealedSegmentIsReported(t *testing.T) {
	fs := vfs.NewMem()
	at := filled(t, fs, 10, 300)
	edit(t, fs, firstSegment, func(b []byte) []byte { b[24+16+50] ^= 1; return b })
	l := openLog(t, fs, 300)
	if _, err := l.Read(at[0]); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("read a damaged record: %v", err)
	}
	err := l.Scan(0, func(store.Position, []byte) error { return nil })
	if err == nil {
		t.Fatal("scanned over a damaged record")
	}
	if _, err := l.Read(at[1]); err != nil {
		t.Fatalf("the record after it: %v", err)
	}
}

func TestMissingSegmentIsReported(t *testing.T) {
	fs := vfs.NewMem()
	filled(t, fs, 10, 300)
	if err := fs.Remove("log/0000000002.seg"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenLog("log", store.Options{FS: fs}); err == nil || !strings.Contains(err.Error(), "segment 2 is missing") {
		t.Fatalf("opened: %v", err)
	}
}

func TestRecordInsideAPayloadIsNotTakenForOne(t *testing.T) {
	fs := vfs.NewMem()
	filled(t, fs, 2, 0)
	var inner []byte
	edit(t, fs, firstSegment, func(b []byte) []byte { inner = slices.Clone(b[24:]); return b })
	l := openLog(t, fs, 0)
	if _, err := l.Append(inner); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	unmark(t, fs)
	edit(t, fs, firstSegment, func(b []byte) []byte { clear(b[24+2*116 : 24+2*116+16]); return b })
	if got := all(t, openLog(t, fs, 0), 0); len(got) != 2 {
		t.Fatalf("%d records, want 2", len(got))
	}
}

func TestLogTakesNothingAfterADiskError(t *testing.T) {
	disk := storetest.NewDisk()
	l := openLog(t, disk, 0)
	failing := true
	disk.BeforeWrite = func(int64, string) error {
		if failing {
			return storetest.ErrDisk
		}
		return nil
	}
	if err := l.Sync(); !errors.Is(err, storetest.ErrDisk) {
		t.Fatalf("sync said %v", err)
	}
	failing = false
	if _, err := l.Append([]byte("x")); !errors.Is(err, storetest.ErrDisk) {
		t.Fatalf("append said %v", err)
	}
}

// FuzzLog opens whatever stands in a segment: it must answer records or an
// error, and what it answers must be stable.
func FuzzLog(f *testing.F) {
	fs := vfs.NewMem()
	l, err := store.OpenLog("log", store.Options{FS: fs})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if _, err := l.Append(fmt.Append(nil, "record", i)); err != nil {
			f.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	r, _ := fs.Open(firstSegment)
	seed, _ := io.ReadAll(r)
	f.Add(seed)
	f.Add(seed[:len(seed)-3])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		filled(t, fs, 1, 0)
		edit(t, fs, firstSegment, func([]byte) []byte { return b })
		l, err := store.OpenLog("log", store.Options{FS: fs})
		if err != nil {
			return
		}
		got := all(t, l, 0)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if again := all(t, openLog(t, fs, 0), 0); !slices.EqualFunc(got, again, bytes.Equal) {
			t.Fatal("reopening changed the log")
		}
	})
}
