package main

import "github.com/spf13/cobra"

func upCommand(*options) *cobra.Command { return &cobra.Command{Use: "up"} }
