package snapshot

// Pages that an instance has made its own stay its own, and each reset copies
// all of them. One heavy call would thus burden all later ones, in time and in
// memory, so the pages are dropped when they have become too many.
const (
	// stickyFloor is how many are never too many: 1 MiB with pages of 4 KiB,
	// copied in some 30 µs.
	stickyFloor = 256
	// stickyFactor times what a single call takes are too many. Copying a page
	// costs about a sixth of the page fault that dropping it costs the next call.
	stickyFactor = 4
	// stickyResets after which they are dropped in any case, to learn what a
	// single call takes now; spread over so many calls the faults cost nothing.
	stickyResets = 1024
)

// sticky decides when to drop an instance's own pages. What a single call takes
// is seen at the first reset after they were dropped; later counts are unions
// over many calls and would only ever grow.
type sticky struct {
	usual  int
	resets int
}

// tooMany is asked at each reset, with the number of own pages.
func (s *sticky) tooMany(pages int) bool {
	if s.resets == 0 {
		s.usual = pages
	}
	s.resets++
	if pages <= stickyFloor || pages <= stickyFactor*s.usual && s.resets < stickyResets {
		return false
	}
	s.resets = 0
	return true
}
