// Command cpu is a guest that only computes, for the benchmark of what metering
// costs.
package main

import (
	"crypto/sha256"
	"slices"
	"strconv"
)

var table [1024]int32

//go:wasmexport array
func array(n int32) (s int32) {
	for range n {
		for i := range table {
			if table[i]&1 == 0 {
				table[i] += int32(i)
			} else {
				table[i] = table[i]*3 + 1
			}
			s += table[i]
		}
	}
	return s
}

//go:wasmexport sieve
func sieve(n int32) (primes int32) {
	composite := make([]bool, n)
	for i := 2; i < len(composite); i++ {
		if composite[i] {
			continue
		}
		primes++
		for j := i * 2; j < len(composite); j += i {
			composite[j] = true
		}
	}
	return primes
}

//go:wasmexport fib
func fib(n int32) int32 {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

//go:wasmexport sha
func sha(n int32) int32 {
	b := make([]byte, 64)
	for range n {
		h := sha256.Sum256(b)
		copy(b, h[:])
	}
	return int32(b[0])
}

//go:wasmexport sort
func sort(n int32) int32 {
	list := make([]uint32, n)
	for i := range list {
		list[i] = uint32(i) * 2654435761
	}
	slices.SortFunc(list, func(a, b uint32) int { return int(int64(a) - int64(b)) })
	return int32(list[0])
}

//go:wasmexport words
func words(n int32) int32 {
	seen := map[string]int{}
	for i := range int(n) {
		seen[strconv.Itoa(i*i%97)]++
	}
	return int32(len(seen))
}

func main() {}
