//go:build !linux

package meter_test

import "time"

var start = time.Now()

// threadTime is the time that passes: elsewhere there is no clock of a thread.
func threadTime() time.Duration { return time.Since(start) }
