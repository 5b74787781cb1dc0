package snapshot

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func openPagemap() (*os.File, error) { return os.Open("/proc/self/pagemap") }

// ownPages finds the pages of a memory that are no longer those of its image:
// the private ones, and all pages of the memory above.
type ownPages struct {
	form   Form
	fd     uintptr
	base   uint64
	page   uint64
	ranges []span // of the last find, in order, by offset from base
	pages  int    // in ranges

	arg     *scanArgument
	regions []scanRegion
	entries []byte

	watch bool // faults can be counted
	usage *unix.Rusage
	since int64 // faults when the watch began; below zero: there is none
}

// span is the bytes from start to end.
type span struct{ start, end uint64 }

// The ioctl PAGEMAP_SCAN and its argument, of linux/fs.h.
const (
	pagemapScan = 0xc0606610

	pageIsFile    = 1 << 2
	pageIsPresent = 1 << 3
	pageIsSwapped = 1 << 4

	scanRegions = 256 // answered at a time
)

type scanArgument struct {
	size, flags                           uint64
	start, end, walkEnd                   uint64
	vec, vecLen, maxPages                 uint64
	inverted, required, anyOf, categories uint64
}

type scanRegion struct{ start, end, categories uint64 }

// Bits of an entry of /proc/self/pagemap.
const (
	entryFile    = 1 << 61 // or shared
	entrySwapped = 1 << 62
	entryPresent = 1 << 63
	entryBytes   = 8
	entriesRead  = 512 // at a time
)

func (o *ownPages) init(m *Memory, s *System) {
	o.form, o.fd, o.page = s.form, s.pagemap.Fd(), uint64(s.page)
	o.watch, o.usage, o.since = s.countsFaults, new(unix.Rusage), -1
	o.base = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.region))))
	if s.form == Pagemap {
		o.entries = make([]byte, entriesRead*entryBytes)
		return
	}
	o.regions = make([]scanRegion, scanRegions)
	o.arg = &scanArgument{
		size:   uint64(unsafe.Sizeof(scanArgument{})),
		vec:    uint64(uintptr(unsafe.Pointer(unsafe.SliceData(o.regions)))),
		vecLen: scanRegions,
		// Private is what is not of a file and is present or swapped out: a
		// page that was written and then swapped out is as dirty as any.
		inverted: pageIsFile,
		required: pageIsFile,
		anyOf:    pageIsPresent | pageIsSwapped,
	}
}

// A page becomes the memory's own by a page fault, and by nothing else. So if
// the thread that the guest ran on took none, there are no other own pages than
// before, and nobody has to look. That saves most resets of a warm instance
// what they cost most.

// begin watches the calling goroutine, which stays on its thread until quiet.
func (o *ownPages) begin() {
	if !o.watch || o.since >= 0 {
		return
	}
	runtime.LockOSThread()
	if o.since = o.faults(); o.since < 0 {
		runtime.UnlockOSThread()
	}
}

// quiet ends the watch. It reports whether there was one and nothing happened.
func (o *ownPages) quiet() bool {
	if o.since < 0 {
		return false
	}
	same := o.since == o.faults()
	o.since = -1
	runtime.UnlockOSThread()
	return same
}

// faults counts those of this thread, below zero if they cannot be counted. The
// call never blocks, so the scheduler, which two calls for each invocation would
// burden, need not know of it.
func (o *ownPages) faults() int64 {
	if _, _, errno := unix.RawSyscall(unix.SYS_GETRUSAGE, unix.RUSAGE_THREAD, uintptr(unsafe.Pointer(o.usage)), 0); errno != 0 {
		return -1
	}
	return int64(o.usage.Minflt) + int64(o.usage.Majflt)
}

// find looks at the first n bytes.
func (o *ownPages) find(n uint64) error {
	o.ranges, o.pages = o.ranges[:0], 0
	if n == 0 {
		return nil
	}
	if o.form == Scan {
		return o.scan(n)
	}
	return o.read(n)
}

func (o *ownPages) add(start, end uint64) {
	o.pages += int((end - start) / o.page)
	if last := len(o.ranges) - 1; last >= 0 && o.ranges[last].end == start {
		o.ranges[last].end = end
		return
	}
	o.ranges = append(o.ranges, span{start, end})
}

func (o *ownPages) scan(n uint64) error {
	for start, end := o.base, o.base+n; start < end; start = o.arg.walkEnd {
		o.arg.start, o.arg.end, o.arg.walkEnd = start, end, 0
		found, _, errno := unix.Syscall(unix.SYS_IOCTL, o.fd, pagemapScan, uintptr(unsafe.Pointer(o.arg)))
		if errno != 0 {
			return fmt.Errorf("scan for written pages: %w", errno)
		}
		for _, r := range o.regions[:found] {
			o.add(r.start-o.base, r.end-o.base)
		}
		if o.arg.walkEnd <= start {
			return fmt.Errorf("scan for written pages: it got stuck at %#x", o.arg.walkEnd)
		}
	}
	return nil
}

func (o *ownPages) read(n uint64) error {
	for at := uint64(0); at < n; {
		count := min((n-at)/o.page, entriesRead)
		entries := o.entries[:count*entryBytes]
		got, err := unix.Pread(int(o.fd), entries, int64((o.base+at)/o.page*entryBytes))
		if err != nil || got != len(entries) {
			return fmt.Errorf("read the page map: %d of %d bytes: %w", got, len(entries), err)
		}
		for i := range count {
			entry := binary.NativeEndian.Uint64(entries[i*entryBytes:])
			if entry&(entryPresent|entrySwapped) != 0 && entry&entryFile == 0 {
				o.add(at+i*o.page, at+(i+1)*o.page)
			}
		}
		at += count * o.page
	}
	return nil
}
