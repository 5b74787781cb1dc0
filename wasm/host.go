package wasm

import (
	"log/slog"

	"github.com/weft-network/weft/wasm/abi"
)

// guestFunctions are the functions of abi.Module.
func guestFunctions() map[string]hostFunc {
	functions := map[string]hostFunc{
		"ctx_get":         ctxGet,
		"state_get":       stateGet,
		"state_get_multi": stateGetMulti,
		"state_hash":      stateHash,
		"state_put":       statePut,
		"state_del":       stateDel,
		"meta_get":        metaGet,
		"meta_put":        metaPut,
		"range_open":      rangeOpen,
		"query_open":      queryOpen,
		"history_open":    historyOpen,
		"iter_next":       iterNext,
		"iter_meta":       iterMeta,
		"iter_close":      iterClose,
		"cc_call":         ccCall,
		"event_set":       eventSet,
		"response_set":    responseSet,
		"result_read":     resultRead,
		"error_read":      errorRead,
		"log":             logLine,
		"abort":           abort,
	}
	for name, do := range functions {
		functions[name] = counted(do)
	}
	return functions
}

// counted bounds the number of calls, beside their price: each has a fixed cost
// on this side, of locks and of entries in the read-write set.
func counted(do hostFunc) hostFunc {
	return func(f *frame) int32 {
		if f.hostCalls++; f.hostCalls > f.limits.HostCalls {
			f.end(&Exhausted{What: "host functions", Limit: int64(f.limits.HostCalls), Unit: "calls"})
		}
		return do(f)
	}
}

// ctx_get(field, ptr, cap)
func ctxGet(f *frame) int32 {
	if f.tx(); f.code != 0 {
		return f.code
	}
	var b []byte
	switch abi.Field(f.u32(0)) {
	case abi.FieldTxID:
		b = []byte(f.call.TxID)
	case abi.FieldChannel:
		b = []byte(f.call.Channel)
	case abi.FieldTimestamp:
		b = abi.AppendTimestamp(nil, f.call.Seconds, f.call.Nanos)
	case abi.FieldArgs:
		b = abi.AppendList(nil, f.call.Args)
	case abi.FieldCreator:
		b = f.call.Creator
	case abi.FieldTransient:
		b = abi.AppendMap(nil, f.call.Transient)
	case abi.FieldBinding:
		b = f.call.Binding
	case abi.FieldDecorations:
		b = abi.AppendMap(nil, nil) // nothing decorates proposals here
	case abi.FieldSignedProposal:
		b = f.call.SignedProposal
	case abi.FieldMSPID:
		b = []byte(f.call.MSPID)
	case abi.FieldChaincode:
		b = []byte(f.call.Chaincode)
	default:
		return f.refuse(abi.InvalidArg, "ctx_get knows no field %d", f.u32(0))
	}
	return f.answer(1, b)
}

// event_set(name, payload)
func eventSet(f *frame) int32 {
	f.tx()
	f.bounded("event", f.limits.EventBytes, 1, 3)
	name := f.text(0, "event name", maxNameBytes)
	if name == "" {
		f.deny(abi.InvalidArg, "event name can not be empty string")
	}
	if f.code != 0 {
		return f.code
	}
	f.event = &Response{EventName: name, EventPayload: f.bytes(2)}
	return 0
}

// response_set(status, msg, payload)
func responseSet(f *frame) int32 {
	f.tx()
	f.bounded("response", f.limits.ResponseBytes, 2, 4)
	message := f.text(1, "response message", f.limits.ResponseBytes)
	if f.code != 0 {
		return f.code
	}
	f.response = &Response{Status: int32(f.u32(0)), Message: message, Payload: f.bytes(3)}
	return 0
}

// bounded ends the invocation when two lengths together pass the limit.
func (f *frame) bounded(what string, limit, i, j int) {
	if int64(f.u32(i))+int64(f.u32(j)) > int64(limit) {
		f.end(&Exhausted{What: what, Limit: int64(limit), Unit: "bytes"})
	}
}

// result_read(off, ptr, cap) writes as much of the kept result as fits, and
// answers how much of it there is from off on.
func resultRead(f *frame) int32 {
	off := f.u32(0)
	if uint64(off) > uint64(len(f.result)) {
		return f.refuse(abi.InvalidArg, "result_read from byte %d of a result of %d", off, len(f.result))
	}
	rest := f.result[off:]
	f.write(f.u32(1), rest[:min(uint64(len(rest)), uint64(f.u32(2)))])
	return int32(len(rest))
}

// error_read(ptr, cap)
func errorRead(f *frame) int32 { return f.answer(0, []byte(f.errorText)) }

// log(level, msg): 0 debug, 1 info, 2 warning, 3 error
func logLine(f *frame) int32 {
	level := slog.LevelError
	if n := f.u32(0); n < 3 {
		level = slog.LevelDebug + slog.Level(4*n)
	}
	text := f.view(f.u32(1), f.u32(2))
	f.log.print(level, string(text[:min(len(text), maxLogLine)]))
	return 0
}

// abort(msg)
func abort(f *frame) int32 {
	text := f.view(f.u32(0), f.u32(1))
	f.end(&Trap{Reason: "abort: " + string(text[:min(len(text), maxLastWords)])})
	return 0
}
