package wasm

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// compileWorkers bounds the processors that one compilation takes.
const compileWorkers = 2

// CompileIntoCache compiles a module that was made ready for the engine and
// leaves the machine code in the cache directory, where a Runtime over that
// directory finds it. It is what a child process runs that compiles in place of
// the peer, see Config.Compile.
//
// The compiler looks at ctx only now and then: a deadline has to be enforced
// from outside, by ending the process.
func CompileIntoCache(ctx context.Context, cacheDir string, metered []byte) error {
	cache, err := openCache(cacheDir)
	if err != nil {
		return err
	}
	engine := wazero.NewRuntimeWithConfig(ctx, engineConfig(cache))
	compiled, err := compileModule(ctx, engine, metered)
	if err == nil {
		err = compiled.Close(ctx)
	}
	return errors.Join(err, engine.Close(ctx), cache.Close(ctx))
}

func openCache(dir string) (wazero.CompilationCache, error) {
	if err := privateDir(dir); err != nil {
		return nil, fmt.Errorf("compiled code cache: %w", err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("compiled code cache in %s: %w", dir, err)
	}
	return cache, nil
}

// engineConfig decides the machine code, so it is the same wherever modules are
// compiled. The engine's limit of memory is left where it is: the memory that
// instances are given has the right one.
func engineConfig(cache wazero.CompilationCache) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(features).
		WithCompilationCache(cache).
		WithDebugInfoEnabled(false).
		// Rewritten modules end themselves when they are out of fuel. The
		// engine's own way costs them six times as much, and misses recursion.
		WithCloseOnContextDone(false)
}

func compileModule(ctx context.Context, engine wazero.Runtime, code []byte) (wazero.CompiledModule, error) {
	ctx = experimental.WithCompilationWorkers(ctx, min(compileWorkers, runtime.GOMAXPROCS(0)))
	compiled, err := engine.CompileModule(ctx, code)
	if err != nil {
		return nil, fmt.Errorf("not valid WebAssembly of the features chaincode may use: %w", err)
	}
	return compiled, nil
}
