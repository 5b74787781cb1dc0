package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/weft-network/weft/wasm/meter"
)

// worldVersion names the rules of what a guest sees of the world: the WASI
// functions and their answers, the clock, and how randomness is seeded. Change
// it with the rules.
const worldVersion = "world 1: clock of the transaction, start at 1 ns, SHA-256 streams seeded by package or transaction; " +
	"warm-up by declared calls, then cc_warmup, on a state with key metadata and history"

// profileBytes of the hash are kept: enough to tell apart the few profiles that
// ever will be.
const profileBytes = 8

// Profile identifies everything that decides what a chaincode answers, apart
// from its code and the state: the rewriting of modules, prices, limits a guest
// can notice, features, and the rules of its world. Peers of equal profiles
// endorse alike. The version of the engine is no part of it, so an update of
// that does not split a network.
func (r *Runtime) Profile() string {
	l := r.limits
	sum := sha256.Sum256(fmt.Appendln(nil, meter.Version, depthLimit, fuelSchedule(), worldVersion, uint64(features),
		l.Fuel, l.MemoryPages, l.ArgBytes, l.ResponseBytes, l.EventBytes, l.WriteBytes, l.WriteKeys, l.Iterators, l.HostCalls, l.ScanRecords, l.CallDepth))
	return "weft_v1-" + hex.EncodeToString(sum[:profileBytes])
}
