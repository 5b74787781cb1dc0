// This file is empty. A package with one of its kind may declare functions
// without a body, as field.go does for those of another package.
