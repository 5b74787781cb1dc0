package cid

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
)

// What stands before and after a certificate, as everybody writes them.
const (
	pemBegin = "-----BEGIN CERTIFICATE-----\n"
	pemEnd   = "\n-----END CERTIFICATE-----"
)

// certificate answers the bytes of the first PEM block, whatever its type. It
// agrees with pem.Decode on every input: that one looks for headers, for other
// blocks and for blanks, which costs three times what decoding the usual form
// does.
func certificate(text []byte) (der []byte, ok bool) {
	if der, ok = usual(text); ok {
		return der, true
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, false
	}
	return block.Bytes, true
}

// usual decodes a text that is one certificate and nothing else. What base64
// takes holds neither a colon nor a hyphen, hence no header and no other block.
func usual(text []byte) (der []byte, ok bool) {
	body, begins := bytes.CutPrefix(text, []byte(pemBegin))
	body, ends := bytes.CutSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte(pemEnd))
	if !begins || !ends {
		return nil, false
	}
	der = make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(der, body)
	return der[:n], err == nil
}
