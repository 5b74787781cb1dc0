package wasm

import "time"

// SetCallTime is Limits.CallTime of the calls that begin from now on.
func (r *Runtime) SetCallTime(d time.Duration) { r.limits.CallTime = d }

// VerifyEveryReset has each reset compare memory with the image.
func (r *Runtime) VerifyEveryReset() { r.verifyEvery = 1 }

// Spoiled counts the instances that could not be reset, or were not equal to
// the image after it.
func (r *Runtime) Spoiled() int { return int(r.spoiled.Load()) }

// Idle counts the instances that wait for a call.
func (m *Module) Idle() int { return len(m.pool.idle) }

// NewScratch is the state that warm-up calls run on.
func NewScratch() interface {
	Stub
	KeyMetadata
	Historian
} {
	return newScratch()
}
