package guest

import (
	"encoding/binary"
	"errors"
)

// CreatorMSPID is the MSP id of the client's organisation.
func (tx *Tx) CreatorMSPID() (string, error) {
	id, _, err := identity(tx.Creator())
	return string(id), err
}

// CreatorCertificate is the client's certificate, PEM.
func (tx *Tx) CreatorCertificate() ([]byte, error) {
	_, certificate, err := identity(tx.Creator())
	return certificate, err
}

// identity decodes a marshalled msp.SerializedIdentity, whose fields are both
// bytes: 1 the MSP id, 2 the certificate.
func identity(b []byte) (mspID, certificate []byte, err error) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag&7 != 2 {
			return nil, nil, errIdentity
		}
		b = b[n:]
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return nil, nil, errIdentity
		}
		value := b[n:][:length]
		b = b[n:][length:]
		switch tag >> 3 {
		case 1:
			mspID = value
		case 2:
			certificate = value
		}
	}
	return mspID, certificate, nil
}

var errIdentity = errors.New("the creator is not a serialized identity")
