package main

import "github.com/spf13/cobra"

func chaincodeCommand(*options) *cobra.Command { return &cobra.Command{Use: "chaincode", Hidden: true} }
