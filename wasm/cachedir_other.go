//go:build !unix

package wasm

import "io/fs"

// ownerChecked is false where modes say nothing about access.
const ownerChecked = false

func owned(string, fs.FileInfo) error { return nil }
