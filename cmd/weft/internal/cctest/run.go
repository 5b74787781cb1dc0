package cctest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/wasm"
)

// errorThreshold is the status from which an answer is a failure, which no peer
// endorses.
const errorThreshold = 400

// StepResult is what one step came to.
type StepResult struct {
	// Number counts from 1, as golden files do.
	Number int    `json:"step"`
	Name   string `json:"name,omitempty"`
	Call   string `json:"call"`
	Status int32  `json:"status"`
	// Error is what the host said when it ended the call; there is no answer then.
	Error string        `json:"error,omitempty"`
	Took  time.Duration `json:"nanoseconds"`
	Fuel  uint64        `json:"fuel"`
	// Wrong says what was not as expected.
	Wrong []string `json:"wrong,omitempty"`

	transcript []string
	payload    []byte
}

// Result is what a suite came to.
type Result struct {
	File  string       `json:"file"`
	Steps []StepResult `json:"steps"`
	// Golden is the golden file; empty if there is none.
	Golden string `json:"golden,omitempty"`
	// Updated says that it was written anew.
	Updated bool `json:"updated,omitempty"`
	// Wrong is what is wrong with the file as a whole.
	Wrong []string `json:"wrong,omitempty"`
}

// Failed counts the steps that are not as expected.
func (r *Result) Failed() (n int) {
	for _, s := range r.Steps {
		if len(s.Wrong) > 0 {
			n++
		}
	}
	return n
}

// OK reports whether everything was as expected.
func (r *Result) OK() bool { return r.Failed() == 0 && len(r.Wrong) == 0 }

// packageID is that of every chaincode under test. A real one seeds the random
// numbers of a chaincode's start, and changes with each build.
var packageID = "test:" + strings.Repeat("0", 2*sha256.Size)

// Run makes the calls of a suite, compares what they answer with what the suite
// expects and with the golden file, and with update writes that anew. An error
// is trouble with the test; what the chaincode did wrong is in the Result.
func Run(ctx context.Context, b *Bench, s *Suite, update bool) (*Result, error) {
	r, err := newRunner(b.Module, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Chaincodes)) {
		path := s.Chaincodes[name]
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(s.file), path)
		}
		if r.others[name], err = b.other(ctx, path); err != nil {
			return nil, fmt.Errorf("%s: chaincode %s: %w", s.file, name, err)
		}
	}
	result := &Result{File: s.file}
	for i := range s.Steps {
		step, err := r.step(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("%s, step %d: %w", s.file, i+1, err)
		}
		result.Steps = append(result.Steps, *step)
	}
	return result, result.golden(update)
}

type runner struct {
	suite      *Suite
	module     *wasm.Module
	state      *memory
	others     map[string]*wasm.Module
	identities map[string][]byte
}

func newRunner(m *wasm.Module, s *Suite) (*runner, error) {
	identities, err := s.identities()
	if err != nil {
		return nil, err
	}
	r := &runner{suite: s, module: m, state: newMemory(), others: map[string]*wasm.Module{}, identities: identities}
	for key, value := range s.State {
		r.state.put(s.Chaincode, key, state.Modification{
			TxID: txID(s.Chaincode, 0), Timestamp: timestamppb.New(s.Start), Value: value, Delete: len(value) == 0,
		})
	}
	return r, nil
}

