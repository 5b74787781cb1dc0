package wasm

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/weft-network/weft/wasm/abi"
)

// Errno of WASI preview 1, as far as it is answered.
const (
	wasiOK     = 0
	wasiBadFD  = 8
	wasiInval  = 28
	wasiNoSys  = 52
	wasiMaxVec = 1024 // as IOV_MAX of Linux
)

// Layout of poll_oneoff's records, and of fd_fdstat_get's answer.
const (
	subscriptionBytes = 48
	eventBytes        = 32
	eventClock        = 0
	clockAbsolute     = 1
	fdstatBytes       = 24
	characterDevice   = 2
)

// wasiFunctions is a preview 1 in which every peer sees the same world: the
// clock is the transaction's, randomness comes from its id, there are no
// arguments, no environment and no files, and standard output is the log.
func wasiFunctions() map[string]hostFunc {
	functions := map[string]hostFunc{
		"args_get":          func(*frame) int32 { return wasiOK },
		"environ_get":       func(*frame) int32 { return wasiOK },
		"args_sizes_get":    wasiNone,
		"environ_sizes_get": wasiNone,
		"clock_res_get":     wasiResolution,
		"clock_time_get":    wasiClock,
		"fd_close":          wasiNoFile,
		"fd_fdstat_get":     wasiStat,
		"fd_prestat_get":    wasiNoFile,
		"fd_read":           wasiNoFile,
		"fd_seek":           wasiNoFile,
		"fd_write":          wasiWrite,
		"poll_oneoff":       wasiPoll,
		"proc_exit":         wasiExit,
		"random_get":        wasiRandom,
		"sched_yield":       func(*frame) int32 { return wasiOK },
	}
	for name := range abi.Preview1() {
		if functions[name] == nil {
			functions[name] = func(*frame) int32 { return wasiNoSys }
		}
	}
	return functions
}

func wasiNoFile(*frame) int32 { return wasiBadFD }

// args_sizes_get and environ_sizes_get(count, bytes)
func wasiNone(f *frame) int32 {
	f.write(f.u32(0), make([]byte, 4))
	f.write(f.u32(1), make([]byte, 4))
	return wasiOK
}

func (f *frame) writeU64(ptr uint32, v uint64) {
	f.write(ptr, binary.LittleEndian.AppendUint64(nil, v))
}

// clock_res_get(id, resolution)
func wasiResolution(f *frame) int32 {
	f.writeU64(f.u32(1), 1000)
	return wasiOK
}

// clock_time_get(id, precision, time)
func wasiClock(f *frame) int32 {
	f.writeU64(f.u32(2), f.clock)
	return wasiOK
}

// fd_fdstat_get(fd, stat)
func wasiStat(f *frame) int32 {
	if f.u32(0) > 2 {
		return wasiBadFD
	}
	stat := make([]byte, fdstatBytes)
	stat[0] = characterDevice
	f.write(f.u32(1), stat)
	return wasiOK
}

// fd_write(fd, vectors, count, written)
func wasiWrite(f *frame) int32 {
	if fd := f.u32(0); fd != 1 && fd != 2 {
		return wasiBadFD
	}
	if f.u32(2) > wasiMaxVec {
		return wasiInval
	}
	vectors := append([]byte{}, f.view(f.u32(1), 8*f.u32(2))...)
	var total uint64
	for ; len(vectors) > 0; vectors = vectors[8:] {
		part := f.view(binary.LittleEndian.Uint32(vectors), binary.LittleEndian.Uint32(vectors[4:]))
		total += uint64(len(part))
		f.log.Write(part[:min(len(part), f.limits.LogBytes)])
	}
	if total > math.MaxUint32 { // vectors that overlap
		return wasiInval
	}
	f.write(f.u32(3), binary.LittleEndian.AppendUint32(nil, uint32(total)))
	return wasiOK
}

// random_get(buf, len)
func wasiRandom(f *frame) int32 {
	b := f.view(f.u32(0), f.u32(1))
	f.pay(fuelBlock * (uint64(len(b)) + sha256.Size - 1) / sha256.Size)
	f.random.fill(b)
	return wasiOK
}

// proc_exit(code)
func wasiExit(f *frame) int32 {
	reason := fmt.Sprintf("ended itself with exit code %d", int32(f.u32(0)))
	f.end(&Trap{Reason: f.log.withLastWords(reason)})
	return 0
}

// poll_oneoff(subscriptions, events, count, ready)
//
// Sleeping takes no time: the virtual clock moves to the earliest deadline and
// its subscriptions fire. A file descriptor fires at once, as a bad one.
func wasiPoll(f *frame) int32 {
	count := f.u32(2)
	if count == 0 || count > wasiMaxVec {
		return wasiInval
	}
	subs := append([]byte{}, f.view(f.u32(0), count*subscriptionBytes)...)
	now := f.clock
	wake, files := earliest(subs, now)
	if !files {
		f.clock = max(now, wake)
	}
	var events []byte
	var ready uint32
	for ; len(subs) > 0; subs = subs[subscriptionBytes:] {
		event := make([]byte, eventBytes)
		copy(event, subs[:8]) // the guest's own data
		event[10] = subs[8]
		if subs[8] != eventClock {
			binary.LittleEndian.PutUint16(event[8:], wasiBadFD)
		} else if deadline(subs, now) > f.clock {
			continue
		}
		events = append(events, event...)
		ready++
	}
	f.write(f.u32(1), events)
	f.write(f.u32(3), binary.LittleEndian.AppendUint32(nil, ready))
	return wasiOK
}

func earliest(subs []byte, now uint64) (wake uint64, files bool) {
	wake = math.MaxUint64
	for ; len(subs) > 0; subs = subs[subscriptionBytes:] {
		if subs[8] != eventClock {
			files = true
			continue
		}
		wake = min(wake, deadline(subs, now))
	}
	return wake, files
}

// deadline of a clock subscription; one beyond the end of time is at it.
func deadline(sub []byte, now uint64) uint64 {
	timeout := binary.LittleEndian.Uint64(sub[24:])
	if binary.LittleEndian.Uint16(sub[40:])&clockAbsolute != 0 {
		return timeout
	}
	if timeout > math.MaxUint64-now {
		return math.MaxUint64
	}
	return now + timeout
}
