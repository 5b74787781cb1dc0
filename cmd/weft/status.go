package main

import (
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/node/ops"
)

// networkStatus is what scripts get.
type networkStatus struct {
	Dir        string              `json:"dir"`
	PortOffset int                 `json:"portOffset"`
	Running    int                 `json:"running"`
	Nodes      []devnet.NodeStatus `json:"nodes"`
}

func statusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the nodes, their channels, heights and leaders",
		Long: `Shows every node of the network, and for every channel of it the height and the
beginning of the hash that tells how its state came about: members of a channel
at the same height have the same one. A star marks the orderer that leads the
channel's consensus and, of each organisation, the peer that fetches blocks from
the orderers.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := o.network()
			if err != nil {
				return err
			}
			s := networkStatus{Dir: n.Dir, PortOffset: n.PortOffset, Nodes: n.Status(cmd.Context())}
			for _, node := range s.Nodes {
				if node.State != devnet.StateStopped {
					s.Running++
				}
			}
			if o.json() {
				return o.printJSON(s)
			}
			return o.statusTable(s)
		},
	}
}

func (o *options) statusTable(s networkStatus) error {
	tw := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "NODE\tORG\tROLE\tENDPOINT\tPID\tSTATE\tCHANNEL\tHEIGHT\tCOMMIT HASH\tLEADER")
	for _, node := range s.Nodes {
		pid := "-"
		if node.PID != 0 {
			pid = strconv.Itoa(node.PID)
		}
		head := fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", node.Name, node.Org, node.Role, node.Endpoint, pid, node.State)
		for _, row := range channelRows(node.Status) {
			_, _ = fmt.Fprintf(tw, "%s\t%s\n", head, row)
			head = "\t\t\t\t\t"
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, node := range s.Nodes {
		if node.Error != "" {
			o.printf("%s: %s\n", node.Name, node.Error)
		}
		if node.Status == nil {
			continue
		}
		for _, c := range node.Status.Channels {
			if c.Error != "" {
				o.printf("%s on %s: %s\n", node.Name, c.ID, c.Error)
			}
		}
	}
	if s.Running == 0 {
		o.printf("The network is stopped; \"%s\" starts it.\n", o.example("up"))
	}
	return nil
}

// channelRows are the last four columns, one row for each channel and at least
// one.
func channelRows(s *ops.Status) []string {
	if s == nil || len(s.Channels) == 0 {
		return []string{"-\t-\t-\t"}
	}
	var rows []string
	for _, c := range s.Channels {
		hash, leader := "-", ""
		if len(c.CommitHash) >= shownHash {
			hash = fmt.Sprintf("%x", []byte(c.CommitHash[:shownHash]))
		}
		if c.Leader {
			leader = "*"
		}
		rows = append(rows, fmt.Sprintf("%s\t%d\t%s\t%s", c.ID, c.Height, hash, leader))
	}
	return rows
}

// shownHash is how many bytes of a hash the table shows: enough to compare by
// eye.
const shownHash = 6
