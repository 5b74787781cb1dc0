package wasmtest

import "github.com/weft-network/weft/wasm/abi"

// SelfCaller calls the chaincode that its first argument names, on the channel
// it runs on, with the very arguments it has; so it goes round and round. It
// answers its callee's status, as a status and, in four bytes, as payload, or
// 500 and the error's code if the host refused.
func SelfCaller() []byte {
	m := NewModule()
	get, callOther, respond := m.Host("ctx_get"), m.Host("cc_call"), m.Host("response_set")
	const args, size, status = 1024, 1, 2
	return m.Finish(1, "ii",
		I32(int32(abi.FieldArgs)), I32(args), I32(page-args), Call(get), LocalSet(size),
		I32(args+8), I32(args), Load32(4), I32(args), LocalGet(size), I32(0), I32(0), Call(callOther), LocalSet(status),
		I32(0), LocalGet(status), Store32(0),
		LocalGet(status), I32(0), I32LtS,
		If(0, I32(500), LocalSet(status)),
		LocalGet(status), I32(0), I32(0), I32(0), I32(4), Call(respond), Drop, I32(0))
}
