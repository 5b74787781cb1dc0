//go:build !wasip1

package guest

import "embed"

// Source is the package's Go source, for builds of chaincode outside of Weft's
// own module.
//
//go:embed *.go
var Source embed.FS
