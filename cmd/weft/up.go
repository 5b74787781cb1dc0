package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

type upFlags struct {
	peers, offset int
	detach        bool
	weftd         string
}

func upCommand(o *options) *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a network on this machine, making it first if there is none",
		Long: `Starts a network of three orderers and the peers of Org1, Org2 and Org3, each a
process of its own, in the folder that --dir names. If there is none it is made:
identities, configuration, and the channel channel1 of Org1 and Org2. A network
that was stopped is started again with its data; one that runs is left alone.

It stays in the foreground and stops the network on Ctrl-C; with --detach it
returns when the orderers of channel1 have a leader and its members have joined.

Client ports: orderers 7050, 8050, 9050; peer0 and peer1 of Org1 7051 and 8051,
of Org2 9051 and 10051, of Org3 11051 and 12051; further peers of an
organisation ten above the peer two before them (peer2.org1 7061, peer3.org1
8061). Admin ports of orderers are the client port + 3, libp2p ports + 1000,
operations ports + 2000. Since some of these numbers are equal, libp2p listens on
127.0.0.2 and operations on 127.0.0.3, or on macOS on ::1 and fe80::1%lo0.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var want *devnet.Topology
			if cmd.Flags().Changed("peers") && f.peers < 1 {
				return usagef("--peers %d: it is at least 1", f.peers)
			}
			if cmd.Flags().Changed("peers") || cmd.Flags().Changed("port-offset") {
				want = &devnet.Topology{Peers: f.peers, PortOffset: f.offset}
			}
			return up(cmd.Context(), o, f, want)
		},
	}
	cmd.Flags().IntVar(&f.peers, "peers", 0, "peers of every organisation (default 2 of Org1, 1 of Org2 and Org3)")
	cmd.Flags().IntVar(&f.offset, "port-offset", 0, "added to every port")
	cmd.Flags().BoolVar(&f.detach, "detach", false, "return when the network is ready, and leave it running")
	cmd.Flags().StringVar(&f.weftd, "weftd", "", "the node daemon (default: $WEFTD, beside weft, in PATH)")
	return cmd
}

func up(ctx context.Context, o *options, f upFlags, want *devnet.Topology) error {
	began := time.Now()
	show := newProgress(o.stderr)
	defer show.end()
	if err := devnet.CheckWeftd(f.weftd); err != nil {
		return err // before anything is made
	}
	n, _, err := devnet.Prepare(o.dir, want, show.report)
	if err != nil {
		return err
	}
	started, err := n.Up(ctx, devnet.UpOptions{Weftd: f.weftd, Attached: !f.detach, Report: show.report})
	show.end()
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted: the nodes that were started are stopped again")
		}
		return err
	}
	if err := o.describe(ctx, n, started, time.Since(began)); err != nil {
		return err
	}
	if f.detach || started == 0 {
		return nil
	}
	return foreground(ctx, o, n)
}

// foreground stays until Ctrl-C, or until no node that was started is left.
func foreground(ctx context.Context, o *options, n *devnet.Network) error {
	_, _ = fmt.Fprintln(o.stderr, "\nCtrl-C stops the network.")
	var failed error
	n.Watch(ctx, func(e *devnet.EndedError) {
		if e.Reason != "" {
			failed = errors.New("every node has ended")
			_, _ = fmt.Fprintf(o.stderr, "%s\n\"%s\" in another terminal starts it again.\n", e, o.example("up --detach"))
		} else {
			_, _ = fmt.Fprintf(o.stderr, "%s was stopped\n", e.Node)
		}
	})
	if ctx.Err() == nil {
		return failed
	}
	_, _ = fmt.Fprintln(o.stderr, "\nstopping the network…")
	if err := n.Stop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.stderr, "stopped; its data is kept in %s\n", o.dir)
	return nil
}

// upResult is what scripts get.
type upResult struct {
	Dir     string              `json:"dir"`
	Started int                 `json:"started"`
	Millis  int64               `json:"milliseconds"`
	Nodes   []devnet.NodeStatus `json:"nodes"`
}

func (o *options) describe(ctx context.Context, n *devnet.Network, started int, took time.Duration) error {
	if o.json() {
		return o.printJSON(upResult{Dir: n.Dir, Started: started, Millis: took.Milliseconds(), Nodes: n.Status(ctx)})
	}
	switch {
	case started == 0:
		o.printf("The network in %s is running already.\n\n", o.dir)
	default:
		o.printf("The network in %s is ready after %.1f s.\n\n", o.dir, took.Seconds())
	}
	tw := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "NODE\tORGANISATION\tCLIENTS\tOPERATIONS")
	for _, node := range n.Nodes {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\thttp://%s\n", node.Name, node.Organization().MSPID, node.Endpoint, node.Operations)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	user, err := n.UserDir("Org1", "User1")
	if err != nil {
		return err
	}
	org1, err := n.Org("Org1")
	if err != nil {
		return err
	}
	o.printf("\nCredentials are in %s/organizations. To call peer0.org1 as its user:\n", o.dir)
	o.printf("  certificate and key  %s\n  TLS CA               %s\n", o.short(user)+"/msp", o.short(n.TLSCA(org1)))
	o.printf("\nTry next:\n  %s\n  %s\n  %s\n",
		o.example("chaincode deploy --channel channel1 --name asset chaincode-examples/asset"),
		o.example("tx submit --channel channel1 --chaincode asset Create car1 Alice 1000"),
		o.example("status"))
	return nil
}
