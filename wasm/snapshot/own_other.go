//go:build !linux

package snapshot

import (
	"errors"
	"os"
)

func openPagemap() (*os.File, error) { return nil, errors.ErrUnsupported }

// ownPages cannot be found here.
type ownPages struct {
	ranges []span
	pages  int
}

type span struct{ start, end uint64 }

func (*ownPages) init(*Memory, *System) {}

func (*ownPages) find(uint64) error { return errors.ErrUnsupported }

func (*ownPages) begin() {}

func (*ownPages) quiet() bool { return false }
