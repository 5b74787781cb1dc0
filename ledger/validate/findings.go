package validate

import (
	"encoding/hex"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
)

// at fills in the key that a finding is about.
func at(p place, v verdict) verdict {
	v.Namespace, v.Collection, v.Key = p.namespace, p.collection, p.key
	if p.collection != "" {
		v.Key = hex.EncodeToString([]byte(p.key))
	}
	return v
}

// readConflict is the finding of rules 20 and 22.
func readConflict(p place, read, found *ledger.Version, block uint64) verdict {
	code := peer.TxValidationCode_MVCC_READ_CONFLICT
	var v verdict
	if found != nil && found.Block == block {
		v = invalid(code, "%s was read, and written by transaction %d of this block", p, found.Tx)
	} else {
		v = invalid(code, "%s was read at %s, and is at %s", p, describe(read), describe(found))
	}
	v.Read, v.Found = read, found
	return at(p, v)
}

// phantom is the finding of rule 21.
func phantom(namespace, start, end string, d *difference) verdict {
	v := invalid(peer.TxValidationCode_PHANTOM_READ_CONFLICT, "range [%q, %q) of %q: %s",
		clip(start, maxShown), clip(end, maxShown), clip(namespace, maxShown), d.text)
	v.Namespace, v.Range = namespace, &ledger.FindingRange{Start: start, End: end}
	v.Key, v.Read, v.Found = d.key, d.read, d.found
	return v
}

func sameVersion(a, b *ledger.Version) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func describe(v *ledger.Version) string {
	if v == nil {
		return "no version"
	}
	return fmt.Sprintf("version %d:%d", v.Block, v.Tx)
}
