// Package sandbox checks, rewrites and compiles chaincode out of harm's way, in
// child processes with limits. Each module is compiled once; the machine code is
// kept in a folder that a wasm.Runtime loads it from.
//
// What it promises:
//
//   - A module that takes the compiler too long, or too much memory, ends the
//     child and nothing else; the error is a *LimitError that names the limit.
//   - A module is compiled once for each engine and processor, however many
//     processes on a machine share the folder and ask at the same time.
//   - Machine code is only loaded as it was compiled: the hash of each file is
//     recorded beside it and compared each time. What does not fit is compiled
//     anew. The folder must be the user's own, mode 0700; whoever can write to
//     it as that user is not kept out.
//   - A child ends with its parent, and with the context it was asked under.
//
// A crash leaves a folder that is compiled into again, never code that is not
// whole.
package sandbox

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/weft-network/weft/wasm"
)

// Limits of compiling one module; zero fields take the defaults.
type Limits struct {
	// CPU is processor time, in whole seconds.
	CPU time.Duration
	// Memory is what the child may have of its own, in bytes.
	Memory int64
	// Wall bounds a child that gets no processor, on a machine that has better
	// things to do.
	Wall time.Duration
}

// DefaultLimits are what the largest chaincode that is known takes, with room:
// 23 MB of contract-API code compile in 10 to 12 s of processor time, of which
// a machine under load makes 26, and in 420 MiB.
func DefaultLimits() Limits {
	return Limits{CPU: 60 * time.Second, Memory: 1 << 30, Wall: 5 * time.Minute}
}

// The bounds of limits: with less, the compiler does not even start; with more,
// they are none.
const (
	minCPU, maxCPU       = time.Second, time.Hour
	minMemory, maxMemory = 64 << 20, 64 << 30
	minWall, maxWall     = time.Second, 24 * time.Hour
)

// Validate says what is out of bounds. Zero, which stands for the default, is
// always right.
func (l Limits) Validate() error {
	var errs []error
	if l.CPU != 0 && (l.CPU < minCPU || l.CPU > maxCPU) {
		errs = append(errs, fmt.Errorf("cpu is %s; it is %s to %s", l.CPU, minCPU, maxCPU))
	}
	if l.Memory != 0 && (l.Memory < minMemory || l.Memory > maxMemory) {
		errs = append(errs, fmt.Errorf("memory is %d bytes; it is %d to %d", l.Memory, minMemory, int64(maxMemory)))
	}
	if l.Wall != 0 && (l.Wall < minWall || l.Wall > maxWall) {
		errs = append(errs, fmt.Errorf("timeout is %s; it is %s to %s", l.Wall, minWall, maxWall))
	}
	return errors.Join(errs...)
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.CPU == 0 {
		l.CPU = d.CPU
	}
	if l.Memory == 0 {
		l.Memory = d.Memory
	}
	if l.Wall == 0 {
		l.Wall = d.Wall
	}
	return l
}

// Config of a Compiler.
type Config struct {
	// Dir is the folder of machine code, that of wasm.Config.CacheDir.
	Dir string
	// Program is the executable, and its arguments, that ends in Serve: that of
	// this process, see Self. Without it modules are compiled in this process,
	// without limits.
	Program []string
	Limits  Limits
	// Busy tells, when a module is about to be compiled, whether this process
	// has work that should not be disturbed: the compiler takes one processor at
	// the lowest priority then, and two at a lower one otherwise. Nil means never.
	Busy func() bool
	// Began is told, with the context of Compile, when a module is not in the
	// folder and begins to be compiled. Optional.
	Began func(ctx context.Context)
	Log   *slog.Logger
}

// Compiler compiles into a folder. It is safe for concurrent use, and so is the
// folder for several processes.
type Compiler struct {
	cfg Config
	// engine names the version of the engine, the processor and the options
	// that machine code is for.
	engine fingerprint
	// started is told of each child, for tests.
	started func(pid int)
}

