package order

import (
	"reflect"
	"testing"
	"time"

	"github.com/weft-network/weft/ledger/channel"
	"pgregory.net/rapid"
)

func TestCutterFollowsFabricsRules(t *testing.T) {
	limits := channel.Batch{MaxMessageCount: 3, PreferredMaxBytes: 100}
	for _, c := range []struct {
		name    string
		sizes   []uint32
		full    [][]uint32
		pending []uint32
	}{
		{"a small message waits", []uint32{10}, nil, []uint32{10}},
		{"the count makes a batch", []uint32{10, 11, 12, 13}, [][]uint32{{10, 11, 12}}, []uint32{13}},
		{"exactly the preferred size is not too large", []uint32{100}, nil, []uint32{100}},
		{"a larger one goes alone", []uint32{101}, [][]uint32{{101}}, nil},
		{"a larger one cuts what waited first", []uint32{10, 101, 12}, [][]uint32{{10}, {101}}, []uint32{12}},
		{"an overflowing one begins the next batch", []uint32{60, 41}, [][]uint32{{60}}, []uint32{41}},
		{"filling to the brim is no overflow", []uint32{60, 40}, nil, []uint32{60, 40}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cut Cutter[uint32]
			var full [][]uint32
			for _, s := range c.sizes {
				full = append(full, cut.Add(limits, s, s)...)
			}
			if !reflect.DeepEqual(full, c.full) {
				t.Errorf("full batches %v, want %v", full, c.full)
			}
			if got := cut.Cut(); !reflect.DeepEqual(got, c.pending) {
				t.Errorf("pending %v, want %v", got, c.pending)
			}
		})
	}
}

func TestCutterKeepsEveryMessageInOrderWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := channel.Batch{
			MaxMessageCount:   rapid.Uint32Range(1, 5).Draw(t, "count"),
			PreferredMaxBytes: rapid.Uint32Range(1, 100).Draw(t, "bytes"),
		}
		sizes := rapid.SliceOf(rapid.Uint32Range(0, 150)).Draw(t, "sizes")
		var cut Cutter[int]
		var batches [][]int
		for i, s := range sizes {
			batches = append(batches, cut.Add(limits, i, s)...)
		}
		if rest := cut.Cut(); rest != nil {
			batches = append(batches, rest)
		}
		next := 0
		for _, b := range batches {
			total := uint32(0)
			for _, i := range b {
				if i != next {
					t.Fatalf("message %d came where %d was due", i, next)
				}
				next++
				total += sizes[i]
			}
			if len(b) == 0 || uint32(len(b)) > limits.MaxMessageCount {
				t.Fatalf("a batch of %d messages", len(b))
			}
			if total > limits.PreferredMaxBytes && len(b) > 1 {
				t.Fatalf("a batch of %d bytes", total)
			}
		}
		if next != len(sizes) {
			t.Fatalf("%d of %d messages came out", next, len(sizes))
		}
	})
}

func TestPaceCutsAtOnceWhileThereIsRoom(t *testing.T) {
	p := Pace{Window: 2, Max: 4}
	for _, c := range []struct {
		inFlight                  int
		resting, full, late, want bool
	}{
		{0, false, false, false, true},
		{1, false, false, false, true},
		{2, false, false, false, false},
		{2, false, true, false, true},
		{3, false, false, true, true},
		{4, false, true, true, false},
		{0, true, false, false, false},
		{0, true, true, false, true},
		{0, true, false, true, true},
	} {
		if got := p.CutNow(c.inFlight, c.resting, c.full, c.late); got != c.want {
			t.Errorf("CutNow(%d, resting %v, full %v, late %v) = %v", c.inFlight, c.resting, c.full, c.late, got)
		}
	}
}

func TestThePipelineRestsAfterBlocksOfSeveralMessagesOnly(t *testing.T) {
	var p Pace
	for _, agreed := range []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond, time.Hour} {
		if p.Breath(0, agreed) != 0 || p.Breath(1, agreed) != 0 {
			t.Errorf("it rests after a lone message that took %s", agreed)
		}
		last := time.Duration(0)
		for n := 2; n < 1000; n++ {
			breath := p.Breath(n, agreed)
			if breath < last || breath == 0 || breath > slowestBreath || breath < min(agreed/agreedShare, slowestBreath) {
				t.Fatalf("breaths of %v after a block of %d messages that took %s, %v after a smaller one", breath, n, agreed, last)
			}
			last = breath
		}
	}
	if p.Breath(1000, 50*time.Millisecond) != longestBreath || p.Breath(2, 5*time.Millisecond) != breathForMessage {
		t.Error("breaths are longer though blocks do not take long")
	}
}

func TestARestEndsWhenAllAreHereOrNothingMoreComes(t *testing.T) {
	var p Pace
	for _, c := range []struct {
		why  string
		rest Rest
		want bool
	}{
		{"messages come", Rest{Taken: 3, Waiting: 5, Crowd: 9}, false},
		{"all are here", Rest{Waiting: 9, Crowd: 9}, true},
		{"more than ever are here", Rest{Waiting: 10, Crowd: 9}, true},
		{"none waits, though nothing came", Rest{Taken: 5, Silent: 5, Crowd: 9}, false},
		{"most are here and nothing came", Rest{Taken: 4, Silent: 1, Waiting: 5, Crowd: 9}, true},
		{"few are here and nothing came for a moment", Rest{Taken: 4, Silent: patience - 1, Waiting: 4, Crowd: 9}, false},
		{"few are here and nothing came for a while", Rest{Taken: 4, Silent: patience, Waiting: 4, Crowd: 9}, true},
		{"they come far apart, and nothing came for a moment", Rest{Taken: 5, Silent: 2, Waiting: 3, Crowd: 5}, false},
		{"they come far apart, and nothing came for a while", Rest{Taken: 6, Silent: 3, Waiting: 3, Crowd: 5}, true},
		{"it has been long", Rest{Taken: breaths, Waiting: 1, Crowd: 1000}, true},
		{"it has been long for nothing", Rest{Taken: breaths, Silent: breaths, Crowd: 1000}, true},
	} {
		if got := p.Rested(c.rest); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
	}
}

func TestACrowdThatHasGoneIsForgotten(t *testing.T) {
	var p Pace
	if n := p.Crowd(Rest{Silent: 1, Waiting: 3, Crowd: 200}, 4); n != 4 {
		t.Errorf("of 200, of whom 4 were left when no more came, %d are expected", n)
	}
	n := 200
	for range 20 { // a few send all the time, so that it is never silent
		n = p.Crowd(Rest{Taken: breaths, Waiting: 10, Crowd: n}, 10)
	}
	if n > 13 {
		t.Errorf("%d are expected where 10 came each time", n)
	}
}
