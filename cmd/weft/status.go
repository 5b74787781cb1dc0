package main

import "github.com/spf13/cobra"

func statusCommand(*options) *cobra.Command { return &cobra.Command{Use: "status"} }
