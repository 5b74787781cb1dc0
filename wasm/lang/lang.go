// Package lang holds the guest libraries for languages other than Go, as
// sources: the toolchains of those languages compile them together with the
// chaincode. Nothing here is Go, and nothing is compiled in this repository
// but by tests.
package lang

import (
	"embed"
	"io/fs"
)

//go:embed rust/weft/Cargo.toml rust/weft/src/*.rs
//go:embed assemblyscript/weft/*.ts assemblyscript/weft/package.json
//go:embed c/weft/weft.h c/weft/weft.c
var files embed.FS

// Rust is the crate weft: Cargo.toml and src.
func Rust() fs.FS { return sub("rust/weft") }

// AssemblyScript is the package weft: index.ts and what it imports.
func AssemblyScript() fs.FS { return sub("assemblyscript/weft") }

// C is weft.h and weft.c.
func C() fs.FS { return sub("c/weft") }

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // only a name that is no path; these are constants
	}
	return f
}
