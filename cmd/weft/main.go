// Command weft is the client of a Weft network: it makes a network on one
// machine, forms channels, deploys chaincode and carries transactions.
//
// It ends with 0 when it did what was asked, 1 when it could not, and 2 when it
// was asked wrongly.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
