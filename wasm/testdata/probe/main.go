// Command probe is chaincode that tries what a sandbox has to withstand.
package main

import (
	crand "crypto/rand"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

var calls int

var table = map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9, "j": 10}

type probe struct{}

func (probe) Init(stub shim.ChaincodeStubInterface) *peer.Response {
	return shim.Success([]byte("init"))
}

func (probe) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	calls++
	name, args := stub.GetFunctionAndParameters()
	switch name {
	case "calls":
		return shim.Success([]byte(fmt.Sprint(calls)))
	case "world":
		return shim.Success([]byte(world(stub)))
	case "loop":
		for i := 0; ; i++ {
			calls = i
		}
	case "sleep":
		for {
			time.Sleep(time.Hour)
		}
	case "recurse":
		return shim.Success([]byte(fmt.Sprint(recurse(0))))
	case "memory":
		var hold [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			hold = append(hold, b)
		}
	case "panic":
		panic("out of order")
	case "exit":
		os.Exit(7)
	case "print":
		for range 100000 {
			fmt.Println("line after line after line")
		}
		return shim.Success(nil)
	case "big":
		return shim.Success(make([]byte, 10<<20))
	case "nil":
		return nil
	case "range":
		return keys(stub.GetStateByRange(args[0], args[1]))
	case "leave": // open, and never close
		for range 1000 {
			if _, err := stub.GetStateByRange("", ""); err != nil {
				return shim.Error(err.Error())
			}
		}
	case "do":
		lines, err := do(stub, args)
		if err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success([]byte(lines))
	case "context":
		t := &transcript{}
		context(t, stub)
		return shim.Success([]byte(t.String()))
	case "methods":
		return shim.Success([]byte(methods(stub)))
	case "policy":
		ep, err := policy(args)
		if err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success(ep)
	case "creator":
		id, err := cid.GetMSPID(stub)
		if err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success([]byte(id))
	case "put":
		if err := stub.PutState(args[0], []byte(args[1])); err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success(nil)
	case "get":
		value, err := stub.GetState(args[0])
		if err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success(value)
	}
	return &peer.Response{Status: 404, Message: "unknown " + name + "\xff"}
}

// world is everything that differs between machines elsewhere.
func world(stub shim.ChaincodeStubInterface) string {
	var out strings.Builder
	now, _ := stub.GetTxTimestamp()
	mspID, _ := shim.GetMSPID()
	fmt.Fprintln(&out, time.Now().UnixNano() == now.AsTime().UnixNano(), time.Now().UTC(), mspID)
	for k, v := range table {
		fmt.Fprint(&out, k, v)
	}
	var secret [8]byte
	crand.Read(secret[:])
	fmt.Fprintf(&out, "\n%d %x %p\n", rand.Int63(), secret, &secret)
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			time.Sleep(time.Duration(i%3) * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprint(&out, i)
		})
	}
	group.Wait()
	_, fileErr := os.ReadFile("/etc/passwd")
	_, netErr := net.Dial("tcp", "127.0.0.1:1")
	fmt.Fprintln(&out, "\n", os.Environ(), len(os.Args), fileErr != nil, netErr != nil, time.Now().UTC())
	return out.String()
}

func recurse(n int) int {
	if n < 0 {
		return 0
	}
	return recurse(n+1) + n
}

func keys(it shim.StateQueryIteratorInterface, err error) *peer.Response {
	if err != nil {
		return shim.Error(err.Error())
	}
	defer it.Close()
	n, last := 0, ""
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return shim.Error(err.Error())
		}
		if kv.Key <= last {
			return shim.Error("out of order: " + kv.Key)
		}
		n, last = n+1, kv.Key
	}
	return shim.Success([]byte(fmt.Sprint(n, " ", last)))
}

func main() {
	server := &shim.ChaincodeServer{CCID: os.Getenv("CHAINCODE_ID"), CC: probe{}}
	if err := server.Start(); err != nil {
		panic(err)
	}
}
