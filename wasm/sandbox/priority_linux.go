package sandbox

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sessionPriority is the nice value of this process's session, beside those
	// of others. A system that has none, or shares processors among containers
	// or services instead, does not mind.
	sessionPriority = "/proc/self/autogroup"
	// patience is the time between two looks at how far giving way has come.
	patience = 5 * time.Second
	// leastShare is the part of a processor, one in so many, that a child needs
	// to have its processor time before its time is over, by DefaultLimits.
	leastShare = 5
	// firmer is how much less nice a child becomes that has not even that: it
	// then gets three times as much.
	firmer = 5
)

// ofSession is how far a session gives way whose threads do so by nice. Where that
// is little it does not at all: it takes no more than its share anyway.
func ofSession(nice int) int {
	if nice <= someNice {
		return 0
	}
	return nice
}

// insist raises the priority of this process's session step by step, up to that of
// others, while the process does not get along: without that an install would
// never end on a machine that is busy all the time.
func insist(nice int) {
	for nice := ofSession(nice); nice > 0; {
		began, before := time.Now(), processorTime()
		time.Sleep(patience)
		nice = niceAfter(nice, processorTime()-before, time.Since(began))
		setSession(nice)
	}
}

// niceAfter is how far to give way after some time, part of which a processor was
// used for.
func niceAfter(nice int, used, passed time.Duration) int {
	if used*leastShare >= passed {
		return nice
	}
	return max(0, nice-firmer)
}

// setSession is a wish, of a process that has a session to itself. The system may be
// asked ten times a second by all processes together; one that comes too soon asks
// again at its next look.
func setSession(nice int) {
	if session, err := unix.Getsid(0); err != nil || session != os.Getpid() {
		return
	}
	_ = os.WriteFile(sessionPriority, []byte(strconv.Itoa(nice)), 0o600)
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
