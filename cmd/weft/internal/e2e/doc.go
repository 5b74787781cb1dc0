// Package e2e holds no code, only tests: of real weftd and weft processes, over
// real ports and files, from the outside. They show what the demo claims as
// assertions, that wrong use gets a clear answer and leaves nothing half made,
// that Fabric's unmodified client SDK is served, and what still works while
// nodes are down.
//
// With -short nothing is built or started.
package e2e
