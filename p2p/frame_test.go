package p2p

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"
)

func TestALengthAloneClaimsLittleMemory(t *testing.T) {
	in := append(binary.AppendUvarint(nil, MaxFrame), "a few bytes"...)
	least := ^uint64(0) // of a few times: hosts of other tests may still be ending
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readFrame(bufio.NewReader(bytes.NewReader(in)), MaxFrame)
		runtime.ReadMemStats(&after)
		if err != io.ErrUnexpectedEOF {
			t.Errorf("err = %v", err)
		}
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 1<<20 {
		t.Errorf("%d bytes were allocated", least)
	}
}

// FuzzReadFrame: what is read is what was framed, and nothing is larger than
// the limit or the input.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{3, 'a', 'b', 'c', 1})
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	const limit = 1 << 20
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		var again []byte
		for {
			frame, err := readFrame(r, limit)
			if err != nil {
				break
			}
			if len(frame) > limit || len(frame) > len(in) {
				t.Fatalf("a frame of %d bytes from %d", len(frame), len(in))
			}
			again = appendFrame(again, frame)
		}
		if len(again) > len(in) {
			t.Fatal("more came out than went in")
		}
	})
}
