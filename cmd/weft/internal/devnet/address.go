package devnet

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// loopback finds the addresses for the three kinds of port (see the package
// comment for why there are three): the first of each list that this machine
// has.
func loopback() (Addresses, error) {
	a := Addresses{Client: "127.0.0.1"}
	for _, kind := range []struct {
		field *string
		try   []string
	}{
		{&a.P2P, []string{"127.0.0.2", "::1"}},
		{&a.Operations, []string{"127.0.0.3", "fe80::1%lo0"}},
	} {
		for _, addr := range kind.try {
			if bindable(addr) {
				*kind.field = addr
				break
			}
		}
		if *kind.field == "" {
			return a, fmt.Errorf("this machine has none of the loopback addresses %q, and the nodes' ports do not fit on 127.0.0.1 alone: add one, on macOS for example with \"sudo ifconfig lo0 alias %s\"",
				kind.try, kind.try[0])
		}
	}
	return a, nil
}

func bindable(addr string) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// checkFree tries every port of the nodes before any of them is started. fresh
// tells that the ports are not decided yet.
func checkFree(nodes []*Node, fresh bool) error {
	var errs []error
	for _, node := range nodes {
		for _, p := range node.ports() {
			l, err := net.Listen("tcp", p.addr)
			switch {
			case err == nil:
				err = l.Close()
			case errors.Is(err, syscall.EADDRINUSE):
				err = fmt.Errorf("the %s port of %s, %s, is in use by another process", p.use, node.Name, p.addr)
			default:
				err = fmt.Errorf("the %s port of %s cannot be used: %w", p.use, node.Name, err)
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	const shown = 5 // a second network takes all of them
	if more := len(errs) - shown; more > 0 {
		errs = append(errs[:shown], fmt.Errorf("and %d more", more))
	}
	other := "make a network on other ports with --port-offset 10000"
	if !fresh {
		other += " and a --dir of its own"
	}
	return fmt.Errorf("%w\nnothing was started: stop what uses the ports (another network: weft down --dir ITS_FOLDER), or %s", errors.Join(errs...), other)
}
