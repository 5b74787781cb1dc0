package ident

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"sync"
)

// maxMemo is how many good signatures a Memo remembers, at about 60 bytes each;
// the newest half of them always. That are those of ten thousand transactions,
// which is far more than lie between endorsement and commit.
const maxMemo = 1 << 16

// Memo remembers good signatures, and only those: a failure is judged anew each
// time. A hit proves the same key, message and signature, so it holds whatever
// the config. It also keeps what makes the checks of busy keys faster. It is safe
// for concurrent use; nil remembers nothing.
type Memo struct {
	keys *multiples

	// What is used moves to young; when that is full it becomes old, and what
	// nobody used meanwhile is forgotten. The collector finds no pointer in them.
	mu         sync.Mutex
	young, old map[[32]byte]struct{}
}

// NewMemo makes an empty Memo.
func NewMemo() *Memo {
	return &Memo{keys: newMultiples(), young: map[[32]byte]struct{}{}, old: map[[32]byte]struct{}{}}
}

// table of a key, or nil.
func (m *Memo) table(hash [32]byte, pub *ecdsa.PublicKey) *table {
	if m == nil {
		return nil
	}
	return m.keys.of(hash, pub)
}

func memoKey(keyHash, digest [32]byte, sig []byte) [32]byte {
	var b [64 + maxMemoBytes]byte
	copy(b[:32], keyHash[:])
	copy(b[32:64], digest[:])
	return sha256.Sum256(b[:64+copy(b[64:], sig)])
}

func (m *Memo) has(key [32]byte) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.young[key]; ok {
		return true
	}
	if _, ok := m.old[key]; !ok {
		return false
	}
	delete(m.old, key)
	m.put(key)
	return true
}

func (m *Memo) add(key [32]byte) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key)
}

// put notes a use. The caller holds mu.
func (m *Memo) put(key [32]byte) {
	if len(m.young) >= maxMemo/2 {
		m.young, m.old = m.old, m.young
		clear(m.young)
	}
	m.young[key] = struct{}{}
}
