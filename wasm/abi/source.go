//go:build !wasip1

package abi

import "embed"

// Source is the package's Go source, which becomes part of every Go guest.
//
//go:embed *.go
var Source embed.FS
