// Package shim is the API of Fabric chaincode, served by a Weft peer: the
// chaincode runs as WebAssembly inside the peer, and what was a stream is a
// call of the host. Start registers the chaincode and returns; the peer calls
// it for each transaction in an instance of its own.
//
// What this peer cannot do is answered as an error of the request, which says
// UNSUPPORTED.
package shim

import (
	"errors"
	"os"
	"strings"
	_ "unsafe" // for linkname

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/keepalive"
)

// The version of the guest ABI this shim needs.
const abiVersion = 1<<16 | 0

const flagInit = 1

var registered Chaincode

// Start registers the chaincode. Unlike upstream's it returns at once: there is
// no stream to wait on.
func Start(cc Chaincode) error {
	if cc == nil {
		return errors.New("chaincode must be specified")
	}
	registered = cc
	return nil
}

// TLSProperties are taken and not used: no port is opened.
type TLSProperties struct {
	Disabled      bool
	Key           []byte
	Cert          []byte
	ClientCACerts []byte
}

// ChaincodeServer registers CC. The other fields are taken and not used.
type ChaincodeServer struct {
	CCID     string
	Address  string
	CC       Chaincode
	TLSProps TLSProperties
	KaOpts   *keepalive.ServerParameters
}

// Start registers the chaincode and opens no port. Neither an id nor an
// address is needed.
func (cs *ChaincodeServer) Start() error { return Start(cs.CC) }

//go:linkname mainMain main.main
func mainMain()

//go:wasmexport weft_abi
func weftABI() int32 { return abiVersion }

// ccInit runs the chaincode's main, which registers it.
//
//go:wasmexport cc_init
func ccInit() int32 {
	mainMain()
	if registered == nil {
		os.Stderr.WriteString("main ended without shim.Start or ChaincodeServer.Start\n")
		return 1
	}
	return 0
}

//go:wasmexport cc_invoke
func ccInvoke(flags int32) int32 {
	roomyStacks()
	stub, err := newStub()
	if err != nil {
		return respond(Error(err.Error()))
	}
	if flags&flagInit != 0 {
		return respond(registered.Init(stub))
	}
	return respond(registered.Invoke(stub))
}

func respond(r *peer.Response) int32 {
	if r == nil {
		return 1
	}
	message := r.Message
	if message != "" {
		message = strings.ToValidUTF8(message, "�")
	}
	return responseSet(r.Status, message, dataOf(r.Payload), uint32(len(r.Payload)))
}
