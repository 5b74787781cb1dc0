package main

import "github.com/spf13/cobra"

func txCommand(*options) *cobra.Command { return &cobra.Command{Use: "tx", Hidden: true} }
