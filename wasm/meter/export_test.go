package meter

import "github.com/weft-network/weft/wasm/internal/code"

// RewriteEverywhere charges after every instruction instead of once for a
// stretch: what a module costs must be the same.
func RewriteEverywhere(module []byte, o Options) (*Module, error) {
	return rewrite(module, o, true)
}

// ShorterJumps is what jumps make of the body of a function without a result, of
// these parameters.
func ShorterJumps(body []byte, params ...byte) ([]byte, error) {
	var j jumps
	return j.shorten(&code.Module{Types: []code.Type{{Params: params}}, Functions: []uint32{0}, Bodies: [][]byte{body}}, 0)
}

// ShorterStretches is what stretches make of the body of a function (i32, i64)→().
func ShorterStretches(body []byte) ([]byte, error) {
	var s stretches
	return s.shorten(&code.Module{Types: []code.Type{{Params: []byte{code.I32, code.I64}}}, Functions: []uint32{0},
		Bodies: [][]byte{body}, Memory: &code.Limits{}}, 0, true)
}