// New makes a compiler. It makes the folder if there is none and refuses one
// that others can reach.
func New(cfg Config) (*Compiler, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Began == nil {
		cfg.Began = func(context.Context) {}
	}
	if err := wasm.CheckCacheDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("compiled code cache: %w", err)
	}
	engine, err := probe(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("compiled code cache in %s: %w", cfg.Dir, err)
	}
	if cfg.Program == nil {
		cfg.Log.Info("chaincode is compiled in this process, without limits")
	} else if !memoryLimited {
		cfg.Log.Warn("this system does not limit the memory of a process: compiling chaincode is limited in time only")
	}
	return &Compiler{cfg: cfg, engine: engine, started: func(int) {}}, nil
}

// Compile leaves the machine code of a module, as the engine is given it, in
// the folder, unless it is there already. It is what wasm.Config.Compile wants.
//
// The error is a *LimitError for a module that is too much to compile, and
// ctx's when that ended first.
func (c *Compiler) Compile(ctx context.Context, module []byte) error {
	if err := wasm.CheckCacheDir(c.cfg.Dir); err != nil {
		return fmt.Errorf("compiled code cache: %w", err)
	}
	e := c.entry(module)
	unlock, err := e.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	switch err := e.verify(); {
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		c.cfg.Log.Warn("compiled chaincode was damaged or changed on disk and is compiled again", "folder", c.cfg.Dir, "why", err)
		if err := e.forget(); err != nil {
			return err
		}
	}
	if err := c.fill(ctx, e, module); err != nil {
		return fmt.Errorf("compile chaincode: %w", err)
	}
	return nil
}

// fill compiles into a folder aside, moves the file where the engine looks for
// it and writes the record last: without it the file counts for nothing.
func (c *Compiler) fill(ctx context.Context, e *entry, module []byte) error {
	aside := e.path + ".new" // ours while e is locked
	if err := errors.Join(os.RemoveAll(aside), os.Mkdir(aside, 0o700)); err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	c.cfg.Began(ctx)
	began := time.Now()
	made, used, err := c.run(ctx, aside, module)
	if err != nil {
		return err
	}
	if err := e.keep(aside, made); err != nil {
		return err
	}
	c.cfg.Log.Info("chaincode compiled", "module", hex.EncodeToString(e.module[:6]), "bytes", len(module),
		"took", time.Since(began).Round(time.Millisecond), "processor", used.Round(time.Millisecond))
	return nil
}

// How far compiling gives way to others: much where they serve, little where
// nothing may be going on but this, on a machine that is busy with other things.
const (
	someNice = 5
	mostNice = 19
)

// run compiles into dir and returns what is to be recorded of it, and the
// processor time that it took, as far as known.
func (c *Compiler) run(ctx context.Context, dir string, module []byte) (record, time.Duration, error) {
	if c.cfg.Program == nil {
		made, err := compileInto(ctx, dir, module)
		return made, 0, err
	}
	workers, nice := 2, someNice
	if c.cfg.Busy != nil && c.cfg.Busy() {
		workers, nice = 1, mostNice
	}
	raw, used, err := c.child(ctx, compileTask(dir), module, workers, nice)
	if err != nil {
		return record{}, used, err
	}
	var made record
	if err := json.Unmarshal(raw, &made); err != nil {
		return record{}, used, fmt.Errorf("the compiler's word of what it left: %w", err)
	}
	return made, used, nil
}

// child has a child do a task on a module and returns what it made, and the
// processor time that it took.
func (c *Compiler) child(ctx context.Context, do task, module []byte, workers, nice int) ([]byte, time.Duration, error) {
	wall, cancel := context.WithTimeoutCause(ctx, c.cfg.Limits.Wall, &LimitError{What: "time", Limit: c.cfg.Limits.Wall.String()})
	defer cancel()
	ch := child{program: c.cfg.Program, task: do, limits: c.cfg.Limits, workers: workers, nice: nice, started: c.started}
	return ch.run(wall, module)
}

// LimitError says that a module takes more to compile than this peer allows.
type LimitError struct {
	What  string // processor time, memory or time
	Limit string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("it took more than %s of %s, which is this peer's limit for compiling a module: make its functions smaller, or have the peer's operator raise peer.compile", e.Limit, e.What)
}
