package main

import "github.com/spf13/cobra"

func channelCommand(*options) *cobra.Command { return &cobra.Command{Use: "channel"} }
