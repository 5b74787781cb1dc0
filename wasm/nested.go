package wasm

import (
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
)

// cc_call(name, args, channel)
func ccCall(f *frame) int32 {
	f.tx()
	name, channel := f.text(0, "name of a chaincode", maxNameBytes), f.text(4, "name of a channel", maxNameBytes)
	args := f.list(2, "arguments")
	if name == "" {
		f.deny(abi.InvalidArg, "name of the chaincode to call must not be an empty string")
	}
	if f.code != 0 {
		return f.code
	}
	caller, ok := f.stub.(Caller)
	if !ok {
		return f.unsupported("cc_call", "calls of other chaincode")
	}
	if f.call.Depth >= f.limits.CallDepth {
		return f.refuse(abi.Limit, "chaincodes may call each other %d deep; %s would be one more", f.limits.CallDepth, name)
	}
	f.pay(fuelNested)
	f.settle() // so that the callee has all that is left
	response, err := caller.CallChaincode(f.ctx, NestedCall{
		Chaincode: name, Channel: channel, Args: args,
		Budget: f.budget, Depth: f.call.Depth + 1, ReadOnly: f.call.ReadOnly,
	})
	f.draw()
	if err != nil {
		return f.stubError("call chaincode "+name, err)
	}
	return f.nested(name, response)
}

// nested keeps what the callee answered, and returns its status.
func (f *frame) nested(name string, response *Response) int32 {
	if response == nil {
		f.end(fmt.Errorf("call chaincode %s: it answered nothing", name))
	}
	if response.Status < 0 {
		return f.refuse(abi.InvalidArg, "chaincode %s answered the status %d; one below zero cannot be told", name, response.Status)
	}
	f.pay(fuelOfBytes(len(response.Payload) + len(response.Message)))
	f.result = abi.AppendList(nil, [][]byte{response.Payload, []byte(response.Message)})
	return response.Status
}
