package main

import "github.com/spf13/cobra"

func demoCommand(*options) *cobra.Command { return &cobra.Command{Use: "demo", Hidden: true} }
