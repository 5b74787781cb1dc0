package meter

import "errors"

// Rewrite makes a metered module of one that check.Module has let through. It
// answers an error for any other; it never panics.
func Rewrite(code []byte, o Options) (*Module, error) {
	return nil, errors.New("not written yet")
}
