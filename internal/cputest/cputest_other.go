//go:build !unix

package cputest

import "time"

// Process is what this process has taken of the processors so far: unknown here, 0.
func Process() time.Duration { return 0 }
