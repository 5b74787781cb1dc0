package commit

import "time"

// Times tells where the time of a block went, from its arrival to its commit.
type Times struct {
	Check    time.Duration // parsing, hashes, the orderers' signatures
	Wait     time.Duration // for blocks before it, and for a free worker
	Verify   time.Duration // the signatures of creators and endorsers
	Queue    time.Duration // for the validation and the appending of blocks before it
	Validate time.Duration // duplicates, policies, reads
	Append   time.Duration // log, fsync, state: of all blocks that shared the fsync
	// Group is how many blocks shared the fsync.
	Group int
}

// Total is the time from a block's arrival to its commit.
func (t Times) Total() time.Duration {
	return t.Check + t.Wait + t.Verify + t.Queue + t.Validate + t.Append
}

// times are the moments at which a block went from one stage to the next.
type times struct {
	Times
	at, verifying, verified, validating, validated, appending time.Time
}

// begin notes that a block's signatures are being checked from now on.
func (t *times) begin(a *arrival) {
	t.Check, t.at, t.verifying = a.check, a.at, time.Now()
}

func (t *times) end() Times {
	t.Wait = t.verifying.Sub(t.at)
	t.Verify = t.verified.Sub(t.verifying)
	t.Queue = t.validating.Sub(t.verified) + t.appending.Sub(t.validated)
	t.Validate = t.validated.Sub(t.validating)
	t.Append = time.Since(t.appending)
	return t.Times
}