// step makes one call, the i-th.
func (r *runner) step(ctx context.Context, i int) (*StepResult, error) {
	step := &r.suite.Steps[i]
	s := sim.New(r.state)
	began := time.Now()
	call, module := r.call(step, i), r.module
	if step.Chaincode != "" {
		module = r.others[step.Chaincode]
	}
	answer, err := module.Invoke(ctx, call, r.stub(s, call))
	out := &StepResult{Number: i + 1, Name: step.Name, Call: step.line(), Took: time.Since(began)}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		if !blamesChaincode(err) {
			return nil, err
		}
		out.Error, out.Fuel = err.Error(), fuelOf(err)
		out.transcript = []string{"error " + inline(out.Error)}
		out.Wrong = step.Expect.compareError(err)
		return out, nil
	}
	out.Status, out.Fuel, out.payload = answer.Status, answer.FuelUsed, answer.Payload
	out.Wrong = step.Expect.compare(answer)
	set, err := s.Results()
	if err != nil {
		return nil, err
	}
	out.transcript, err = transcript(answer, set, call.Chaincode)
	if err == nil && answer.Status < errorThreshold && !step.Query {
		err = r.commit(set, i, call)
	}
	return out, err
}

// commit applies the writes. The version of a key is the step that wrote it.
func (r *runner) commit(raw []byte, i int, call *wasm.Call) error {
	set, err := ledger.ParseRWSet(raw)
	if err != nil {
		return err
	}
	return r.state.commit(set, uint64(i+1), call)
}

// blamesChaincode tells what ends a call on every peer from trouble of this
// machine.
func blamesChaincode(err error) bool {
	var (
		trap      *wasm.Trap
		exhausted *wasm.Exhausted
		timeout   *wasm.Timeout
	)
	return errors.As(err, &trap) || errors.As(err, &exhausted) || errors.As(err, &timeout) || errors.Is(err, sim.ErrRefused)
}

// fuelOf answers what a call that was ended had spent.
func fuelOf(err error) uint64 {
	var trap *wasm.Trap
	if errors.As(err, &trap) {
		return trap.FuelUsed
	}
	var exhausted *wasm.Exhausted
	if errors.As(err, &exhausted) {
		return exhausted.FuelUsed
	}
	return 0
}

func (r *runner) call(step *Step, i int) *wasm.Call {
	call := &wasm.Call{
		TxID: txID(r.suite.Chaincode, i+1), Channel: r.suite.Channel, Chaincode: cmp.Or(step.Chaincode, r.suite.Chaincode),
		Seconds: step.Time.Unix(), Nanos: int32(step.Time.Nanosecond()),
		Creator: r.identities[step.Creator], MSPID: r.suite.MSP, Init: step.Init,
	}
	if step.Call != "" {
		call.Args = append(call.Args, []byte(step.Call))
	}
	for _, arg := range step.Args {
		call.Args = append(call.Args, arg)
	}
	if len(step.Transient) > 0 {
		call.Transient = make(map[string][]byte, len(step.Transient))
		for name, value := range step.Transient {
			call.Transient[name] = value
		}
	}
	return call
}

// txID is the transaction id of a step, the same in every run.
func txID(chaincode string, step int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s, step %d", chaincode, step))
	return hex.EncodeToString(sum[:])
}

// line is the call on one line.
func (s *Step) line() string {
	var words []string
	if s.Chaincode != "" {
		words = append(words, word(s.Chaincode)+":")
	}
	if s.Init {
		words = append(words, "init")
	}
	if s.Call != "" {
		words = append(words, word(s.Call))
	}
	for _, arg := range s.Args {
		words = append(words, word(arg))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// Call makes one call on an empty state.
func Call(ctx context.Context, m *wasm.Module, function string, args ...string) (*StepResult, error) {
	step := Step{Call: function}
	for _, arg := range args {
		step.Args = append(step.Args, Value(arg))
	}
	return single(ctx, m, step)
}

// single makes one step on an empty state. Nothing is expected of it.
func single(ctx context.Context, m *wasm.Module, step Step) (*StepResult, error) {
	s := &Suite{Chaincode: "chaincode", Steps: []Step{step}}
	s.complete()
	r, err := newRunner(m, s)
	if err != nil {
		return nil, err
	}
	out, err := r.step(ctx, 0)
	if err == nil {
		out.Wrong = nil
	}
	return out, err
}

// Transcript tells in words what the step answered, read and wrote.
func (s *StepResult) Transcript() []string { return s.transcript }
