package wasm

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/tetratelabs/wazero/api"
)

// Fuel measures work: about one unit for an instruction of the guest, and the
// prices below for what the host does for it. It is counted, never timed, so
// every peer counts the same.
//
// These numbers are part of the execution profile: a peer that used others
// would refuse calls that its neighbours serve.
const (
	// DefaultFuel is for one transaction with all chaincodes that it calls,
	// about 50 ms of one processor. Contract-API chaincode takes about 1 % of it.
	DefaultFuel = 100_000_000
	// initFuel is for _initialize, cc_init and all warm-up calls together,
	// about one second. Contract-API chaincode takes about 5 % of it.
	initFuel = 2_000_000_000
	// fuelSlice is what a guest gets at a time: as long as it lasts (about
	// 0.05 ms), the garbage collector waits for the guest.
	fuelSlice = 100_000
)

// Prices of host functions. One unit stands for about half a nanosecond.
const (
	fuelHostCall = 100    // the crossing, charged for every host function
	fuelRead     = 2000   // a key looked up in the state database
	fuelWrite    = 1000   // a key put into the write set
	fuelOpen     = 5000   // a range, query or history opened
	fuelRecord   = 500    // a record that an iterator reads ahead
	fuelBlock    = 200    // a block of 32 random bytes: one SHA-256
	fuelNested   = 20_000 // another chaincode made ready to be called
	// fuelChunk is the number of bytes copied over the border for one unit.
	fuelChunk = 4
)

// fuelOfBytes is the price of copying n bytes between guest and host.
func fuelOfBytes(n int) uint64 { return uint64(n) / fuelChunk }

// Budget is the fuel of one transaction. The calls that chaincodes make to each
// other share it, one after the other: it is not for concurrent use.
type Budget struct{ limit, left uint64 }

// NewBudget returns a budget of so many units.
func NewBudget(units uint64) *Budget { return &Budget{limit: units, left: units} }

// Limit returns what the budget began with.
func (b *Budget) Limit() uint64 { return b.limit }

// Used returns what was spent. While a call runs this counts the slice that the
// guest holds as spent.
func (b *Budget) Used() uint64 { return b.limit - b.left }

// take removes up to n units and returns how many these were.
func (b *Budget) take(n uint64) uint64 {
	n = min(n, b.left)
	b.left -= n
	return n
}

// give puts back what was taken and not spent.
func (b *Budget) give(n uint64) { b.left += n }

// The guest holds a slice of the budget in its global of fuel, and host
// functions are paid from the same: while one runs, held stands for the global,
// which takes long to reach. What the guest holds when it ends goes back.

// load and store are the begin and the end of a host function.
func (inv *invocation) load()  { inv.held = int64(inv.fuel.Get()) }
func (inv *invocation) store() { inv.fuel.Set(uint64(inv.held)) }

// draw gives the guest a slice to begin with, or to go on with after a call of
// other chaincode.
func (inv *invocation) draw() { inv.held = int64(inv.budget.take(fuelSlice)) }

// settle takes back what the guest holds. It is below zero for instructions
// that were run before the guest looked.
func (inv *invocation) settle() {
	if inv.held < 0 {
		inv.budget.take(uint64(-inv.held))
	} else {
		inv.budget.give(uint64(inv.held))
	}
	inv.held = 0
}

// pay charges the guest for what a host function does for it, before it is
// done. It ends the invocation when the budget is empty.
func (inv *invocation) pay(units uint64) {
	inv.held -= int64(min(units, math.MaxInt64/2))
	if inv.held < 0 {
		inv.refill()
	}
}

// refill adds slices to what the guest holds until that is not negative, or
// ends the invocation. It is where a guest that computes comes by now and then,
// so others get a turn and its end is noticed here.
func (inv *invocation) refill() {
	if inv.memory != nil {
		inv.memory.Unwatch() // a goroutine that is bound to a thread gives way slowly
	}
	runtime.Gosched()
	inv.mustGoOn()
	for inv.held < 0 {
		got := inv.budget.take(max(fuelSlice, uint64(-inv.held)))
		if got == 0 {
			inv.held = 0
			inv.end(&Exhausted{What: whatFuel, Limit: int64(inv.budget.limit), Unit: "units"})
		}
		inv.held += int64(got)
	}
}

// refillGuest is the import that rewritten modules call when they have no fuel.
func refillGuest(ctx context.Context, _ api.Module, _ []uint64) {
	inv := invocationOf(ctx)
	inv.load()
	defer inv.store()
	inv.refill()
}

// fuelSchedule names all prices, for the execution profile.
func fuelSchedule() string {
	return fmt.Sprint("fuel ", initFuel, fuelSlice, fuelHostCall, fuelRead, fuelWrite, fuelOpen, fuelRecord, fuelBlock, fuelNested, fuelChunk)
}
