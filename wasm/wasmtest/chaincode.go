package wasmtest

import "github.com/weft-network/weft/wasm/abi"

// Finish makes a module a chaincode whose cc_invoke has the given locals and
// body (the parameter is local 0, the flags); it answers its code. The module
// needs no memory of its own: one of pages is added.
func (m *Module) Finish(pages uint32, locals string, invoke ...Code) []byte {
	m.Memory(pages, 0)
	m.Export(abi.ExportMemory, KindMemory, 0)
	version := m.Func(":i", "", I32(abi.Major<<16|abi.Minor))
	m.Export(abi.ExportVersion, KindFunction, version)
	m.Export(abi.ExportInit, KindFunction, m.Func(":i", "", I32(0)))
	m.Export(abi.ExportInvoke, KindFunction, m.Func("i:i", locals, invoke...))
	return m.Bytes()
}

// Chaincode is a chaincode that imports nothing.
func Chaincode(pages uint32, locals string, invoke ...Code) []byte {
	return NewModule().Finish(pages, locals, invoke...)
}
