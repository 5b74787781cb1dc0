package sandbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Command is the argument that tells a program to call Serve.
const Command = "compile-module"

// Self is the running executable, as Config.Program: one that calls Serve when
// its first argument is Command. It stays the right one when the file is
// replaced by another version.
func Self() []string {
	if runtime.GOOS == "linux" {
		return []string{"/proc/self/exe", Command}
	}
	path, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{path, Command}
}

const (
	// pipeDelay is how long the pipes of a dead child may stay open. Nobody else
	// holds them: what takes time is to read what is left in them, on a machine
	// with much other work.
	pipeDelay = 30 * time.Second
	// gcShare of the memory limit is where the garbage collector begins to work
	// harder, in percent: the rest is machine code and what cannot be freed.
	gcShare = 75
)

// child is one piece of work on a module in a process of its own.
type child struct {
	program []string
	task    task
	limits  Limits
	workers int
	nice    int
	started func(pid int)
}

// run has the child do its task on the module. It returns what follows the
// verdict, and the processor time that it took.
func (ch *child) run(ctx context.Context, module []byte) ([]byte, time.Duration, error) {
	out, words := &reply{most: ch.task.most}, &head{limit: lastWords}
	cmd := ch.command(ctx, out, words)
	err := ch.attend(cmd, module)
	switch {
	case cmd.ProcessState == nil && ctx.Err() != nil:
		return nil, 0, context.Cause(ctx) // it was never started
	case cmd.ProcessState == nil:
		return nil, 0, fmt.Errorf("start a process of %s: %w", ch.program[0], err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	switch {
	case out.whole():
		return out.made, used, nil
	case ctx.Err() != nil:
		return nil, used, context.Cause(ctx)
	}
	return nil, used, ch.explain(out.verdict, err, used, words.String())
}

// command has nothing of this process in it but three pipes.
func (ch *child) command(ctx context.Context, out, words io.Writer) *exec.Cmd {
	args := append(slices.Clone(ch.program[1:]),
		strconv.FormatInt(seconds(ch.limits.CPU), 10), strconv.FormatInt(ch.limits.Memory, 10), strconv.Itoa(ch.nice))
	args = append(args, ch.task.args...)
	cmd := exec.CommandContext(ctx, ch.program[0], args...)
	cmd.Dir = string(filepath.Separator)
	cmd.Env = []string{
		"GOMAXPROCS=" + strconv.Itoa(min(ch.workers, runtime.NumCPU())),
		"GOMEMLIMIT=" + strconv.FormatInt(ch.limits.Memory/100*gcShare, 10),
		"GOTRACEBACK=none",
	}
	cmd.Stdout, cmd.Stderr = out, words
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = pipeDelay
	return cmd
}

// attend starts the child, gives it the module and waits for its end. All that
// is done in one thread: on Linux a child is told of the end of the thread that
// started it, which must not come before its own.
func (ch *child) attend(cmd *exec.Cmd, module []byte) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin = r
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		keepFiles()
		err := cmd.Start()
		_ = r.Close() // the child has its own; a write without a reader then fails
		if err != nil {
			done <- err
			return
		}
		ch.started(cmd.Process.Pid)
		go feed(w, module)
		done <- cmd.Wait()
	}()
	err = <-done
	// The pipe is open until here: its end tells a child that nobody waits.
	_ = w.Close()
	return err
}

// feed writes the module behind its size. A child that dies meanwhile says why
// by how it ends.
func feed(w io.Writer, module []byte) {
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(module)))); err == nil {
		_, _ = w.Write(module)
	}
}

// explain makes an error of a child that gave no result.
func (ch *child) explain(v verdict, err error, used time.Duration, words string) error {
	// The system counts in ticks, so a child may die a little before its time.
	const tick = 100 * time.Millisecond
	switch {
	case v.CPU, used+tick >= time.Duration(seconds(ch.limits.CPU))*time.Second:
		return &LimitError{What: "processor time", Limit: ch.limits.CPU.String()}
	case outOfMemory(v.Error), outOfMemory(words):
		return &LimitError{What: "memory", Limit: fmt.Sprintf("%d MiB", ch.limits.Memory>>20)}
	case v.Error != "":
		return errors.New(v.Error)
	}
	words, _, _ = strings.Cut(strings.TrimSpace(words), "\n")
	if words != "" {
		words = ": " + words
	}
	return fmt.Errorf("the process that compiled it was ended before it was done (%w%s): install it again; if the machine is short of memory, that may be why", err, words)
}

// outOfMemory knows the words of Go's runtime and of the system.
func outOfMemory(words string) bool {
	for _, w := range []string{"out of memory", "cannot allocate memory", "pthread_create failed"} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
