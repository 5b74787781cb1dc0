package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// One machine may run a whole network, with several stores for each node, so
// that a store must cost little while it idles.
const (
	memTableBytes = 8 << 20 // grows from 256 KiB to this
	cacheBytes    = 8 << 20 // filled on demand
	openFiles     = 64
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
		Logger:                      engineLog{o.Logger},
		FormatMajorVersion:          pebbleFormat,
		CacheSize:                   cacheBytes,
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
type engineLog struct{ l *slog.Logger }

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
	panic("store: the disk failed: " + msg)
}
