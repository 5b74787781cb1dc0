package sandbox

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
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

// Serve is the child: it limits itself, reads one module from in, does its task
// and writes a verdict to out, and behind it what it made. The arguments are those
// after Command. It returns the exit code of the process, and ends the process
// itself when the parent is gone or its processor time is over.
//
// The limits come first and the module last, so nothing of the module is looked
// at without them.
func Serve(args []string, in io.Reader, out io.Writer) int {
	answer := &answer{out: out}
	set, do, err := arguments(args)
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
	go insist(set.nice)
	made, err := do(module)
	if err != nil {
		return answer.give(verdict{Error: err.Error()})
	}
	return answer.give(verdict{Done: true, Bytes: len(made)}, made...)
}

// setting is what a child is limited to.
type setting struct {
	cpu, memory int64 // seconds, bytes
	nice        int
}

// work is what a child does with a module; it answers what it made.
type work func(module []byte) ([]byte, error)

func arguments(args []string) (setting, work, error) {
	const limits = 3
	if len(args) < limits {
		return setting{}, nil, errors.New(Command + " is for weftd itself: it takes seconds, bytes, a priority and a task")
	}
	cpu, cpuErr := strconv.ParseInt(args[0], 10, 64)
	memory, memoryErr := strconv.ParseInt(args[1], 10, 64)
	nice, niceErr := strconv.Atoi(args[2])
	do, err := taskOf(args[limits:])
	return setting{cpu, memory, nice}, do, errors.Join(cpuErr, memoryErr, niceErr, err)
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

// give writes v and what was made, and returns the exit code for it. It keeps the
// lock: there is one verdict, and the process ends.
func (a *answer) give(v verdict, made ...byte) int {
	a.mu.Lock()
	if err := json.NewEncoder(a.out).Encode(v); err != nil || !v.Done {
		return exitFailed
	}
	if _, err := a.out.Write(made); err != nil {
		return exitFailed
	}
	return exitDone
}
