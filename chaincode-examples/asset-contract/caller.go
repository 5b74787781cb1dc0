package main

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// caller is the context of a call, with who makes it.
type caller struct {
	contractapi.TransactionContext
	name    string
	auditor bool
}

// identify runs before each function.
func identify(c *caller) error {
	cert, err := c.GetClientIdentity().GetX509Certificate()
	if err != nil {
		return fmt.Errorf("who calls: %w", err)
	}
	msp, err := c.GetClientIdentity().GetMSPID()
	if err != nil {
		return fmt.Errorf("who calls: %w", err)
	}
	role, _, err := c.GetClientIdentity().GetAttributeValue("role")
	c.name, c.auditor = cert.Subject.CommonName+" of "+msp, role == "auditor"
	return err
}

func unknown(c *caller) error {
	name, _ := c.GetStub().GetFunctionAndParameters()
	return errors.New("the register has no function " + name)
}
