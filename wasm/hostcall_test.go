package wasm_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
)

// deskMemory is a guest's memory with what the tests point at.
const deskMemory = 64 << 10

// A desk whose memory begins with the texts, one after the other, each at the
// place that at tells.
func desk(call *wasm.Call, stub wasm.Stub, limits wasm.Limits, texts ...string) (d *wasm.Desk, at func(i int) (ptr, length uint64)) {
	memory := make([]byte, deskMemory)
	copy(memory, strings.Join(texts, ""))
	return wasm.NewDesk(limits, call, stub, 10_000_000, memory), func(i int) (uint64, uint64) {
		return uint64(len(strings.Join(texts[:i], ""))), uint64(len(texts[i]))
	}
}

func TestArgumentsThatBreakTheRulesAreRefusedByName(t *testing.T) {
	list := string(abi.AppendList(nil, []string{"a", ""}))
	long := strings.Repeat("k", wasm.MaxKeyBytes+5)
	texts := []string{"key", "\xff", "\x00composite", "coll", list, ""}
	const buffer, room = 40_000, 1000
	for _, c := range []struct {
		function string
		args     func(p func(int) (uint64, uint64)) []uint64
		code     abi.Code
		text     string
	}{
		{"state_get", with(5, 5, buffer, room), abi.InvalidArg, "key must not be an empty string"},
		{"state_get", with(5, 1, buffer, room), abi.InvalidArg, "key is not valid UTF-8: [ff]"},
		{"state_get", with(1, 0, buffer, room), abi.InvalidArg, "collection is not valid UTF-8: [ff]"},
		{"state_get", with(5, raw(0, uint64(len(long))), buffer, room), abi.InvalidArg, "key of 65541 bytes; at most 65536 are taken"},
		{"state_get", with(5, 0, buffer, room), abi.NotFound, "there is no such key"},
		{"state_get_multi", with(5, 4, buffer, room), abi.InvalidArg, "key must not be an empty string"},
		{"state_get_multi", with(5, 0, buffer, room), abi.InvalidArg, "list of keys: list ends within its count"},
		{"state_hash", with(5, 0, buffer, room), abi.InvalidArg, "collection must not be an empty string"},
		{"state_put", with(5, 5, 0), abi.InvalidArg, "key must not be an empty string"},
		{"state_del", with(5, 0, number(2)), abi.InvalidArg, "state_del knows no mode 2"},
		{"state_del", with(5, 0, number(1)), abi.InvalidArg, "only applicable for private data"},
		{"meta_get", with(5, 0, 5, buffer, room), abi.InvalidArg, "name of metadata must not be an empty string"},
		{"meta_put", with(5, 0, 5, 0), abi.InvalidArg, "name of metadata must not be an empty string"},
		{"range_open", with(5, 2, 5, number(0), number(0), 5), abi.InvalidArg, "first character of the key [\x00composite] contains a null character which is not allowed"},
		{"range_open", with(5, 5, 5, number(2), number(0), 5), abi.InvalidArg, "range_open knows no flags 0x2"},
		{"range_open", with(3, 0, 5, number(0), number(1), 5), abi.InvalidArg, "a range of private data has no pages"},
		{"query_open", with(3, 0, number(1), 5), abi.InvalidArg, "a query of private data has no pages"},
		{"history_open", with(5), abi.InvalidArg, "key must not be an empty string"},
		{"iter_next", with(number(9), buffer, room), abi.BadHandle, "no iterator 9 is open"},
		{"iter_meta", with(number(0), buffer, room), abi.BadHandle, "no iterator 0 is open"},
		{"iter_close", with(number(0xffffffff)), abi.BadHandle, "no iterator 4294967295 is open"},
		{"cc_call", with(5, 4, 5), abi.InvalidArg, "name of the chaincode to call must not be an empty string"},
		{"cc_call", with(0, 0, 5), abi.InvalidArg, "arguments: list ends within its count"},
		{"event_set", with(5, 0), abi.InvalidArg, "event name can not be empty string"},
		{"event_set", with(1, 0), abi.InvalidArg, "event name is not valid UTF-8: [ff]"},
		{"response_set", with(number(200), 1, 0), abi.InvalidArg, "response message is not valid UTF-8: [ff]"},
		{"result_read", with(number(1), buffer, room), abi.InvalidArg, "result_read from byte 1 of a result of 0"},
		{"ctx_get", with(number(0), buffer, room), abi.InvalidArg, "ctx_get knows no field 0"},
	} {
		d, at := desk(call(), newEverything(), wasm.Limits{}, append(texts, long)...)
		answer, err := d.Ask(c.function, c.args(at)...)
		if err != nil || abi.Code(answer) != c.code || d.Error() != c.text {
			t.Errorf("%s: %d %q, %v; want %d %q", c.function, answer, d.Error(), err, c.code, c.text)
		}
	}
}

