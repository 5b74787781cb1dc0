//go:build !unix

package wasm

import "errors"

func reserve(uint64) ([]byte, func(), error) { return nil, nil, errors.ErrUnsupported }
