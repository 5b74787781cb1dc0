package guest

import "unsafe"

// The functions of abi.Module. Byte strings go as pointer and length; an answer
// below zero is an abi.Code, whose text error_read tells.

//go:wasmimport weft_v1 ctx_get
//go:noescape
func ctxGet(field uint32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 state_get
//go:noescape
func stateGet(collection, key string, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 state_get_multi
//go:noescape
func stateGetMulti(collection string, keys unsafe.Pointer, length uint32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 state_hash
//go:noescape
func stateHash(collection, key string, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 state_put
//go:noescape
func statePut(collection, key string, value unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 state_del
//go:noescape
func stateDel(collection, key string, mode uint32) int32

//go:wasmimport weft_v1 meta_get
//go:noescape
func metaGet(collection, key, name string, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 meta_put
//go:noescape
func metaPut(collection, key, name string, value unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 range_open
//go:noescape
func rangeOpen(collection, start, end string, flags uint32, page int32, bookmark string) int32

//go:wasmimport weft_v1 query_open
//go:noescape
func queryOpen(collection, query string, page int32, bookmark string) int32

//go:wasmimport weft_v1 history_open
//go:noescape
func historyOpen(key string) int32

//go:wasmimport weft_v1 iter_next
//go:noescape
func iterNext(handle int32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 iter_meta
//go:noescape
func iterMeta(handle int32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 iter_close
func iterClose(handle int32) int32

//go:wasmimport weft_v1 cc_call
//go:noescape
func ccCall(name string, args unsafe.Pointer, length uint32, channel string) int32

//go:wasmimport weft_v1 event_set
//go:noescape
func eventSet(name string, payload unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 response_set
//go:noescape
func responseSet(status int32, message string, payload unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 result_read
//go:noescape
func resultRead(offset uint32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 error_read
//go:noescape
func errorRead(ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 log
//go:noescape
func logLine(level uint32, text string)

//go:wasmimport weft_v1 abort
//go:noescape
func abortCall(text string)
