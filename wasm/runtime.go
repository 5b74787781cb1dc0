package wasm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/snapshot"
	"github.com/weft-network/weft/wasm/warmup"
)

// features are what Go, Rust, C and AssemblyScript emit at default flags, and
// nothing else: no SIMD, threads, reference types, multiple values.
const features = api.CoreFeaturesV1 |
	api.CoreFeatureSignExtensionOps |
	api.CoreFeatureNonTrappingFloatToIntConversion |
	api.CoreFeatureBulkMemoryOperations

// pageBytes is a page of WebAssembly memory.
const pageBytes = 64 << 10

// depthLimit bounds how deep a guest's functions may call each other, in the
// meter's units of weight. It is what the meter says bounds the engine's stack
// to a few MiB, and the same on every machine, which that stack is not.
const depthLimit = meter.DefaultDepthLimit

// ErrClosed is answered after Close.
var ErrClosed = errors.New("wasm runtime is closed")

// Runtime compiles and runs modules. It is safe for concurrent use.
type Runtime struct {
	limits Limits
	// rewrite checks and meters; nil leaves that to this process.
	rewrite func(context.Context, []byte, meter.Options) (*meter.Module, error)
	// compile puts machine code into the cache; nil leaves that to engine.
	compile func(ctx context.Context, metered []byte) error
	log     *slog.Logger
	cache   wazero.CompilationCache
	engine  wazero.Runtime
	// slots holds a token for each call that runs.
	slots chan struct{}
	// life ends with Close, and with it all background work.
	life context.Context
	end  context.CancelFunc
	// watch is when the runtime began: time since then costs half of what a date
	// does.
	watch time.Time
	// system resets the memory of instances.
	system *snapshot.System
	// verifyEvery so many resets, memory is compared with its image; 0 is never.
	verifyEvery int
	// spoiled counts the instances that could not be reset.
	spoiled atomic.Int64

	// compiling is held while the engine compiles, or reads what is compiled: it
	// takes all processors, and shows a module to others before it is whole.
	compiling sync.Mutex

	mu      sync.Mutex // guards what follows
	modules map[string]*Module
	turns   map[string]chan struct{} // of packages being loaded; closed at the end
	closed  bool
	loads   sync.WaitGroup // all turns
	closing sync.Mutex
}

