package wasm

// Started tells what it took to start a chaincode and to warm it up, and what
// every call begins with. It is the same on every peer of one Profile.
type Started struct {
	// ABIMajor and ABIMinor are the version of the chaincode ABI that it asks for.
	ABIMajor, ABIMinor uint32
	// Fuel was spent, of FuelLimit.
	Fuel, FuelLimit uint64
	// MemoryBytes is its linear memory, of at most MemoryLimit.
	MemoryBytes, MemoryLimit uint64
	// Globals is the number of its mutable globals, metering included.
	Globals int
}

// Started tells how the module started.
func (m *Module) Started() Started { return m.started }

// note keeps what a started instance came to.
func (inst *instance) note(budget *Budget) {
	m := inst.module
	m.started.Fuel, m.started.FuelLimit = budget.Used(), budget.Limit()
	m.started.MemoryBytes, m.started.MemoryLimit = uint64(inst.view.Size()), m.memoryLimit()
	m.started.Globals = len(inst.globals)
}
