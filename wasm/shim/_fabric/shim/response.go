package shim

import "github.com/hyperledger/fabric-protos-go-apiv2/peer"

const (
	// OK is the status of success.
	OK = 200
	// ERRORTHRESHOLD is the first status that is not endorsed.
	ERRORTHRESHOLD = 400
	// ERROR is the status of Error.
	ERROR = 500
)

// Success answers status OK with the payload.
func Success(payload []byte) *peer.Response {
	return &peer.Response{Status: OK, Payload: payload}
}

// Error answers status ERROR with the message.
func Error(msg string) *peer.Response {
	return &peer.Response{Status: ERROR, Message: msg}
}
