package meter

// RewriteEverywhere charges after every instruction instead of once for a
// stretch: what a module costs must be the same.
func RewriteEverywhere(module []byte, o Options) (*Module, error) {
	return rewrite(module, o, true)
}
