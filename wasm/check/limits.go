package check

import "github.com/weft-network/weft/wasm/internal/code"

// Most are the limits that reading a module keeps to.
func Most() code.Most {
	return code.Most{
		Types: MaxTypes, Params: MaxParams, TypeValues: MaxTypeValues,
		Imports: MaxImports, Functions: MaxFunctions, BodyBytes: MaxBodyBytes,
		TableEntries: MaxTableEntries, Globals: MaxGlobals, Exports: MaxExports,
		Segments: MaxSegments, Elements: MaxSegments, NameBytes: MaxNameBytes,
		Customs: 1000, CustomBytes: MaxBytes,
	}
}
