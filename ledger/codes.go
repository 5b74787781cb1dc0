package ledger

// CodeBytes is the form of codes in a block: one byte for each transaction.
func CodeBytes(codes []Code) []byte {
	raw := make([]byte, len(codes))
	for i, c := range codes {
		raw[i] = byte(c)
	}
	return raw
}
