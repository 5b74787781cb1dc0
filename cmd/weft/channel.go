package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/genesis"
)

func channelCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "channel",
		Short: "Create, join, list and inspect channels",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(channelCreate(o), channelJoin(o), channelList(o), channelInspect(o), channelGenesis(o))
	return cmd
}

func channelCreate(o *options) *cobra.Command {
	var orgs []string
	cmd := &cobra.Command{
		Use:     "create ID --orgs ORG,ORG…",
		Short:   "Form a channel of organisations of the network",
		Example: "  weft channel create channel2 --orgs Org2,Org3",
		Long: `Writes the channel's description and genesis block to DIR/channels and has the
orderers and every peer of the named organisations join. It returns when the
channel can be used. If it was interrupted, the same command completes it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := o.network()
			if err != nil {
				return err
			}
			began := time.Now()
			if err := n.CreateChannel(cmd.Context(), args[0], orgs); err != nil {
				return err
			}
			took := time.Since(began)
			if o.json() {
				return o.printJSON(struct {
					Channel string   `json:"channel"`
					Members []string `json:"members"`
					Genesis string   `json:"genesisBlock"`
					Millis  int64    `json:"milliseconds"`
				}{args[0], orgs, n.GenesisFile(args[0]), took.Milliseconds()})
			}
			o.printf("Channel %s of %s is ready after %.1f s; its genesis block is %s.\n",
				args[0], strings.Join(orgs, " and "), took.Seconds(), o.short(n.GenesisFile(args[0])))
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&orgs, "orgs", nil, "its organisations")
	must(cmd.MarkFlagRequired("orgs"))
	return cmd
}

// must is for flags named in the lines above it.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func channelJoin(o *options) *cobra.Command {
	var id, name, as string
	cmd := &cobra.Command{
		Use:   "join --channel ID --peer NAME [--as ORG]",
		Short: "Have one node join a channel of the network",
		Example: `  weft channel join --channel channel1 --peer peer1.org2
  weft channel join --channel channel1 --peer peer0.org3   # refused: Org3 is no member`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := o.network()
			if err != nil {
				return err
			}
			node, err := n.Node(name)
			if err != nil {
				return err
			}
			if err := n.Join(cmd.Context(), id, node, as); err != nil {
				return err
			}
			if o.json() {
				return o.printJSON(map[string]string{"channel": id, "node": node.Name})
			}
			o.printf("%s has joined %s.\n", node.Name, id)
			return nil
		},
	}
	cmd.Flags().StringVarP(&id, "channel", "C", "", "the channel")
	cmd.Flags().StringVar(&name, "peer", "", "the node, such as peer0.org3")
	cmd.Flags().StringVar(&as, "as", "", "the organisation whose admin asks (default: the node's)")
	must(cmd.MarkFlagRequired("channel"))
	must(cmd.MarkFlagRequired("peer"))
	return cmd
}

// channelInfo is a channel with its members and the nodes that have joined it.
type channelInfo struct {
	ID      string   `json:"id"`
	Members []string `json:"members"`
	Nodes   []string `json:"nodes"`
	Height  uint64   `json:"height"`
}

func channelList(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the network's channels, their members and who has joined",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := o.network()
			if err != nil {
				return err
			}
			list, err := channels(n, n.Status(cmd.Context()))
			if err != nil {
				return err
			}
			if o.json() {
				return o.printJSON(list)
			}
			tw := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(tw, "CHANNEL\tMEMBERS\tHEIGHT\tRUNNING NODES")
			for _, c := range list {
				_, _ = fmt.Fprintf(tw, "%s\t%s\t%d\t%s\n", c.ID, strings.Join(c.Members, ", "), c.Height, strings.Join(c.Nodes, ", "))
			}
			return tw.Flush()
		},
	}
}

func channels(n *devnet.Network, nodes []devnet.NodeStatus) ([]channelInfo, error) {
	ids, err := n.Channels()
	if err != nil {
		return nil, err
	}
	list := []channelInfo{}
	for _, id := range ids {
		members, err := n.Members(id)
		if err != nil {
			return nil, err
		}
		info := channelInfo{ID: id, Members: members, Nodes: []string{}}
		for _, node := range nodes {
			if node.Status == nil {
				continue
			}
			for _, c := range node.Status.Channels {
				if c.ID == id {
					info.Nodes = append(info.Nodes, strings.TrimSuffix(node.Name, ".example.com"))
					info.Height = max(info.Height, c.Height)
				}
			}
		}
		list = append(list, info)
	}
	return list, nil
}

func channelInspect(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "inspect ID",
		Short: "Print a channel's newest config block as JSON",
		Long: `Prints the channel's newest config block as JSON, in the form of Fabric's
configtxlator, as a peer of the channel has it. While the network is stopped it
prints the genesis block.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := o.network()
			if err != nil {
				return err
			}
			b, fromFile, err := n.ConfigBlock(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if fromFile {
				_, _ = fmt.Fprintln(o.stderr, "no peer of the channel runs: this is the genesis block")
			}
			text, err := channel.JSON(b)
			if err != nil {
				return err
			}
			_, err = o.stdout.Write(append(bytes.TrimRight(text, "\n"), '\n'))
			return err
		},
	}
}

func channelGenesis(o *options) *cobra.Command {
	var config, block string
	cmd := &cobra.Command{
		Use:     "genesis --config FILE.yaml --block FILE.block",
		Short:   "Make a channel's genesis block from one YAML file",
		Example: "  weft channel genesis --config channel1.yaml --block channel1.block",
		Long: `Makes the genesis block that a YAML file describes (weft up writes such files to
DIR/channels). The same file and certificates give the same bytes, so that
organisations can compare the hash that is printed. A file that exists is not
replaced.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := genesis.Load(config)
			if err != nil {
				return err
			}
			b, err := s.Block()
			if err != nil {
				return err
			}
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(b)
			if err != nil {
				return err
			}
			if err := writeNew(block, raw); err != nil {
				return err
			}
			if o.json() {
				return o.printJSON(map[string]string{"channel": s.Channel, "file": block, "dataHash": fmt.Sprintf("%x", b.Header.DataHash)})
			}
			o.printf("The genesis block of %s is in %s; its data hash is %x.\n", s.Channel, block, b.Header.DataHash)
			return nil
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the description (YAML)")
	cmd.Flags().StringVar(&block, "block", "", "where to write the block")
	must(cmd.MarkFlagRequired("config"))
	must(cmd.MarkFlagRequired("block"))
	return cmd
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the block: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("write the block: %w", err)
	}
	return f.Close()
}