// number is a plain argument, raw a pair; other arguments of with are the
// indices of texts, or a buffer and its room where they are above them.
type number uint64

type pair [2]uint64

func raw(ptr, length uint64) pair { return pair{ptr, length} }

func with(list ...any) func(p func(int) (uint64, uint64)) []uint64 {
	return func(p func(int) (uint64, uint64)) (out []uint64) {
		for _, arg := range list {
			switch arg := arg.(type) {
			case number:
				out = append(out, uint64(arg))
			case pair:
				out = append(out, arg[0], arg[1])
			case int:
				if arg < 10 {
					ptr, n := p(arg)
					out = append(out, ptr, n)
				} else {
					out = append(out, uint64(arg))
				}
			}
		}
		return out
	}
}

func TestWhileAChaincodeStartsItHasNoTransaction(t *testing.T) {
	names, params := wasm.HostFunctions()
	for _, name := range names {
		if abi.Guest()[name] == "" {
			continue
		}
		d, _ := desk(nil, nil, wasm.Limits{})
		answer, err := d.Ask(name, make([]uint64, params[name])...)
		switch name {
		case "abort":
			if err == nil {
				t.Error("abort went on")
			}
		case "log", "error_read", "result_read", "iter_next", "iter_meta", "iter_close":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if err != nil || abi.Code(answer) != abi.NotInTx {
				t.Errorf("%s: %d, %v", name, answer, err)
			}
		}
	}
}

func TestPrivateDataIsClosedToInit(t *testing.T) {
	c := call()
	c.Init = true
	d, at := desk(c, newEverything(), wasm.Limits{}, "coll", "key")
	coll, collLength := at(0)
	key, keyLength := at(1)
	answer, err := d.Ask("state_get", coll, collLength, key, keyLength, 100, 100)
	if err != nil || abi.Code(answer) != abi.Denied || d.Error() != "private data APIs are not allowed in chaincode Init()" {
		t.Errorf("%d %q, %v", answer, d.Error(), err)
	}
}

