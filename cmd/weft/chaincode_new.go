package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/project"
)

func chaincodeNewCommand(o *chaincodeOptions) *cobra.Command {
	var lang string
	c := &cobra.Command{
		Use:   "new --lang " + strings.Join(project.Languages(), "|") + " NAME",
		Short: "Make the folder of a new chaincode, which works as it is",
		Long: `Make a folder with a small contract, its tests and a copy of the guest library.
NAME is a folder that is not there yet, or empty; its last part becomes the
chaincode's name. Languages are go (on Weft's own API; Fabric chaincode in Go
needs nothing from here), rust, as (AssemblyScript) and c.`,
		Example: `  weft chaincode new --lang rust deeds
  weft chaincode test deeds
  weft chaincode deploy --channel channel1 --name deeds deeds`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.newProject(lang, args[0]) },
	}
	c.Flags().StringVar(&lang, "lang", "", "language: "+strings.Join(project.Languages(), ", ")+" (needed)")
	need(c, "lang")
	return c
}

func (o *chaincodeOptions) newProject(lang, dir string) error {
	files, err := project.New(lang, dir)
	if err != nil {
		return err
	}
	if o.json() {
		return o.printJSON(map[string]any{"dir": dir, "files": files})
	}
	for _, name := range files {
		o.printf("%s\n", filepath.Join(dir, filepath.FromSlash(name)))
	}
	o.printf("%s\n\nNext: weft chaincode test %s\n", filepath.Join(dir, "weft")+string(filepath.Separator), dir)
	return nil
}