// New makes a runtime. It makes the cache directory if there is none, and
// refuses one that others may write to: what lies in it is machine code.
func New(cfg Config) (*Runtime, error) {
	cache, err := openCache(cfg.CacheDir)
	if err != nil {
		return nil, err
	}
	system, err := snapshot.Open()
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	limits := cfg.Limits.withDefaults()
	r := &Runtime{
		limits:  limits,
		rewrite: cfg.Rewrite,
		compile: cfg.Compile,
		log:     cfg.Log,
		cache:   cache,
		engine:  wazero.NewRuntimeWithConfig(life, engineConfig(cache)),
		slots:   make(chan struct{}, limits.Concurrent),
		life:    life,
		end:     end,
		watch:   time.Now(),
		system:  system,

		verifyEvery: verifyEvery,
		modules:     make(map[string]*Module),
		turns:       make(map[string]chan struct{}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if err := r.exportHosts(); err != nil {
		return nil, errors.Join(err, r.Close(life))
	}
	if err := r.selfTest(life); err != nil {
		return nil, errors.Join(fmt.Errorf("self-test of the chaincode engine: %w", err), r.Close(life))
	}
	r.log.Info("chaincode instances are reset after each call", "form", system.Form())
	return r, nil
}

// ResetForm names the way in which the memory of instances is reset.
func (r *Runtime) ResetForm() snapshot.Form { return r.system.Form() }

func (r *Runtime) exportHosts() error {
	if err := exportHost(r.life, r.engine, abi.Module, abi.Guest(), guestFunctions(), map[string]api.GoModuleFunc{meter.ImportRefill: refillGuest}); err != nil {
		return err
	}
	return exportHost(r.life, r.engine, abi.WASI, abi.Preview1(), wasiFunctions(), nil)
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		Fuel:          cmp.Or(l.Fuel, d.Fuel),
		CallDepth:     cmp.Or(l.CallDepth, d.CallDepth),
		MemoryPages:   min(cmp.Or(l.MemoryPages, d.MemoryPages), check.MaxPages),
		CallTime:      cmp.Or(l.CallTime, d.CallTime),
		ArgBytes:      cmp.Or(l.ArgBytes, d.ArgBytes),
		ResponseBytes: cmp.Or(l.ResponseBytes, d.ResponseBytes),
		EventBytes:    cmp.Or(l.EventBytes, d.EventBytes),
		WriteBytes:    cmp.Or(l.WriteBytes, d.WriteBytes),
		LogBytes:      cmp.Or(l.LogBytes, d.LogBytes),
		WriteKeys:     cmp.Or(l.WriteKeys, d.WriteKeys),
		Iterators:     cmp.Or(l.Iterators, d.Iterators),
		HostCalls:     cmp.Or(l.HostCalls, d.HostCalls),
		ScanRecords:   cmp.Or(l.ScanRecords, d.ScanRecords),
		Concurrent:    cmp.Or(l.Concurrent, d.Concurrent),
	}
}

// Rewrite refuses bytes that are not chaincode of the ABI, saying why, and makes
// of others what is given to the compiler.
func Rewrite(code []byte, o meter.Options) (*meter.Module, error) {
	if err := check.Module(code, o.MemoryPages); err != nil {
		return nil, err
	}
	return meter.Rewrite(code, o)
}

// newModule checks, rewrites and compiles the code. compile, if not nil, is the
// one that puts the machine code into the cache.
func (r *Runtime) newModule(ctx context.Context, packageID string, code []byte,
	compile func(context.Context, []byte) error) (*Module, error) {
	metered, err := r.metered(ctx, code)
	if err != nil {
		return nil, err
	}
	vectors, err := warmup.Read(code)
	if err != nil {
		return nil, err
	}
	if compile != nil {
		if err := compile(ctx, metered.Code); err != nil {
			return nil, fmt.Errorf("compile: %w", err)
		}
	}
	r.compiling.Lock()
	compiled, err := compileModule(ctx, r.engine, metered.Code)
	r.compiling.Unlock()
	// Compiling leaves several times the code's size behind as garbage. It is
	// rare, so the memory is given back at once.
	debug.FreeOSMemory()
	if err != nil {
		return nil, err
	}
	metered.Code = nil // the engine has it
	return &Module{
		runtime:   r,
		packageID: packageID,
		hash:      sha256.Sum256(code),
		compiled:  compiled,
		metered:   metered,
		warmup:    vectors,
		pool:      pool{max: r.limits.Concurrent},
		share:     make(chan struct{}, (r.limits.Concurrent+1)/2),
		log:       r.log.With("package", shortID(packageID)),
	}, nil
}

// metered is the code checked and rewritten.
func (r *Runtime) metered(ctx context.Context, code []byte) (*meter.Module, error) {
	o := meter.Options{MemoryPages: r.limits.MemoryPages, DepthLimit: depthLimit}
	if r.rewrite == nil {
		return Rewrite(code, o)
	}
	return r.rewrite(ctx, code, o)
}

// shortID keeps log lines readable: the label and the start of the hash.
func shortID(packageID string) string {
	const hashHex = 2 * sha256.Size
	if n := len(packageID); n > hashHex {
		if _, err := hex.DecodeString(packageID[n-hashHex:]); err == nil {
			return packageID[:n-hashHex+12]
		}
	}
	return packageID
}

// Close ends all calls and instances, and waits for them.
func (r *Runtime) Close(ctx context.Context) error {
	r.end()
	r.closing.Lock()
	defer r.closing.Unlock()
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if closed {
		return nil
	}
	r.loads.Wait()
	// Instances lie in memory of our own that is unmapped when they are closed,
	// so no call may be on its way then.
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	err := errors.Join(r.engine.Close(ctx), r.cache.Close(ctx))
	for _, m := range r.modules {
		m.prepared.image.Close()
	}
	return errors.Join(err, r.system.Close())
}