func TestLimitsOfACallEndIt(t *testing.T) {
	for _, c := range []struct {
		limits wasm.Limits
		what   string
		do     func(d *wasm.Desk) error
	}{
		{wasm.Limits{HostCalls: 3}, "host functions", func(d *wasm.Desk) error { return repeat(d, 4, "error_read", 0, 0) }},
		{wasm.Limits{WriteKeys: 3}, "writes", func(d *wasm.Desk) error { return repeat(d, 4, "state_put", 0, 0, 0, 1, 0, 0) }},
		{wasm.Limits{WriteBytes: 10}, "writes", func(d *wasm.Desk) error { return repeat(d, 4, "state_put", 0, 0, 0, 1, 0, 2) }},
		{wasm.Limits{ScanRecords: 2}, "ranges", func(d *wasm.Desk) error { return repeat(d, 1, "range_open", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) }},
		{wasm.Limits{EventBytes: 2}, "event", func(d *wasm.Desk) error { return repeat(d, 1, "event_set", 0, 1, 0, 2) }},
		{wasm.Limits{ResponseBytes: 2}, "response", func(d *wasm.Desk) error { return repeat(d, 1, "response_set", 200, 0, 1, 0, 2) }},
		{wasm.Limits{}, "fuel", func(d *wasm.Desk) error { return repeat(d, 10_000, "state_get", 0, 0, 0, 1, 0, 0) }},
	} {
		stub := newEverything()
		for _, key := range []string{"a", "b", "c"} {
			stub.values[key] = []byte("v")
		}
		d, _ := desk(call(), stub, c.limits, "k")
		var exhausted *wasm.Exhausted
		if err := c.do(d); !errors.As(err, &exhausted) || exhausted.What != c.what {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func repeat(d *wasm.Desk, n int, function string, args ...uint64) error {
	for range n {
		if _, err := d.Ask(function, args...); err != nil {
			return err
		}
	}
	return nil
}

// What a page costs to read is paid by whoever reads it, and is the same
// whatever the size of the buffer, up to the crossings.
func TestRecordsAreReadAheadTheSameWhateverTheBuffer(t *testing.T) {
	var asked [2]int
	for i, room := range []uint64{20, 4000} {
		stub := newEverything()
		for n := range 250 {
			stub.values[string(rune('a'+n))] = []byte("value")
		}
		d, _ := desk(call(), stub, wasm.Limits{})
		h, err := d.Ask("range_open", make([]uint64, 10)...)
		if err != nil || h <= 0 {
			t.Fatal(h, err)
		}
		total := 0
		for total < 30*19 { // about 30 records, within the first batch
			n, err := d.Ask("iter_next", uint64(h), 0, room)
			if err != nil || n <= 0 {
				t.Fatal(n, err)
			}
			total += int(n)
		}
		asked[i] = len(stub.asked)
	}
	if asked[0] != asked[1] {
		t.Errorf("%d records are read with a small buffer, %d with a large one", asked[0], asked[1])
	}
}

func TestALongAnswerIsKeptForResultRead(t *testing.T) {
	stub := newEverything()
	stub.values["k"] = []byte("0123456789")
	d, _ := desk(call(), stub, wasm.Limits{}, "k")
	if n, err := d.Ask("state_get", 0, 0, 0, 1, 100, 4); n != 10 || err != nil || d.Memory[100] != 0 {
		t.Fatalf("%d, %v, %q", n, err, d.Memory[100:104])
	}
	for _, c := range []struct {
		off, room uint64
		want      string
		left      int32
	}{{0, 4, "0123", 10}, {4, 100, "456789", 6}, {10, 5, "", 0}} {
		clear(d.Memory[100:200])
		left, err := d.Ask("result_read", c.off, 100, c.room)
		if got := strings.TrimRight(string(d.Memory[100:200]), "\x00"); err != nil || left != c.left || got != c.want {
			t.Errorf("from %d: %q, %d left, %v", c.off, got, left, err)
		}
	}
}

// FuzzHostCall calls host functions with any arguments on any memory: the
// answer is a number or the end of the call by the guest's fault, fuel only
// falls, and everything is closed afterwards.
func FuzzHostCall(f *testing.F) {
	names, params := wasm.HostFunctions()
	call32 := func(name string, args ...uint32) []byte {
		script := []byte{0}
		for i, n := range names {
			if n == name {
				script[0] = byte(i)
			}
		}
		for _, arg := range args {
			script = binary.LittleEndian.AppendUint32(script, arg)
		}
		return script
	}
	f.Add(call32("state_get", 0, 0, 0, 3, 100, 100), []byte("key"))
	f.Add(append(call32("range_open", 0, 0, 0, 0, 0, 0, 0, 5, 0, 0), call32("iter_next", 1, 100, 50)...), []byte("a"))
	f.Add(call32("state_get_multi", 0, 0, 0, 13, 100, 9), abi.AppendList(nil, []string{"a", "b"}))
	f.Add(call32("cc_call", 0, 1, 0, 13, 0, 0), abi.AppendList(nil, []string{"a", "b"}))
	f.Add(call32("fd_write", 1, 0, 2, 40), make([]byte, 16))
	f.Add(call32("poll_oneoff", 0, 100, 1, 300), make([]byte, 48))
	f.Add(call32("result_read", 0xffffffff, 0xffffffff, 0xffffffff), []byte{})
	f.Fuzz(func(t *testing.T, script, data []byte) {
		stub := newEverything()
		stub.values["key"], stub.values["a"], stub.values[private("a", "b")] = []byte("value"), make([]byte, 300), []byte("p")
		memory := make([]byte, 4096)
		copy(memory, data)
		const budget = 3_000_000
		d := wasm.NewDesk(wasm.Limits{}, call("f"), stub, budget, memory)
		defer func() {
			if d.Close(); stub.open != 0 {
				t.Errorf("%d iterators are still open", stub.open)
			}
		}()
		for left := uint64(budget); len(script) > 0; {
			name := names[int(script[0])%len(names)]
			script = script[1:]
			args := make([]uint64, params[name])
			for i := range args {
				var word [8]byte
				script = script[copy(word[:4], script):]
				args[i] = binary.LittleEndian.Uint64(word[:]) | 0xdead<<32 // what is above is not the guest's
			}
			_, err := d.Ask(name, args...)
			if now := d.Budget(); now >= left {
				t.Fatalf("%s was for nothing: %d units, %d before", name, now, left)
			} else {
				left = now
			}
			if err != nil {
				if !blamed(err) {
					t.Fatalf("%s%d: %v", name, args, err)
				}
				return
			}
		}
	})
}

// What a peer logs is its own business: neither fuel nor answers tell the guest.
func TestLoggingCostsTheSameWhateverIsLogged(t *testing.T) {
	var left []uint64
	for _, limit := range []int{1, 64, 1 << 20} {
		d, _ := desk(call(), newEverything(), wasm.Limits{LogBytes: limit}, "line\nline\n"+strings.Repeat("x", 5000)+"\xff\n")
		binary.LittleEndian.PutUint32(d.Memory[9000:], 0)
		binary.LittleEndian.PutUint32(d.Memory[9004:], 5012)
		for range 20 {
			for level := range uint64(6) {
				if _, err := d.Ask("log", level, 0, 5012); err != nil {
					t.Fatal(err)
				}
			}
			if errno, err := d.Ask("fd_write", 1, 9000, 1, 9100); errno != 0 || err != nil || binary.LittleEndian.Uint32(d.Memory[9100:]) != 5012 {
				t.Fatalf("errno %d, %v, %d bytes", errno, err, binary.LittleEndian.Uint32(d.Memory[9100:]))
			}
		}
		left = append(left, d.Budget())
	}
	if left[0] != left[1] || left[1] != left[2] {
		t.Errorf("units left: %d", left)
	}
}
