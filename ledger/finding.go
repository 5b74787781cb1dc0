package ledger

// Finding says why a transaction is invalid. It is for people and their tools
// and never part of the ledger: peers may keep different findings of one block.
type Finding struct {
	Code Code
	// Text is a sentence without the others' details or with them, always set.
	Text string

	// Of a read conflict: the key that was read, its version then and now, nil
	// for absent. A Found in the block of the transaction itself is the write of
	// an earlier transaction of that block. Of a private key, Key is the hash in hex.
	Namespace, Collection, Key string
	Read, Found                *Version
	// Range is the query whose result changed, of a phantom. Key is then the first
	// key that differs, if it is known, with its versions.
	Range *FindingRange

	// Of an endorsement policy that does not hold: the policy in words, and the
	// MSP ids of those who endorsed and of those who would have had to as well.
	Policy          string
	Signed, Missing []string
}

// FindingRange is start ≤ key < end; an empty End has no bound.
type FindingRange struct {
	Start, End string
}
