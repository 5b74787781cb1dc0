package wasm

import (
	"log/slog"

	"github.com/weft-network/weft/wasm/abi"
)

// guestFunctions are the functions of abi.Module. Those not served here are
// filled in so that they refuse by name.
func guestFunctions() map[string]hostFunc {
	functions := map[string]hostFunc{
		"ctx_get":      ctxGet,
		"state_get":    stateGet,
		"state_put":    statePut,
		"state_del":    stateDel,
		"range_open":   rangeOpen,
		"iter_next":    iterNext,
		"iter_close":   iterClose,
		"event_set":    eventSet,
		"response_set": responseSet,
		"result_read":  resultRead,
		"error_read":   errorRead,
		"log":          logLine,
		"abort":        abort,
	}
	for name := range abi.Guest() {
		if functions[name] == nil {
			functions[name] = func(f *frame) int32 {
				return f.refuse(abi.Unsupported, "%s is not supported by Weft yet", name)
			}
		}
	}
	return functions
}

// ctx_get(field, ptr, cap)
func ctxGet(f *frame) int32 {
	if code, refused := f.outsideTx(); refused {
		return code
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
	if code, refused := f.outsideTx(); refused {
		return code
	}
	if int64(f.u32(1))+int64(f.u32(3)) > int64(f.limits.EventBytes) {
		f.end(&Exhausted{What: "event", Limit: int64(f.limits.EventBytes), Unit: "bytes"})
	}
	name := f.string(0)
	if name == "" {
		return f.refuse(abi.InvalidArg, "event name can not be empty string")
	}
	if code, refused := f.text("event name", name); refused {
		return code
	}
	f.event = &Response{EventName: name, EventPayload: f.bytes(2)}
	return 0
}

// response_set(status, msg, payload)
func responseSet(f *frame) int32 {
	if code, refused := f.outsideTx(); refused {
		return code
	}
	if int64(f.u32(2))+int64(f.u32(4)) > int64(f.limits.ResponseBytes) {
		f.end(&Exhausted{What: "response", Limit: int64(f.limits.ResponseBytes), Unit: "bytes"})
	}
	message := f.string(1)
	if code, refused := f.text("response message", message); refused {
		return code
	}
	f.response = &Response{Status: int32(f.u32(0)), Message: message, Payload: f.bytes(3)}
	return 0
}

// result_read(off, ptr, len)
func resultRead(f *frame) int32 {
	off, length := uint64(f.u32(0)), uint64(f.u32(2))
	if off+length > uint64(len(f.result)) {
		return f.refuse(abi.InvalidArg, "result_read of bytes %d to %d of a result of %d", off, off+length, len(f.result))
	}
	f.write(f.u32(1), f.result[off:off+length])
	return int32(length)
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
