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
	memTableBytes     = 8 << 20 // grows from 256 KiB to this
	defaultCacheBytes = 8 << 20 // filled on demand
	openFiles         = 64
	// bloomBits per key: an absent transaction id is found absent without a
	// read, one time in a hundred excepted.
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
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                openFiles,
	}
	po.EnsureDefaults()
	for i := range po.Levels {
		po.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
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
