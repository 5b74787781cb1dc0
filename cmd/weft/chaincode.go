package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/node/ops"
)

// chaincodeOptions are the flags of weft chaincode; each command has some.
type chaincodeOptions struct {
	*options
	spec      deploy.Spec
	org       string
	orgs      []string
	peers     []string
	packageID string
	file      string // to write
}

func chaincodeCommand(o *options) *cobra.Command {
	c := &cobra.Command{
		Use:     "chaincode",
		Aliases: []string{"cc"},
		Short:   "Write, test, build, install, approve and commit chaincode",
		Long: `Write chaincode, and bring it onto the network. "new" begins one, "test" runs it
without a network, "inspect" looks into it, "port" tries existing Fabric
chaincode. "deploy" brings one onto a channel; the other commands do one step of
that each: build, package, install, approve, commit.`,
	}
	for _, sub := range []func(*chaincodeOptions) *cobra.Command{
		chaincodeNewCommand, chaincodeTestCommand, chaincodeInspectCommand, chaincodePortCommand, chaincodeBuildCommand,
		chaincodeDeployCommand, chaincodePackageCommand, chaincodeInstallCommand,
		chaincodeApproveCommand, chaincodeCommitCommand, chaincodeListCommand, chaincodeInstalledCommand,
	} {
		c.AddCommand(sub(&chaincodeOptions{options: o}))
	}
	return c
}

func need(c *cobra.Command, names ...string) {
	for _, name := range names {
		_ = c.MarkFlagRequired(name) // it exists: defined just above
	}
}

// fileFlag gives -o its usual meaning in a command that writes a file, beside
// the one that it has everywhere.
func (o *chaincodeOptions) fileFlag(c *cobra.Command, otherwise string) {
	c.Flags().StringVarP(&o.file, "output", "o", "", "file to write (default: "+otherwise+"), or json for machine-readable output")
	c.PreRun = func(*cobra.Command, []string) {
		if o.file == "json" || o.file == "table" {
			o.output, o.file = o.file, ""
		}
	}
}

// definitionFlags are what a definition is made of.
func (o *chaincodeOptions) definitionFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.spec.Channel, "channel", "", "channel (needed)")
	f.StringVar(&o.spec.Name, "name", "", "name of the chaincode (needed)")
	f.StringVar(&o.spec.Policy, "policy", "", "endorsement policy, such as \"AND('Org1MSP.peer','Org2MSP.peer')\" (default: the channel's, a majority)")
	f.StringVar(&o.spec.Version, "version", "", "version (default: the sequence and \".0\")")
	f.Int64Var(&o.spec.Sequence, "sequence", 0, "sequence (default: the one after the committed one)")
	f.BoolVar(&o.spec.Init, "init-required", false, "the chaincode must be initialised once for each version, before other calls")
	need(c, "channel", "name")
}

func chaincodeDeployCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "deploy --channel CHANNEL --name NAME PATH",
		Short: "Build, install on all peers of a channel, approve for all its organisations, and commit",
		Long: `Deploy chaincode for all organisations of a channel. PATH is a folder of source
in Go (Fabric chaincode as it is), Rust, AssemblyScript or C, or a .wasm file.
Deploying a name again upgrades it.`,
		Example: `  weft chaincode deploy --channel channel1 --name asset chaincode-examples/asset
  weft chaincode deploy --channel channel1 --name asset --policy "AND('Org1MSP.peer','Org2MSP.peer')" asset.wasm`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.deploy(cmd.Context(), args[0]) },
	}
	o.definitionFlags(c)
	c.Flags().StringVar(&o.spec.Label, "label", "", "label of the package (default: NAME_VERSION)")
	return c
}

func chaincodeBuildCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "build PATH",
		Short: "Compile a folder of chaincode in Go, Rust, AssemblyScript or C to WebAssembly",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return o.build(cmd.Context(), args[0]) },
	}
	o.fileFlag(c, "the folder's name with .wasm")
	return c
}

func chaincodePackageCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "package --label LABEL PATH",
		Short: "Make a chaincode package that peers can install",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return o.pack(cmd.Context(), args[0]) },
	}
	o.fileFlag(c, "LABEL.tar.gz")
	c.Flags().StringVar(&o.spec.Label, "label", "", "label, such as asset_1.0 (needed)")
	need(c, "label")
	return c
}

func chaincodeInstallCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "install [--org ORG... | --peer NAME...] FILE",
		Short: "Install a chaincode package on peers",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return o.install(cmd.Context(), args[0]) },
	}
	c.Flags().StringSliceVar(&o.orgs, "org", nil, "on all peers of these organisations (default: of all)")
	c.Flags().StringSliceVar(&o.peers, "peer", nil, "on these peers")
	c.MarkFlagsMutuallyExclusive("org", "peer")
	return c
}

func chaincodeApproveCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "approve --channel CHANNEL --name NAME --org ORG",
		Short: "Approve a definition for an organisation",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.approve(cmd.Context()) },
	}
	o.definitionFlags(c)
	c.Flags().StringVar(&o.org, "org", "", "organisation that approves (needed)")
	c.Flags().StringVar(&o.packageID, "package-id", "", "package that its peers run (default: none; they commit and do not endorse)")
	need(c, "org")
	return c
}

func chaincodeCommitCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "commit --channel CHANNEL --name NAME",
		Short: "Commit a definition that enough organisations have approved",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.commit(cmd.Context()) },
	}
	o.definitionFlags(c)
	c.Flags().StringVar(&o.org, "org", "", "organisation whose administrator commits (default: the channel's first)")
	return c
}

func chaincodeListCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "list --channel CHANNEL",
		Short: "List the definitions that are committed on a channel",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.list(cmd.Context()) },
	}
	c.Flags().StringVar(&o.spec.Channel, "channel", "", "channel (needed)")
	c.Flags().StringVar(&o.org, "org", "", "organisation to ask as (default: the channel's first)")
	need(c, "channel")
	return c
}

func chaincodeInstalledCommand(o *chaincodeOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "installed [--peer NAME...]",
		Short: "List the packages that are installed on peers",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.installed(cmd.Context()) },
	}
	c.Flags().StringSliceVar(&o.peers, "peer", nil, "peers to ask (default: all)")
	return c
}

// access opens the network; the caller closes what it returns.
func (o *options) access() (*access.Access, error) {
	n, err := o.network()
	if err != nil {
		return nil, err
	}
	return access.New(n), nil
}

// step prints progress for people, on standard error when the result is for
// machines.
func (o *options) step(s deploy.Step) {
	if o.steps == nil {
		w := o.stdout
		if o.json() {
			w = o.stderr
		}
		o.steps = newStepPrinter(w)
	}
	o.steps.step(s)
}

func tookText(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
}

func (o *chaincodeOptions) deploy(ctx context.Context, path string) error {
	a, err := o.access()
	if err != nil {
		return err
	}
	defer a.Close()
	o.spec.Path = path
	r, err := deploy.Run(ctx, a, o.spec, o.step)
	if err != nil {
		return explainDeploy(err)
	}
	if o.json() {
		return o.printJSON(deployOutput{
			Channel: o.spec.Channel, Name: r.Definition.Name, Version: r.Definition.Version, Sequence: r.Definition.Sequence,
			Policy: client.PolicyText(r.Definition.ValidationParameter), PackageID: r.PackageID, Label: r.Label,
			WasmBytes: len(r.Wasm), TxID: r.TxID, Block: r.Block, Milliseconds: milliseconds(r.Took),
		})
	}
	o.printf("Chaincode %s version %s is committed on %s (sequence %d), in %s.\n",
		r.Definition.Name, r.Definition.Version, o.spec.Channel, r.Definition.Sequence, tookText(r.Took))
	return nil
}

type deployOutput struct {
	Channel      string  `json:"channel"`
	Name         string  `json:"name"`
	Version      string  `json:"version"`
	Sequence     int64   `json:"sequence"`
	Policy       string  `json:"policy"`
	PackageID    string  `json:"packageID,omitempty"`
	Label        string  `json:"label,omitempty"`
	WasmBytes    int     `json:"wasmBytes,omitempty"`
	TxID         string  `json:"transactionID,omitempty"`
	Block        uint64  `json:"block,omitempty"`
	InitRequired bool    `json:"initRequired,omitempty"`
	Milliseconds float64 `json:"ms,omitempty"`
}

// explainDeploy adds what to do where a peer's words leave that open.
func explainDeploy(err error) error {
	var f *client.Failure
	if errors.As(err, &f) && f.Says("chaincode definition not agreed to by this org") {
		return fmt.Errorf("%w: each organisation that endorses the commit must have approved the same version, sequence, policy and init-required: see \"weft chaincode approve\"", err)
	}
	return err
}

