package warmup

import (
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

func TestTheCreatorIsAnIdentityThatChaincodeCanRead(t *testing.T) {
	id := &msp.SerializedIdentity{}
	if err := proto.Unmarshal(Creator(), id); err != nil || id.Mspid != CreatorMSP {
		t.Fatal(id.Mspid, err)
	}
	block, _ := pem.Decode(id.IdBytes)
	if block == nil {
		t.Fatal("no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || cert.Subject.CommonName != "warmup@warmup.example.com" {
		t.Fatal(cert, err)
	}
}
