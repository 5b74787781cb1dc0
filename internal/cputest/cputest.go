// Package cputest tells benchmarks what they take of the processors: on a busy
// machine that means something where the time that passes does not.
package cputest
