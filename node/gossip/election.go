package gossip

// candidate is a peer of one organisation: who, and whether it leads already.
type candidate struct {
	id    string
	leads bool
}

// decide tells whether self leads, given the other live peers of its
// organisation. Who leads goes on leading; of two that do, the one with the
// larger id gives way; when nobody does, the smallest id takes over. A peer
// that has not waited to hear of the others does not take over yet. Two may
// lead for a moment while news travels: blocks come twice then, no harm.
func decide(self candidate, others []candidate, waited bool) bool {
	smallest, led := true, false
	for _, o := range others {
		if o.id < self.id {
			smallest = false
		}
		if o.leads {
			led = true
			if self.leads && o.id < self.id {
				return false
			}
		}
	}
	if self.leads {
		return true
	}
	return !led && smallest && waited
}
