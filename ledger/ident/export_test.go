package ident

// MemoLen is how many signatures a memo holds.
func MemoLen(m *Memo) int { return len(m.young) + len(m.old) }

// MaxMemo is how many it may hold.
const MaxMemo = maxMemo
