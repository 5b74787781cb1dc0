// Command asset-contract is a register of assets on Fabric's contract API: the
// functions of a Go type are the functions of the chaincode, arguments and
// results are converted from and to JSON, and a schema of all of it is there for
// clients under org.hyperledger.fabric:GetMetadata.
//
// Who registers an asset, or gets it, owns it; only the owner may change it. An
// auditor, so named by an attribute of the certificate, may retire any.
package main

import (
	"log"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
	"github.com/hyperledger/fabric-contract-api-go/v2/metadata"
)

func main() {
	register := &Register{}
	register.Info = metadata.InfoMetadata{Title: "asset register", Version: "1.0.0"}
	register.TransactionContextHandler = &caller{}
	register.BeforeTransaction = identify
	register.UnknownTransaction = unknown
	chaincode, err := contractapi.NewChaincode(register)
	if err != nil {
		log.Fatal(err)
	}
	chaincode.Info = register.Info
	if err := chaincode.Start(); err != nil {
		log.Fatal(err)
	}
}
