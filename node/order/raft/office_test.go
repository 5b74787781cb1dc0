package raft

import "testing"

func TestWhoeverWaitsForALeadersEndIsWoken(t *testing.T) {
	vacant := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	o := newOffice()
	if !vacant(o.whenVacant()) {
		t.Error("there is a leader before any was elected")
	}
	o.set(2)
	term := o.whenVacant()
	o.set(3) // one follows the other without a gap
	if vacant(term) || o.holder() != 3 {
		t.Errorf("vacant %v, leader %d", vacant(term), o.holder())
	}
	o.set(0)
	o.set(0)
	if !vacant(term) {
		t.Error("nobody was told that the leader is gone")
	}
	o.set(1)
	if vacant(o.whenVacant()) || !vacant(term) {
		t.Error("a new leader's term is not its own")
	}
}
