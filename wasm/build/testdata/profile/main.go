// Command profile runs on this machine what chaincode in Go spends its time on
// (JSON, certificates, the contract API), and writes to the file it is given
// what a profiler saw.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"math/big"
	"os"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// lasts is how long each kind of work is watched.
const lasts = 5 * time.Second

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: profile FILE")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(name string) error {
	contract, err := newContract()
	if err != nil {
		return err
	}
	stub, err := newStub()
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	for _, work := range []func() error{
		convert,
		func() error { _, err := cid.New(stub); return err },
		func() error { return call(contract, stub) },
	} {
		for begun := time.Now(); err == nil && time.Since(begun) < lasts; {
			err = work()
		}
	}
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}

type asset struct {
	ID       string            `json:"id"`
	Owner    string            `json:"owner"`
	Value    uint64            `json:"value"`
	Size     int               `json:"size"`
	Sold     bool              `json:"sold"`
	Tags     []string          `json:"tags,omitempty" metadata:",optional"`
	Features map[string]string `json:"features,omitempty" metadata:",optional"`
}

func some() []asset {
	return []asset{
		{ID: "car", Owner: "Ann", Value: 300, Size: 5},
		{ID: "car", Owner: "Ann", Value: 300, Size: 5, Sold: true},
		{ID: "boat", Owner: "Ben \"the sailor\"", Size: -3, Tags: []string{"wood", "old"}, Features: map[string]string{"sails": "2"}},
	}
}

// convert converts to JSON and back: mostly one asset, and a list.
func convert() error {
	list := some()
	for i := range list {
		if err := there(&list[i], &asset{}); err != nil {
			return err
		}
	}
	return there(&list, &[]asset{})
}

func there[T any](from, to *T) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// register is a contract.
type register struct{ contractapi.Contract }

func (*register) Create(ctx contractapi.TransactionContextInterface, id string, value uint64) error {
	b, err := json.Marshal(asset{ID: id, Owner: "Ann", Value: value})
	if err != nil {
		return err
	}
	return ctx.GetStub().PutState(id, b)
}

func (*register) Read(ctx contractapi.TransactionContextInterface, id string) (*asset, error) {
	b, err := ctx.GetStub().GetState(id)
	if err != nil {
		return nil, err
	}
	a := &asset{}
	return a, json.Unmarshal(b, a)
}

func (*register) All(contractapi.TransactionContextInterface) ([]asset, error) { return some(), nil }

func newContract() (*contractapi.ContractChaincode, error) {
	return contractapi.NewChaincode(&register{})
}

// stub is a ledger of one transaction.
type stub struct {
	shim.ChaincodeStubInterface
	creator []byte
	values  map[string][]byte
	args    []string
}

func (s *stub) GetCreator() ([]byte, error)                  { return s.creator, nil }
func (s *stub) GetState(key string) ([]byte, error)          { return s.values[key], nil }
func (s *stub) PutState(key string, value []byte) error      { s.values[key] = value; return nil }
func (s *stub) GetFunctionAndParameters() (string, []string) { return s.args[0], s.args[1:] }

func call(contract *contractapi.ContractChaincode, s *stub) error {
	for i, args := range [][]string{{"Create", "car", strconv.Itoa(300)}, {"Read", "car"}, {"Read", "car"}, {"All"}} {
		s.args = args
		if r := contract.Invoke(s); r.GetStatus() != shim.OK {
			return fmt.Errorf("call %d: %s", i, r.GetMessage())
		}
	}
	return nil
}

func newStub() (*stub, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	name := pkix.Name{CommonName: "Ann", OrganizationalUnit: []string{"client"}}
	template := &x509.Certificate{Subject: name, SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: "Org1MSP", IdBytes: certificate})
	return &stub{creator: creator, values: map[string][]byte{}}, err
}
