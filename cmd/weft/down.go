package main

import (
	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

func downCommand(o *options) *cobra.Command {
	var wipe bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the network, keeping or removing its data",
		Long: `Stops every node of the network: each is asked to end and, if it has not after
ten seconds, killed. The data stays, for the next "weft up", unless --wipe
removes the network's folder. A network that is stopped, or not there, is fine.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Stopping half is worse than a moment more: Ctrl-C kills nodes that
			// take long, and does not leave them running.
			found, err := devnet.Down(cmd.Context(), o.dir, wipe)
			if err != nil {
				return err
			}
			return o.reportDown(found, wipe)
		},
	}
	cmd.Flags().BoolVar(&wipe, "wipe", false, "remove the network with its credentials and data")
	return cmd
}

func (o *options) reportDown(found, wiped bool) error {
	if o.json() {
		return o.printJSON(struct {
			Found bool `json:"found"`
			Wiped bool `json:"wiped"`
		}{found, found && wiped})
	}
	switch {
	case !found:
		o.printf("There is no network in %s: nothing to do.\n", o.dir)
	case wiped:
		o.printf("The network in %s is stopped and removed.\n", o.dir)
	default:
		o.printf("The network in %s is stopped; \"%s\" starts it again.\n", o.dir, o.example("up"))
	}
	return nil
}
