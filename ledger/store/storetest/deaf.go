package storetest

import (
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/weft-network/weft/ledger/store"
)

// Deaf is the operating system's file system, but for how much room there is: it
// does not tell, as if somebody else took the room right after the question.
func Deaf() store.FS { return deaf{vfs.Default} }

type deaf struct{ vfs.FS }

func (deaf) GetDiskUsage(string) (vfs.DiskUsage, error) { return vfs.DiskUsage{}, vfs.ErrUnsupported }
