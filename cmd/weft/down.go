package main

import "github.com/spf13/cobra"

func downCommand(*options) *cobra.Command { return &cobra.Command{Use: "down"} }
