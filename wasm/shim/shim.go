// Package shim holds the sources of Weft's stand-in for the module
// github.com/hyperledger/fabric-chaincode-go/v2: the same import paths and the
// same API, over the guest ABI instead of a gRPC stream. The builder compiles
// unmodified Fabric chaincode against it.
//
// The sources lie in a folder that the go command passes over, since they
// compile for wasip1 and as part of a chaincode only. Their go.mod is made by
// the builder, because a nested module could not be embedded.
package shim

import "embed"

// Dir is the root of the module within Files.
const Dir = "_fabric"

// Files holds the sources of the module, without a go.mod.
//
//go:embed all:_fabric
var Files embed.FS
