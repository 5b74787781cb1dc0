package meter

import "github.com/weft-network/weft/wasm/internal/code"

// RewriteEverywhere charges after every instruction instead of once for a
// stretch: what a module costs must be the same.
func RewriteEverywhere(module []byte, o Options) (*Module, error) {
	return rewrite(module, o, true)
}

// ShorterJumps is what becomes of the body of a function ()→() before it is
// metered.
func ShorterJumps(body []byte) ([]byte, error) {
	var j jumps
	return j.shorten(&code.Module{Types: []code.Type{{}}, Functions: []uint32{0}, Bodies: [][]byte{body}}, 0)
}
