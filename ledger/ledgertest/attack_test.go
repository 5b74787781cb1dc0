package ledgertest_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// The data hash does not see where one transaction ends. Whoever hands a block
// on might move the borders, and the orderer's signature would still be good:
// every way to do that is tried.
func TestTransactionsOfASignedBlockCannotBeCutInAnotherWay(t *testing.T) {
	n := ledgertest.New(t)
	// The second one carries the third in its signature, as bait.
	third := small("payload of c", "c")
	envelopes := [][]byte{small("payload of a", "a"), small("payload of b", string(third)), third}
	b := n.Blocks().Next(envelopes...)
	raw := bytes.Join(envelopes, nil)
	ways := 0
	for i := range len(raw) {
		for j := i; j < len(raw); j++ {
			for k := j; k < len(raw); k += len(raw) - 1 - j + 1 { // one to three borders
				parts := cut(raw, i, j, k)
				if accepted(parts) {
					ways++
					if !slices.EqualFunc(parts, envelopes, bytes.Equal) {
						t.Errorf("accepted when cut at %d, %d and %d", i, j, k)
					}
				}
			}
		}
	}
	if ways == 0 {
		t.Error("the block itself was not among the ways")
	}
	if err := check(n, b, envelopes); err != nil {
		t.Error(err)
	}
	for name, other := range map[string][][]byte{
		"joined":              {slices.Concat(envelopes[0], envelopes[1]), envelopes[2]},
		"one left out":        envelopes[1:],
		"in another order":    {envelopes[1], envelopes[0], envelopes[2]},
		"one more":            append(slices.Clone(envelopes), envelopes[0]),
		"an empty one":        append(slices.Clone(envelopes), nil),
		"the bait on its own": {envelopes[0], envelopes[1][:len(envelopes[1])-len(third)], third, third},
	} {
		if check(n, b, other) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// check is what a peer says of a signed block with other data.
func check(n *ledgertest.Network, signed *common.Block, data [][]byte) error {
	b := &common.Block{Header: signed.Header, Metadata: signed.Metadata, Data: &common.BlockData{Data: data}}
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return err
	}
	return block.Check(parsed, 1, block.HeaderHash(n.Genesis.Header), n.Config.MSPs, n.Config.Policy(channel.BlockValidationPath))
}

// An orderer that lies may sign any bytes. Transactions in another encoding than
// their only one are refused even so: what a client signed has one form on the
// ledger. Fields that an envelope does not know are part of the form, as in
// Fabric, so long as they come last.
func TestTransactionsInAnotherEncodingAreRefused(t *testing.T) {
	n := ledgertest.New(t)
	good := n.Tx(ledgertest.Tx{Chaincode: "cc"})
	p, err := n.Payload(good)
	if err != nil {
		t.Fatal(err)
	}
	payload := ledgertest.Encode(&common.Envelope{Payload: ledgertest.Encode(p)})
	signature := good[len(payload):]
	length := slices.Concat(payload[:1], []byte{payload[1], payload[2] | 0x80, 0}, payload[3:])
	for name, c := range map[string]struct {
		raw  []byte
		fine bool
	}{
		"as it was signed":           {good, true},
		"an unknown field last":      {slices.Concat(good, []byte{0xfa, 0x07, 1, 'x'}), true},
		"an unknown field first":     {slices.Concat([]byte{0xfa, 0x07, 1, 'x'}, good), false},
		"an unknown field between":   {slices.Concat(payload, []byte{0xfa, 0x07, 1, 'x'}, signature), false},
		"the signature first":        {slices.Concat(signature, payload), false},
		"the payload twice":          {slices.Concat(payload, payload, signature), false},
		"the signature twice":        {slices.Concat(good, signature), false},
		"a length of one byte more":  {slices.Concat(length, signature), false},
		"a tag of one byte more":     {slices.Concat([]byte{payload[0] | 0x80, 0}, payload[1:], signature), false},
		"an empty field of its own":  {slices.Concat([]byte{0x0a, 0}, good), false},
		"without its last byte":      {good[:len(good)-1], false},
		"with a byte more":           {append(slices.Clone(good), 0), false},
		"an unknown field half told": {slices.Concat(good, []byte{0xfa, 0x07, 9, 'x'}), false},
	} {
		b := n.Blocks().Next(c.raw)
		if err := check(n, b, b.Data.Data); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}
