package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// One machine may run a whole network, with several stores for each node, so
// that a store must cost little while it idles.
const (
	defaultCacheBytes  = 8 << 20  // filled on demand
	defaultUpdateBytes = 16 << 20 // likewise
	// memTables share UpdateBytes: one is filled while the other is written to
	// tables.
	memTables = 2
	// flushesKept is how many memory tables' writes are gathered in the first
	// level before they are merged with the next one, which costs the rewriting
	// of it: pebble merges at half of its threshold. A read looks into each, so
	// more memory is better than more of them.
	flushesKept = 4
	// openFiles bounds the tables kept open; a file is opened when it is first
	// read. Opening one costs as much as twenty reads, and ten million keys are
	// in two hundred.
	openFiles = 1000
	// indexBlockBytes is more than the index of most tables takes, so that a read
	// does not search an index of their index first.
	indexBlockBytes = 256 << 10
	// bloomBits per key: a level that does not have a key is passed without a
	// read, one time in a hundred excepted. The last level, where most keys are,
	// has no filters: pebble's Get does not ask them there.
	bloomBits = 10
	// pebbleFormat is pinned so that upgrading pebble does not silently make
	// directories that an older weftd cannot open.
	pebbleFormat = pebble.FormatValueSeparation
)

func pebbleOptions(o Options, lock *pebble.Lock) *pebble.Options {
	po := &pebble.Options{
		FS:                          o.FS,
		Lock:                        lock,
		Logger:                      engineLog{o.Logger, o.Fatal},
		EventListener:               listener(o.Logger),
		ReadOnly:                    o.ReadOnly,
		FormatMajorVersion:          pebbleFormat,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.UpdateBytes / memTables), // grows from 256 KiB to this
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       2 * flushesKept,
		MaxOpenFiles:                openFiles,
	}
	po.Experimental.CompactionScheduler = newCompactions()
	po.EnsureDefaults()
	last := len(po.Levels) - 1
	for i := range po.Levels {
		po.Levels[i].IndexBlockSize = indexBlockBytes
		if i < last {
			po.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		}
	}
	return po
}

// engineLog carries pebble's messages to slog.
type engineLog struct {
	l     *slog.Logger
	fatal func(string)
}

func (e engineLog) Infof(format string, args ...any) {
	// Pebble narrates every flush; format only when somebody listens.
	if e.l.Enabled(context.Background(), slog.LevelDebug) {
		e.l.Debug(fmt.Sprintf(format, args...))
	}
}

func (e engineLog) Errorf(format string, args ...any) { e.l.Error(fmt.Sprintf(format, args...)) }

// Fatalf must not return: pebble calls it when its log or manifest could not
// be written, after which it has nothing true to say. Recovery at the next
// start is the way on.
func (e engineLog) Fatalf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	e.l.Error(msg)
	e.fatal(msg)
	panic("unreachable: " + msg)
}

// listener hears of what pebble does in the background and mends itself, or
// what a later read will be told.
func listener(log *slog.Logger) *pebble.EventListener {
	var failures atomic.Int64
	return &pebble.EventListener{
		// A flush or compaction that fails is tried again at once, and so fails
		// thousands of times while a disk is full.
		BackgroundError: func(err error) {
			if n := failures.Add(1); n&(n-1) == 0 {
				log.Error("the store could not tidy up and tries again", "failures", n, "err", err)
			}
		},
		// Pebble's own answer is to end the process. The reader gets an error,
		// and decides.
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error("a file of the store is damaged", "path", info.Path, "err", info.Details)
		},
	}
}
