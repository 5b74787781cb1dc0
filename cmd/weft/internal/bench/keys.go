package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// valueBytes is the size of what put writes.
const valueBytes = 100

// keys names what operations read and write.
type keys struct {
	run    string // unique, so that a put never meets the key of another run
	next   atomic.Uint64
	shared int
	stored bool // the shared keys are
}

func newKeys(shared int) *keys {
	return &keys{run: strconv.FormatInt(time.Now().UnixNano(), 36), shared: shared}
}

// unique names a key that nothing else has.
func (k *keys) unique() string { return k.run + "-" + strconv.FormatUint(k.next.Add(1), 10) }

func (k *keys) account(i int) string { return k.run + "-shared-" + strconv.Itoa(i) }

// pair draws two different shared keys.
func (k *keys) pair() (a, b string) {
	i := rand.IntN(k.shared)
	j := rand.IntN(k.shared - 1)
	if j >= i {
		j++
	}
	return k.account(i), k.account(j)
}

// value is a number that is written with 100 digits.
func value(n int) string { return fmt.Sprintf("%0*d", valueBytes, n) }

// request is the next call of an operation; n only makes values differ.
func (b *run) request(op Op, n int) client.Request {
	switch op {
	case Get:
		return client.NewRequest(chaincode, "get", b.keys.account(rand.IntN(b.keys.shared)))
	case Transfer:
		from, to := b.keys.pair()
		return client.NewRequest(chaincode, "transfer", from, to, "1")
	default:
		return client.NewRequest(chaincode, "put", b.keys.unique(), value(n))
	}
}
