package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/meter"
)

// What a child is told to do.
const (
	taskCompile = "compile" // into a folder
	taskRewrite = "rewrite" // with a limit of pages and of depth
)

// task is what a child is told, and how many bytes it may answer.
type task struct {
	args []string
	most int
}

func compileTask(dir string) task { return task{[]string{taskCompile, dir}, maxRecord} }

func rewriteTask(o meter.Options) task {
	number := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	return task{[]string{taskRewrite, number(o.MemoryPages), number(o.DepthLimit)}, maxModule}
}

// taskOf is the inverse of both.
func taskOf(args []string) (work, error) {
	switch {
	case len(args) == 2 && args[0] == taskCompile:
		return func(module []byte) ([]byte, error) {
			made, err := compileInto(context.Background(), args[1], module)
			if err != nil {
				return nil, err
			}
			return json.Marshal(made)
		}, nil
	case len(args) == 3 && args[0] == taskRewrite:
		pages, err := strconv.ParseUint(args[1], 10, 32)
		if err != nil {
			return nil, err
		}
		depth, err := strconv.ParseUint(args[2], 10, 32)
		if err != nil {
			return nil, err
		}
		return rewriteWith(meter.Options{MemoryPages: uint32(pages), DepthLimit: uint32(depth)}), nil
	}
	return nil, fmt.Errorf("%s has no task %q", Command, args)
}

// compileInto leaves machine code in a folder that has none, and answers the
// record of it.
func compileInto(ctx context.Context, dir string, module []byte) (record, error) {
	if err := wasm.CompileIntoCache(ctx, dir, module); err != nil {
		return record{}, err
	}
	file, err := onlyFile(dir)
	if err != nil {
		return record{}, err
	}
	return recordOf(dir, file)
}

func rewriteWith(o meter.Options) work {
	return func(module []byte) ([]byte, error) {
		m, err := wasm.Rewrite(module, o)
		if err != nil {
			return nil, err
		}
		return m.MarshalBinary()
	}
}

// hereBytes is the size up to which a module is rewritten in this process: that
// takes some 40 ms, not much more than starting another one.
const hereBytes = 1 << 20

// Rewrite does what wasm.Rewrite does, with a larger module in a child, so that
// the peer's own process has no more to do with it than to hand it over. It is
// what wasm.Config.Rewrite wants.
//
// What the child answers is believed as far as the machine code that another one
// makes of it: it is taken apart with care, and the engine validates it.
func (c *Compiler) Rewrite(ctx context.Context, module []byte, o meter.Options) (*meter.Module, error) {
	if c.cfg.Program == nil || len(module) <= hereBytes {
		return wasm.Rewrite(module, o)
	}
	raw, _, err := c.child(ctx, rewriteTask(o), module, 1, someNice)
	if err != nil {
		return nil, err
	}
	m := &meter.Module{}
	if err := m.UnmarshalBinary(raw); err != nil {
		return nil, fmt.Errorf("the process that rewrote the chaincode gave no module: %w", err)
	}
	if m.MaxPages > o.MemoryPages {
		return nil, fmt.Errorf("the process that rewrote the chaincode lets it have %d pages of memory, not %d", m.MaxPages, o.MemoryPages)
	}
	return m, nil
}
