package commit

import (
	"bytes"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/channel"
)

// Limits on what is kept of blocks that are not on the ledger yet: waiting for
// those before them, or on their way through the stages.
const (
	// Window is how many blocks ahead of the ledger are kept.
	Window = 64
	// maxPendingBytes bounds them in bytes as they came; parsed they take some
	// times that. The next block of the ledger is taken however large it is.
	maxPendingBytes = 32 << 20
	// maxRivals is how many blocks of one number are kept until their turn tells
	// which of them continues the chain. More than one exists only when orderers
	// sign two, or when a channel was made anew under its old name.
	maxRivals = 4
)

// arrival is a block that passed its check.
type arrival struct {
	block *ledger.Block
	size  int
	// under is the configuration that its signatures were checked under.
	under *channel.Config
	at    time.Time
	check time.Duration // how long the check took
}

// sizeOf is what a block is counted as: its parts that are not of fixed size.
func sizeOf(b *common.Block) int {
	n := 0
	for _, part := range [][][]byte{b.GetData().GetData(), b.GetMetadata().GetMetadata()} {
		for _, x := range part {
			n += len(x)
		}
	}
	return n
}

// pending are the blocks that are here and not on the ledger. Its user holds
// Channel.mu.
type pending struct {
	done     uint64 // blocks committed with all that follows from them, the configuration too
	byNumber map[uint64][]*arrival
	bytes    int
	changed  chan struct{} // closed and replaced at every change
}

func newPending(height uint64) pending {
	return pending{done: height, byNumber: map[uint64][]*arrival{}, changed: make(chan struct{})}
}

func (p *pending) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// room reports whether a block may be kept.
func (p *pending) room(n uint64, size int) bool {
	return n <= p.done || n-p.done < Window && p.bytes+size <= maxPendingBytes
}

// has reports whether a block is here that was good under the configuration in
// force. Of one that was checked under another, a copy with other signatures
// may be good when it is not.
func (p *pending) has(n uint64, hash []byte, conf *channel.Config) bool {
	return slices.ContainsFunc(p.byNumber[n], func(a *arrival) bool { return a.under == conf && bytes.Equal(a.block.Hash, hash) })
}

func (p *pending) add(a *arrival) {
	n := a.block.Header.Number
	p.byNumber[n] = append(p.byNumber[n], a)
	p.bytes += a.size
	p.signal()
}

// drop takes out the blocks of a number that bad says so of.
func (p *pending) drop(n uint64, bad func(*arrival) bool) {
	left := slices.DeleteFunc(p.byNumber[n], func(a *arrival) bool {
		if !bad(a) {
			return false
		}
		p.bytes -= a.size
		return true
	})
	if p.byNumber[n] = left; len(left) == 0 {
		delete(p.byNumber, n)
	}
	p.signal()
}

// commit notes that block n is on the ledger.
func (p *pending) commit(n uint64) {
	p.done = n + 1
	p.drop(n, func(*arrival) bool { return true })
}

// received is the height that the ledger has when all that is here without a
// gap is committed.
func (p *pending) received() uint64 {
	n := p.done
	for p.byNumber[n] != nil {
		n++
	}
	return n
}
