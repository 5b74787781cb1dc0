package endorse

// depth is a little less than what a simulation takes of the stack: the
// WebAssembly engine, a host function and a read of the index lie on one another.
const depth = 16 << 10

// deepen has the goroutine's stack grow at once, while little is on it that must
// be copied, and not three or four times on the way down: a proposal mostly comes
// in a goroutine of its own, and the copies were 6 % of a peer's instructions for
// a transaction.
//
//go:noinline
func deepen() {
	var room [depth]byte
	touch(&room)
}

// touch keeps the compiler from leaving the room out.
//
//go:noinline
func touch(*[depth]byte) {}