func (o *chaincodeOptions) build(ctx context.Context, path string) error {
	if o.file == "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		o.file = filepath.Base(abs) + ".wasm"
	}
	start := time.Now()
	code, err := deploy.Compile(ctx, path, o.step)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.file, code, 0o644); err != nil {
		return err
	}
	if o.json() {
		return o.printJSON(map[string]any{"file": o.file, "bytes": len(code), "ms": milliseconds(time.Since(start))})
	}
	o.printf("%s: %d bytes\n", o.file, len(code))
	return nil
}

func (o *chaincodeOptions) pack(ctx context.Context, path string) error {
	code, err := deploy.Compile(ctx, path, o.step)
	if err != nil {
		return err
	}
	pkg, id, err := deploy.Pack(o.spec.Label, code, o.step)
	if err != nil {
		return err
	}
	if o.file == "" {
		o.file = o.spec.Label + ".tar.gz"
	}
	if err := os.WriteFile(o.file, pkg, 0o644); err != nil {
		return err
	}
	if o.json() {
		return o.printJSON(map[string]any{"file": o.file, "bytes": len(pkg), "packageID": id, "label": o.spec.Label})
	}
	o.printf("%s: Package ID: %s, Label: %s\n", o.file, id, o.spec.Label)
	return nil
}

// nodes are the peers that the flags name.
func (o *chaincodeOptions) nodes(n *devnet.Network) ([]*devnet.Node, error) {
	var list []*devnet.Node
	for _, name := range o.peers {
		p, err := n.Node(name)
		if err != nil {
			return nil, err
		}
		if p.Role != devnet.RolePeer {
			return nil, fmt.Errorf("%s is an orderer: chaincode is for peers", p.Name)
		}
		list = append(list, p)
	}
	if len(list) > 0 {
		return list, nil
	}
	for _, name := range o.orgs {
		org, err := n.Org(name)
		if err != nil {
			return nil, err
		}
		list = append(list, n.Peers(org.Name)...)
	}
	if len(o.orgs) > 0 {
		return list, nil
	}
	for _, org := range n.Orgs {
		list = append(list, n.Peers(org.Name)...)
	}
	return list, nil
}

func (o *chaincodeOptions) install(ctx context.Context, file string) error {
	a, err := o.access()
	if err != nil {
		return err
	}
	defer a.Close()
	peers, err := o.nodes(a.Net)
	if err != nil {
		return err
	}
	pkg, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	id, err := deploy.Install(ctx, a, peers, pkg, o.step)
	if err != nil {
		return err
	}
	label, err := deploy.Label(pkg)
	if err != nil {
		return err
	}
	if o.json() {
		return o.printJSON(map[string]any{"packageID": id, "label": label, "peers": names(peers)})
	}
	o.printf("Package ID: %s, Label: %s\n", id, label)
	return nil
}

func names(nodes []*devnet.Node) []string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return list
}

func (o *chaincodeOptions) approve(ctx context.Context) error {
	a, err := o.access()
	if err != nil {
		return err
	}
	defer a.Close()
	d, err := deploy.Define(ctx, a, &o.spec)
	if err != nil {
		return err
	}
	org, err := a.Net.Org(o.org)
	if err != nil {
		return err
	}
	if members, err := a.Net.Members(o.spec.Channel); err != nil {
		return err
	} else if !slices.Contains(members, org.Name) {
		return fmt.Errorf("%s is not a member of channel %s", org.Name, o.spec.Channel)
	}
	if err := deploy.Approve(ctx, a, org, o.spec.Channel, d, o.packageID, o.step); err != nil {
		return err
	}
	return o.printDefinition(d, o.packageID, nil)
}

func (o *chaincodeOptions) commit(ctx context.Context) error {
	a, err := o.access()
	if err != nil {
		return err
	}
	defer a.Close()
	d, err := deploy.Define(ctx, a, &o.spec)
	if err != nil {
		return err
	}
	if o.org == "" {
		members, err := a.Net.Members(o.spec.Channel)
		if err != nil {
			return err
		}
		o.org = members[0]
	}
	r, err := deploy.Commit(ctx, a, o.org, o.spec.Channel, d, o.step)
	if err != nil {
		return explainDeploy(err)
	}
	return o.printDefinition(d, "", r)
}

