//go:build !unix

package snapshot

import "errors"

func reserve(uint64) ([]byte, func(), error) { return nil, nil, errors.ErrUnsupported }

func drop([]byte) error { return errors.ErrUnsupported }
