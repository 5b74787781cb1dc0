package ident

// MemoLen is how many signatures a memo holds.
func MemoLen(m *Memo) int { return m.seen.Len() }