func (o *chaincodeOptions) printDefinition(d *definition.Definition, packageID string, r *client.Result) error {
	if !o.json() {
		return nil // the step said it
	}
	out := deployOutput{Channel: o.spec.Channel, Name: d.Name, Version: d.Version, Sequence: d.Sequence,
		Policy: client.PolicyText(d.ValidationParameter), PackageID: packageID, InitRequired: d.InitRequired}
	if r != nil {
		out.TxID, out.Block, out.Milliseconds = r.TxID, r.Block, milliseconds(r.Times.Total)
	}
	return o.printJSON(out)
}

func (o *chaincodeOptions) list(ctx context.Context) error {
	a, err := o.access()
	if err != nil {
		return err
	}
	defer a.Close()
	if o.org == "" {
		members, err := a.Net.Members(o.spec.Channel)
		if err != nil {
			return err
		}
		o.org = members[0]
	}
	s, err := a.Gateway(ctx, o.org, access.Admin, o.spec.Channel)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := client.Definitions(ctx, s.Conn(), s.Identity(), o.spec.Channel)
	if err != nil {
		return fmt.Errorf("ask %s for the definitions on %s: %w", s.Peer.Name, o.spec.Channel, err)
	}
	out := []deployOutput{}
	for _, d := range list {
		out = append(out, deployOutput{Channel: o.spec.Channel, Name: d.Name, Version: d.Version, Sequence: d.Sequence,
			Policy: client.PolicyText(d.ValidationParameter), InitRequired: d.InitRequired})
	}
	if o.json() {
		return o.printJSON(out)
	}
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tVERSION\tSEQUENCE\tINIT\tPOLICY")
	for _, d := range out {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%t\t%s\n", d.Name, d.Version, d.Sequence, d.InitRequired, d.Policy)
	}
	return w.Flush()
}

// installedOutput is one package on one peer.
type installedOutput struct {
	Peer      string `json:"peer"`
	PackageID string `json:"packageID"`
	Label     string `json:"label"`
	// Profile is the execution profile that the package was prepared under, and
	// Image the hash of what its calls begin with; empty when the peer's
	// operations endpoint does not answer.
	Profile string          `json:"profile,omitempty"`
	Image   string          `json:"image,omitempty"`
	UsedBy  json.RawMessage `json:"usedBy"`
	text    string
}

func (o *chaincodeOptions) installed(ctx context.Context) error {
	a, err := o.access()
	if err != nil {
		return err
	}
	defer a.Close()
	peers, err := o.nodes(a.Net)
	if err != nil {
		return err
	}
	out := []installedOutput{}
	for _, p := range peers {
		list, err := installedOn(ctx, a, p)
		if err != nil {
			return err
		}
		out = append(out, list...)
	}
	if o.json() {
		return o.printJSON(out)
	}
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PEER\tPACKAGE ID\tPROFILE\tUSED BY")
	for _, i := range out {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", i.Peer, i.PackageID, cmp.Or(i.Profile, "-"), i.text)
	}
	return w.Flush()
}

func installedOn(ctx context.Context, a *access.Access, p *devnet.Node) ([]installedOutput, error) {
	admin, err := a.Identity(p.Org, access.Admin)
	if err != nil {
		return nil, err
	}
	conn, err := a.Conn(ctx, p)
	if err != nil {
		return nil, err
	}
	list, err := client.Installed(ctx, conn, admin)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its packages: %w", p.Name, err)
	}
	prepared := map[string]ops.Package{}
	if s, err := p.Status(ctx); err == nil { // the list is worth having without
		for _, one := range s.Packages {
			prepared[one.ID] = one
		}
	}
	var out []installedOutput
	for _, i := range list {
		uses := map[string][]string{} // chaincodes by channel
		text := ""
		for _, ch := range sorted(i.References) {
			for _, cc := range i.References[ch].Chaincodes {
				uses[ch] = append(uses[ch], cc.Name+" "+cc.Version)
				text += fmt.Sprintf("%s %s on %s  ", cc.Name, cc.Version, ch)
			}
		}
		raw, err := json.Marshal(uses)
		if err != nil {
			return nil, err
		}
		if text == "" {
			text = "-"
		}
		out = append(out, installedOutput{p.Name, i.PackageId, i.Label, prepared[i.PackageId].Profile, prepared[i.PackageId].Image, raw, text})
	}
	return out, nil
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
