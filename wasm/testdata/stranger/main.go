// Command stranger is chaincode that tries to leave something behind for the
// next call, to find what another has left, and to see what machine it is on.
package main

import (
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/weft-network/weft/wasm/guest"
)

// Where a canary can sit: data, heap, a pool, a goroutine's stack, a timer.
var (
	word  string
	list  []string
	table = map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6", "g": "7", "h": "8"}
	pool  sync.Pool
	hands = make(chan string)
	late  = make(chan string, 1)
)

func main() { guest.Register(run) }

func run(tx *guest.Tx) ([]byte, error) {
	args := tx.Args()
	switch string(args[0]) {
	case "plant":
		return nil, plant(string(args[1]))
	case "both":
		err := plant(string(args[1]))
		return []byte(look()), err
	case "look":
		return []byte(look()), nil
	case "world":
		return []byte(world(tx)), nil
	}
	return nil, fmt.Errorf("there is no function %s", args[0])
}

func plant(canary string) error {
	word = canary
	list = append(list, canary)
	table[canary] = canary
	pool.Put(&canary)
	go func() { hands <- canary }()
	go func() { time.Sleep(time.Nanosecond); late <- canary }()
	time.AfterFunc(time.Hour, func() { word = canary })
	_ = os.Setenv("CANARY", canary)
	return nil
}

// look answers every canary that is found.
func look() string {
	found := []string{word, strings.Join(list, ""), os.Getenv("CANARY")}
	if len(table) != 8 {
		found = append(found, fmt.Sprint(table))
	}
	if v, ok := pool.Get().(*string); ok {
		found = append(found, *v)
	}
	time.Sleep(2 * time.Hour) // gives goroutines and timers their turn
	for range 2 {
		select {
		case v := <-hands:
			found = append(found, v)
		case v := <-late:
			found = append(found, v)
		default:
		}
	}
	return strings.Join(append(found, word), "")
}

// world is what differs between two runs or two machines elsewhere.
func world(tx *guest.Tx) string {
	var out strings.Builder
	for k := range table {
		out.WriteString(k)
	}
	literal := map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9}
	for k := range literal {
		fmt.Fprint(&out, k)
	}
	var secret [16]byte
	_, _ = crand.Read(secret[:])
	fmt.Fprintf(&out, " %d %s %p %p\n", rand.Int63(), hex.EncodeToString(secret[:]), &secret, &out)
	races(&out)
	floats(&out)
	fmt.Fprintln(&out, tx.ID(), time.Now().UTC(), os.Environ(), len(os.Args))
	start := time.Now()
	time.Sleep(50 * time.Millisecond)
	fmt.Fprintln(&out, time.Since(start), time.Now().UnixNano())
	return out.String()
}

// races have no winner by the language's rules.
func races(out *strings.Builder) {
	a, b := make(chan int, 30), make(chan int, 30)
	for i := range 30 {
		a <- i
		b <- i
	}
	for range 30 {
		select {
		case <-a:
			out.WriteByte('a')
		case <-b:
			out.WriteByte('b')
		}
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			time.Sleep(time.Duration(i*7%5) * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprint(out, i)
		})
	}
	group.Wait()
}

// floats show the bits of NaNs, and conversions out of range.
func floats(out *strings.Builder) {
	zero, infinite := 0.0, math.Inf(1)
	if len(table) > 100 { // keeps the compiler from knowing better
		zero, infinite = 1, 1
	}
	for _, f := range []float64{zero / zero, -(zero / zero), infinite - infinite, zero * infinite,
		math.Sqrt(zero - 1), math.Max(zero/zero, 1), math.Floor(zero / zero), math.Float64frombits(0x7ff0000000000001) + zero} {
		fmt.Fprintf(out, "%x %x %d %d ", math.Float64bits(f), math.Float32bits(float32(f)), int64(f), uint32(int64(f)))
	}
	fmt.Fprintln(out, int64(infinite), int32(int64(infinite)), uint64(zero-1))
}
