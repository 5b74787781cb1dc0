package sandbox

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"

	"github.com/weft-network/weft/wasm"
)

// maxModule bounds what a child reads: the rewriter makes at most a few times of
// the 32 MiB that a module may have.
const maxModule = 512 << 20

// Exit codes of Serve. A child that dies otherwise leaves no verdict.
const (
	exitDone   = 0
	exitFailed = 1
	exitAlone  = 3 // nobody waits for the result any more
)

// Serve is the child: it limits itself, reads one module from in, compiles it
// and writes a verdict to out. The arguments are those after Command. It returns
// the exit code of the process, and ends the process itself when the parent is
// gone or its processor time is over.
//
// The limits come first and the module last, so nothing of the module is looked
// at without them.
func Serve(args []string, in io.Reader, out io.Writer) int {
	answer := &answer{out: out}
	set, err := arguments(args)
	if err == nil {
		err = confine(set)
	}
	if err != nil {
		return answer.give(verdict{Error: "the compiler's limits were not set: " + err.Error()})
	}
	over := make(chan os.Signal, 1)
	signal.Notify(over, cpuSignals()...)
	go func() {
		<-over
		os.Exit(answer.give(verdict{CPU: true}))
	}()
	module, err := receive(in)
	if err != nil {
		return answer.give(verdict{Error: "read the module: " + err.Error()})
	}
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends with the parent
		os.Exit(exitAlone)
	}()
	if err := wasm.CompileIntoCache(context.Background(), set.dir, module); err != nil {
		return answer.give(verdict{Error: err.Error()})
	}
	return answer.give(verdict{Done: true})
}

// setting is what a child is told.
type setting struct {
	dir         string
	cpu, memory int64 // seconds, bytes
	nice        int
}

func arguments(args []string) (setting, error) {
	const want = 4
	if len(args) != want {
		return setting{}, errors.New(Command + " is for weftd itself: it takes a folder, seconds, bytes and a priority")
	}
	cpu, cpuErr := strconv.ParseInt(args[1], 10, 64)
	memory, memoryErr := strconv.ParseInt(args[2], 10, 64)
	nice, niceErr := strconv.Atoi(args[3])
	return setting{args[0], cpu, memory, nice}, errors.Join(cpuErr, memoryErr, niceErr)
}

func receive(in io.Reader) ([]byte, error) {
	r := bufio.NewReader(in)
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > maxModule {
		return nil, fmt.Errorf("it has %d bytes, more than %d", n, maxModule)
	}
	module, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && uint64(len(module)) < n {
		err = io.ErrUnexpectedEOF
	}
	return module, err
}

// answer writes one verdict, whoever comes first.
type answer struct {
	mu  sync.Mutex
	out io.Writer
}

// give writes v and returns the exit code for it. It keeps the lock: there is
// one verdict, and the process ends.
func (a *answer) give(v verdict) int {
	a.mu.Lock()
	if err := json.NewEncoder(a.out).Encode(v); err != nil || !v.Done {
		return exitFailed
	}
	return exitDone
}
