package lifecycle_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	lb "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/endorse/endorsetest"
	"github.com/weft-network/weft/node/lifecycle"
	"github.com/weft-network/weft/wasm"
	"google.golang.org/protobuf/proto"
)

// fakeModule answers its code's text.
type fakeModule string

func (m fakeModule) Invoke(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
	return &wasm.Response{Status: 200, Payload: []byte(m)}, nil
}

// fakeEngine takes packages that read type|label|code; code "bad" is no module.
func fakeEngine() lifecycle.Engine {
	return lifecycle.Engine{
		Read: func(raw []byte) (lifecycle.Package, error) {
			parts := strings.SplitN(string(raw), "|", 3)
			if len(parts) != 3 {
				return lifecycle.Package{}, errors.New("not a package")
			}
			return lifecycle.Package{Type: parts[0], Label: parts[1], Code: []byte(parts[2])}, nil
		},
		Load: func(ctx context.Context, _ string, code []byte) (lifecycle.Loaded, error) {
			lifecycle.Enter(ctx, lifecycle.Checking)
			if string(code) == "bad" {
				return lifecycle.Loaded{}, errors.New("the module imports sock_open")
			}
			lifecycle.Enter(ctx, lifecycle.Metering)
			return lifecycle.Loaded{Module: fakeModule(code), Image: hex.EncodeToString(code)}, nil
		},
		Profile: "profile1",
	}
}

// node is one peer with its own stores, on the world's channel.
type node struct {
	*world
	member    *ca.Member
	dir       string
	db        *store.DB
	packages  *lifecycle.Packages
	approvals *lifecycle.Approvals
	lifecycle *lifecycle.Lifecycle
	endorser  *endorse.Endorser
	joined    []*common.Block
}

// world is channel1 of Org1 and Org2.
type world struct {
	tb         testing.TB
	org1, org2 *catest.Org
	channel    *endorsetest.Channel
	number     uint64
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, org1: catest.New(tb, "Org1"), org2: catest.New(tb, "Org2")}
	w.channel = endorsetest.NewChannel(tb, "channel1", catest.NewOrderer(tb), []*catest.Org{w.org1, w.org2})
	return w
}

func (w *world) peer(org *catest.Org, name string) *node {
	w.tb.Helper()
	n := &node{world: w, member: org.Peer(name), dir: w.tb.TempDir()}
	local := catest.Set(w.tb, org)
	n.packages = n.openPackages()
	var err error
	n.db, err = store.OpenDB(filepath.Join(n.dir, "db"))
	n.must(err)
	w.tb.Cleanup(func() { _ = n.db.Close() })
	n.approvals, err = lifecycle.OpenApprovals(n.db, local, slog.New(slog.DiscardHandler))
	n.must(err)
	channels := func() []endorse.Channel { return []endorse.Channel{w.channel} }
	find := func(id string) (endorse.Channel, bool) { return w.channel, id == w.channel.ID() }
	n.lifecycle = lifecycle.New(lifecycle.Config{
		MSPID: org.Spec.MSPID, Local: local, Packages: n.packages, Approvals: n.approvals,
		Channels: channels, Log: slog.New(slog.DiscardHandler),
	})
	n.endorser = endorse.New(endorse.Config{
		Signer: n.member.Signer(), LocalMSPs: local, Channel: find, Chaincodes: n.lifecycle, Now: endorsetest.Now,
		System: map[string]endorse.System{
			"_lifecycle": n.lifecycle,
			"qscc":       &lifecycle.QSCC{Channel: find},
			"cscc": &lifecycle.CSCC{Local: local, Channels: channels, Channel: find, Join: func(b *common.Block) error {
				n.joined = append(n.joined, b)
				return nil
			}},
		},
	})
	return n
}

func (n *node) openPackages() *lifecycle.Packages {
	n.tb.Helper()
	p, err := lifecycle.OpenPackages(filepath.Join(n.dir, "chaincodes"), fakeEngine(), slog.New(slog.DiscardHandler))
	n.must(err)
	return p
}

func (n *node) must(err error) {
	n.tb.Helper()
	if err != nil {
		n.tb.Fatal(err)
	}
}

// ask sends a proposal to the peer.
func (n *node) ask(who *ca.Member, channelID, chaincode string, args ...[]byte) *peer.ProposalResponse {
	n.tb.Helper()
	n.number++
	r := endorsetest.Request{
		Signer: who.Signer(), Channel: channelID, Chaincode: chaincode, Args: args, Number: n.number,
		At: endorsetest.Now().Add(time.Duration(n.number) * time.Second),
	}
	resp, err := n.endorser.Process(context.Background(), r.Sign(n.tb))
	n.must(err)
	return resp
}

// call invokes a _lifecycle function; result may be nil.
func (n *node) call(who *ca.Member, channelID, function string, args, result proto.Message) (*peer.ProposalResponse, error) {
	n.tb.Helper()
	resp := n.ask(who, channelID, "_lifecycle", []byte(function), endorsetest.Marshal(n.tb, args))
	if resp.Response.Status != 200 {
		return resp, fmt.Errorf("%d %s", resp.Response.Status, resp.Response.Message)
	}
	if result != nil {
		n.must(proto.Unmarshal(resp.Response.Payload, result))
	}
	return resp, nil
}

func (n *node) admin() *ca.Member {
	if n.member.Signer().MSPID() == "Org2MSP" {
		return n.org2.Admin("Admin")
	}
	return n.org1.Admin("Admin")
}

func (n *node) approve(name string, sequence int64, packageID string, edits ...func(*lb.ApproveChaincodeDefinitionForMyOrgArgs)) error {
	n.tb.Helper()
	args := &lb.ApproveChaincodeDefinitionForMyOrgArgs{Name: name, Version: "1.0", Sequence: sequence}
	if packageID != "" {
		args.Source = &lb.ChaincodeSource{Type: &lb.ChaincodeSource_LocalPackage{LocalPackage: &lb.ChaincodeSource_Local{PackageId: packageID}}}
	}
	for _, edit := range edits {
		edit(args)
	}
	_, err := n.call(n.admin(), "channel1", "ApproveChaincodeDefinitionForMyOrg", args, nil)
	return err
}

func (n *node) commit(name string, sequence int64, edits ...func(*lb.CommitChaincodeDefinitionArgs)) (*peer.ProposalResponse, error) {
	n.tb.Helper()
	args := &lb.CommitChaincodeDefinitionArgs{Name: name, Version: "1.0", Sequence: sequence}
	for _, edit := range edits {
		edit(args)
	}
	return n.call(n.org1.User("User1"), "channel1", "CommitChaincodeDefinition", args, nil)
}

func (n *node) install(pkg string) (string, error) {
	n.tb.Helper()
	result := &lb.InstallChaincodeResult{}
	_, err := n.call(n.admin(), "", "InstallChaincode", &lb.InstallChaincodeArgs{ChaincodeInstallPackage: []byte(pkg)}, result)
	return result.PackageId, err
}

func definitionOf(name string) definition.Definition {
	return definition.Definition{Name: name, Version: "1.0", Sequence: 1}
}

func textOf(resp *peer.ProposalResponse) error { return errors.New(resp.Response.Message) }

// define commits a definition as ordered transactions would.
func (w *world) define(name string, sequence int64) {
	w.channel.Define(definition.Definition{Name: name, Version: "1.0", Sequence: sequence})
}

func wantText(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("unexpected: %v", err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("text\n got %v\nwant %s", err, want)
	}
}

func TestInstall(t *testing.T) {
	n := newWorld(t).peer(catest.New(t, "Org1"), "peer0")
	good := "wasm|kv_1.0|code"
	id, err := n.install(good)
	wantText(t, err, "")
	if want := lifecycle.PackageID("kv_1.0", []byte(good)); id != want {
		t.Errorf("id %s, want %s", id, want)
	}
	for pkg, want := range map[string]string{
		good:                 "500 failed to invoke backing implementation of 'InstallChaincode': chaincode already successfully installed (package ID '" + id + "')",
		"junk":               "could not parse as a chaincode install package: not a package",
		"golang|kv|code":     "chaincode package 'kv' is of type 'golang': this peer runs type 'wasm' only",
		"wasm|../../x|code":  "invalid label \"../../x\". Label must be non-empty",
		"wasm|.x|code":       "invalid label",
		"wasm|kv|bad":        "could not build chaincode: the module imports sock_open",
		"wasm||code":         "invalid label",
		"wasm|" + long + "|": "invalid label",
	} {
		_, err := n.install(pkg)
		wantText(t, err, want)
	}
	if files, _ := filepath.Glob(filepath.Join(n.dir, "chaincodes", "*")); len(files) != 2 { // the package and how it was prepared
		t.Errorf("files %v", files)
	}
	if list := n.openPackages().List(); len(list) != 1 || list[0] != id {
		t.Errorf("after a restart: %v", list)
	}
	m, err := n.openPackages().Module(t.Context(), id)
	if err != nil || m != fakeModule("code") {
		t.Errorf("%v %v", m, err)
	}
	got := &lb.GetInstalledChaincodePackageResult{}
	_, err = n.call(n.admin(), "", "GetInstalledChaincodePackage", &lb.GetInstalledChaincodePackageArgs{PackageId: id}, got)
	if err != nil || string(got.ChaincodeInstallPackage) != good {
		t.Errorf("%v %v", got, err)
	}
	_, err = n.call(n.admin(), "", "GetInstalledChaincodePackage", &lb.GetInstalledChaincodePackageArgs{PackageId: "../x"}, got)
	wantText(t, err, "could not load cc install package: chaincode install package '../x' not found")
	_, err = n.call(n.admin(), "", "QueryInstalledChaincode", &lb.QueryInstalledChaincodeArgs{PackageId: "x"}, nil)
	wantText(t, err, "could not find chaincode with package id 'x'")
}

var long = strings.Repeat("x", 129)

func TestOnlyAdministratorsOfTheOwnOrganisation(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	for function, args := range map[string]proto.Message{
		"InstallChaincode":                   &lb.InstallChaincodeArgs{},
		"QueryInstalledChaincodes":           &lb.QueryInstalledChaincodesArgs{},
		"ApproveChaincodeDefinitionForMyOrg": &lb.ApproveChaincodeDefinitionForMyOrgArgs{},
	} {
		_, err := n.call(w.org1.User("User1"), "channel1", function, args, nil)
		wantText(t, err, "Failed to authorize invocation due to failed ACL check: Failed verifying that proposal's creator satisfies local MSP principal during channelless check policy with policy [Admins]: [")
		_, err = n.call(w.org2.Admin("Admin"), "channel1", function, args, nil)
		wantText(t, err, "Failed to authorize invocation due to failed ACL check: Failed deserializing proposal creator")
	}
	_, err := n.call(w.org1.Peer("peer1"), "channel1", "QueryChaincodeDefinitions", &lb.QueryChaincodeDefinitionsArgs{}, nil)
	wantText(t, err, "Failed to authorize invocation due to failed ACL check: failed evaluating policy on signed data during check policy [/Channel/Application/Writers]: [")
}

func TestCallsThatAreNone(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	for want, args := range map[string][][]byte{
		"lifecycle scc must be invoked with arguments":                          nil,
		"lifecycle scc operations require exactly two arguments but received 1": endorsetest.Args("InstallChaincode"),
		"failed to invoke backing implementation of 'Dance'":                    endorsetest.Args("Dance", ""),
		"could not unmarshal argument of function InstallChaincode":             endorsetest.Args("InstallChaincode", "\xff"),
		"'CommitChaincodeDefinition': the proposal names no channel":            endorsetest.Args("CommitChaincodeDefinition", ""),
		"'\uFFFD': receiver *lifecycle.Invocation.\uFFFD does not exist":        endorsetest.Args("\xff", ""),
	} {
		resp := n.ask(n.admin(), "", "_lifecycle", args...)
		if resp.Response.Status != 500 || !strings.Contains(resp.Response.Message, want) {
			t.Errorf("%q: %v", want, resp)
		}
	}
}

func TestWhatMayBeApproved(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	w.define("kv", 1)
	w.define("kv", 2)
	with := func(f func(*lb.ApproveChaincodeDefinitionForMyOrgArgs)) func(*lb.ApproveChaincodeDefinitionForMyOrgArgs) {
		return f
	}
	for _, c := range []struct {
		name     string
		sequence int64
		pkg      string
		edit     func(*lb.ApproveChaincodeDefinitionForMyOrgArgs)
		want     string
	}{
		{"new", 0, "", nil, "requested sequence is 0, but first definable sequence number is 1"},
		{"new", 2, "", nil, "requested sequence 2 is larger than the next available sequence number 1"},
		{"new", -1, "", nil, "currently defined sequence 0 is larger than requested sequence -1"},
		{"kv", 1, "", nil, "currently defined sequence 2 is larger than requested sequence 1"},
		{"kv", 4, "", nil, "requested sequence 4 is larger than the next available sequence number 3"},
		{"kv", 2, "a:1", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) { a.Version = "9" }),
			"attempted to redefine the current committed sequence (2) for namespace kv with different parameters: expected Version '1.0' does not match passed Version '9'"},
		{"kv", 2, "a:1", nil, ""},
		{"kv", 2, "a:1", nil, "attempted to redefine the current committed sequence (2) for namespace kv"},
		{"kv", 2, "b:2", nil, ""},
		{"kv", 3, "a:1", nil, ""},
		{"kv", 3, "a:1", nil, "attempted to redefine uncommitted sequence (3) for namespace kv with unchanged content"},
		{"kv", 3, "a:2", nil, ""},
		{"kv", 3, "a:2", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) { a.InitRequired = true }), ""},
		{"a__b", 1, "", nil, "error validating chaincode definition: invalid chaincode name 'a__b'. Names can only consist of alphanumerics, '_', and '-' and can only begin with alphanumerics"},
		{"_lifecycle", 1, "", nil, "invalid chaincode name '_lifecycle'"},
		{"qscc", 1, "", nil, "chaincode name 'qscc' is the name of a system chaincode"},
		{"new", 1, "", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) { a.Version = "a b" }),
			"invalid chaincode version 'a b'. Versions can only consist of alphanumerics, '_', '-', '+', and '.'"},
		{"new", 1, "", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) {
			a.Collections = &peer.CollectionConfigPackage{Config: []*peer.CollectionConfig{{}}}
		}), "private data collections are not supported yet"},
		{"new", 1, "", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) { a.EndorsementPlugin = "mine" }), "there is no endorsement plugin \"mine\""},
		{"new", 1, "", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) {
			a.ValidationParameter = definition.ReferencePolicy("/Channel/Application/Nobody")
		}), "endorsement policy: channel 'channel1' has no policy '/Channel/Application/Nobody'"},
		{"new", 1, "", with(func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) { a.ValidationParameter = []byte{0xff} }), "validation parameter of chaincode new"},
	} {
		edits := []func(*lb.ApproveChaincodeDefinitionForMyOrgArgs){}
		if c.edit != nil {
			edits = append(edits, c.edit)
		}
		err := n.approve(c.name, c.sequence, c.pkg, edits...)
		t.Run(fmt.Sprintf("%s %d", c.name, c.sequence), func(t *testing.T) { wantText(t, err, c.want) })
	}
	got := &lb.QueryApprovedChaincodeDefinitionResult{}
	_, err := n.call(n.admin(), "channel1", "QueryApprovedChaincodeDefinition", &lb.QueryApprovedChaincodeDefinitionArgs{Name: "kv"}, got)
	if err != nil || got.Sequence != 3 || !got.InitRequired || got.EndorsementPlugin != "escc" || got.Source.GetLocalPackage().GetPackageId() != "a:2" {
		t.Errorf("%v %v", got, err)
	}
	_, err = n.call(n.admin(), "channel1", "QueryApprovedChaincodeDefinition", &lb.QueryApprovedChaincodeDefinitionArgs{Name: "no"}, nil)
	wantText(t, err, "could not fetch approved chaincode definition (name: 'no', sequence: '0') on channel 'channel1'")
	all := &lb.QueryApprovedChaincodeDefinitionsResult{}
	_, err = n.call(n.admin(), "channel1", "QueryApprovedChaincodeDefinitions", &lb.QueryApprovedChaincodeDefinitionsArgs{}, all)
	if err != nil || len(all.ApprovedChaincodeDefinitions) != 2 {
		t.Errorf("%v %v", all, err)
	}
}

func TestACommitNeedsTheOwnOrganisationsApproval(t *testing.T) {
	w := newWorld(t)
	one, two := w.peer(w.org1, "peer0"), w.peer(w.org2, "peer0")
	p, err := policy.Parse("AND('Org1MSP.peer','Org2MSP.peer')")
	one.must(err)
	inline, err := definition.InlinePolicy(p)
	one.must(err)
	withPolicy := func(a *lb.CommitChaincodeDefinitionArgs) { a.ValidationParameter = inline }
	_, err = one.commit("kv", 2)
	wantText(t, err, "requested sequence is 2, but new definition must be sequence 1")
	_, err = one.commit("kv", 1, withPolicy)
	wantText(t, err, "500 failed to invoke backing implementation of 'CommitChaincodeDefinition': chaincode definition not agreed to by this org (Org1MSP)")
	readiness := func(n *node) *lb.CheckCommitReadinessResult {
		result := &lb.CheckCommitReadinessResult{}
		_, err := n.call(w.org1.User("User1"), "channel1", "CheckCommitReadiness",
			&lb.CheckCommitReadinessArgs{Name: "kv", Version: "1.0", Sequence: 1, ValidationParameter: inline}, result)
		n.must(err)
		return result
	}
	if r := readiness(one); r.Approvals["Org1MSP"] || r.Mismatches["Org1MSP"].Items[0] != "ChaincodeParameters" {
		t.Errorf("%v", r)
	}
	one.must(one.approve("kv", 1, ""))
	if r := readiness(one); r.Approvals["Org1MSP"] || len(r.Mismatches["Org1MSP"].Items) != 1 || r.Mismatches["Org1MSP"].Items[0] != "ValidationInfo" {
		t.Errorf("%v", r)
	}
	_, err = one.commit("kv", 1, withPolicy)
	wantText(t, err, "chaincode definition not agreed to by this org (Org1MSP)")
	for _, n := range []*node{one, two} {
		n.must(n.approve("kv", 1, "", func(a *lb.ApproveChaincodeDefinitionForMyOrgArgs) { a.ValidationParameter = inline }))
	}
	if r := readiness(two); !r.Approvals["Org2MSP"] || len(r.Approvals) != 1 {
		t.Errorf("%v", r)
	}
	w.number = 100 // the same proposal to both
	a, err := one.commit("kv", 1, withPolicy)
	one.must(err)
	w.number = 100
	b, err := two.commit("kv", 1, withPolicy)
	two.must(err)
	if string(a.Payload) != string(b.Payload) || a.Endorsement == nil {
		t.Error("two peers at one height endorsed different bytes")
	}
	writes := writesOf(t, a)
	if len(writes) != 5 {
		t.Errorf("%d writes", len(writes))
	}
	w.channel.Commit("commit", "_lifecycle", writes...)
	got := &lb.QueryChaincodeDefinitionResult{}
	_, err = one.call(w.org1.User("User1"), "channel1", "QueryChaincodeDefinition", &lb.QueryChaincodeDefinitionArgs{Name: "kv"}, got)
	if err != nil || got.Sequence != 1 || got.Version != "1.0" || string(got.ValidationParameter) != string(inline) || !got.Approvals["Org1MSP"] {
		t.Errorf("%v %v", got, err)
	}
	_, err = one.call(w.org1.User("User1"), "channel1", "QueryChaincodeDefinition", &lb.QueryChaincodeDefinitionArgs{Name: "no"}, got)
	wantText(t, err, "404 namespace no is not defined")
	list := &lb.QueryChaincodeDefinitionsResult{}
	_, err = one.call(w.org1.User("User1"), "channel1", "QueryChaincodeDefinitions", &lb.QueryChaincodeDefinitionsArgs{}, list)
	if err != nil || len(list.ChaincodeDefinitions) != 1 || list.ChaincodeDefinitions[0].Name != "kv" {
		t.Errorf("%v %v", list, err)
	}
}

// writesOf are the _lifecycle writes of an endorsement, whose transaction must
// also have read the Sequence key.
func writesOf(t *testing.T, resp *peer.ProposalResponse) []ledger.Write {
	t.Helper()
	prp, action, all := &peer.ProposalResponsePayload{}, &peer.ChaincodeAction{}, &rwset.TxReadWriteSet{}
	err := errors.Join(proto.Unmarshal(resp.Payload, prp), proto.Unmarshal(prp.Extension, action), proto.Unmarshal(action.Results, all))
	kv := &kvrwset.KVRWSet{}
	if err == nil && len(all.NsRwset) == 1 && all.NsRwset[0].Namespace == "_lifecycle" {
		err = proto.Unmarshal(all.NsRwset[0].Rwset, kv)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(kv.Reads, func(r *kvrwset.KVRead) bool { return r.Key == "namespaces/fields/kv/Sequence" }) {
		t.Error("the commit did not read the Sequence key")
	}
	var writes []ledger.Write
	for _, w := range kv.Writes {
		writes = append(writes, ledger.Write{Key: w.Key, Value: w.Value})
	}
	return writes
}

func TestFromInstallToInvoke(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	invoke := func() *peer.Response {
		return n.ask(w.org1.User("User1"), "channel1", "kv", []byte("f")).Response
	}
	const undefined = "make sure the chaincode kv has been successfully defined on channel channel1 and try again: "
	expect := func(want string) {
		t.Helper()
		if got := invoke(); got.Status != 500 || got.Message != undefined+want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	expect("chaincode kv not found")
	w.define("kv", 1)
	expect("chaincode definition for 'kv' at sequence 1 on channel 'channel1' has not yet been approved by this org")
	n.must(n.approve("kv", 1, ""))
	expect("chaincode definition for 'kv' exists, but chaincode is not installed")
	pkg := "wasm|kv|hello"
	n.must(n.approve("kv", 1, lifecycle.PackageID("kv", []byte(pkg))))
	expect("chaincode definition for 'kv' exists, but chaincode is not installed")
	if list, err := n.lifecycle.Installed("channel1"); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	id, err := n.install(pkg)
	n.must(err)
	if got := invoke(); got.Status != 200 || string(got.Payload) != "hello" {
		t.Errorf("%v", got)
	}
	list, err := n.lifecycle.Installed("channel1")
	if err != nil || len(list) != 1 || list[0].Name != "kv" || list[0].Version != "1.0" {
		t.Errorf("%v %v", list, err)
	}
	all := &lb.QueryInstalledChaincodesResult{}
	_, err = n.call(n.admin(), "", "QueryInstalledChaincodes", &lb.QueryInstalledChaincodesArgs{}, all)
	n.must(err)
	if len(all.InstalledChaincodes) != 1 || all.InstalledChaincodes[0].PackageId != id || all.InstalledChaincodes[0].Label != "kv" ||
		all.InstalledChaincodes[0].References["channel1"].Chaincodes[0].Name != "kv" {
		t.Errorf("%v", all)
	}
	one := &lb.QueryInstalledChaincodeResult{}
	_, err = n.call(n.admin(), "", "QueryInstalledChaincode", &lb.QueryInstalledChaincodeArgs{PackageId: id}, one)
	if err != nil || one.Label != "kv" || one.References["channel1"].Chaincodes[0].Version != "1.0" {
		t.Errorf("%v %v", one, err)
	}
	w.define("kv", 2)
	expect("chaincode definition for 'kv' at sequence 2 on channel 'channel1' has not yet been approved by this org")
}

func TestCSCC(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	user, admin := w.org1.User("User1"), n.admin()
	genesis := endorsetest.Marshal(t, w.channel.Genesis)
	if r := n.ask(user, "", "cscc", []byte("JoinChain"), genesis).Response; r.Status != 500 || !strings.HasPrefix(r.Message, "access denied for [JoinChain][channel1]: [") {
		t.Errorf("%v", r)
	}
	if r := n.ask(admin, "", "cscc", []byte("JoinChain"), []byte("junk")).Response; r.Status != 500 || len(n.joined) != 0 {
		t.Errorf("%v", r)
	}
	if r := n.ask(admin, "", "cscc", []byte("JoinChain"), genesis).Response; r.Status != 200 || len(n.joined) != 1 {
		t.Errorf("%v", r)
	}
	list := &peer.ChannelQueryResponse{}
	n.must(proto.Unmarshal(n.ask(user, "", "cscc", []byte("GetChannels")).Response.Payload, list))
	if len(list.Channels) != 1 || list.Channels[0].ChannelId != "channel1" {
		t.Errorf("%v", list)
	}
	b := &common.Block{}
	n.must(proto.Unmarshal(n.ask(user, "", "cscc", endorsetest.Args("GetConfigBlock", "channel1")...).Response.Payload, b))
	if cfg, err := channel.FromBlock(b); err != nil || cfg.ID != "channel1" {
		t.Errorf("%v %v", cfg, err)
	}
	cfg := &common.Config{}
	n.must(proto.Unmarshal(n.ask(user, "channel1", "cscc", endorsetest.Args("GetChannelConfig", "channel1")...).Response.Payload, cfg))
	if !proto.Equal(cfg, w.channel.Config().Proto) {
		t.Error("another config")
	}
	for want, args := range map[string][]string{
		"Incorrect number of arguments, 0":    {},
		"Incorrect number of arguments, 1":    {"JoinChain"},
		"Unknown channel ID, channel9":        {"GetConfigBlock", "channel9"},
		"Requested function Dance not found.": {"Dance", "x"},
	} {
		if r := n.ask(admin, "", "cscc", endorsetest.Args(args...)...).Response; r.Status != 500 || r.Message != want {
			t.Errorf("%v", r)
		}
	}
}

func TestQSCC(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	w.channel.Commit("tx1", "kv", ledger.Write{Key: "a", Value: []byte("1")})
	ask := func(args ...string) *peer.Response {
		return n.ask(w.org1.User("User1"), "channel1", "qscc", endorsetest.Args(args...)...).Response
	}
	info := &common.BlockchainInfo{}
	n.must(proto.Unmarshal(ask("GetChainInfo", "channel1").Payload, info))
	if info.Height != 2 || string(info.CurrentBlockHash) != string(w.channel.Ledger().LastHash()) {
		t.Errorf("%v", info)
	}
	for _, args := range [][]string{
		{"GetBlockByNumber", "channel1", "1"}, {"GetBlockByNumber", "channel1", "18446744073709551615"},
		{"GetBlockByHash", "channel1", string(info.CurrentBlockHash)}, {"GetBlockByTxID", "channel1", "tx1"},
	} {
		b := &common.Block{}
		if r := ask(args...); r.Status != 200 || proto.Unmarshal(r.Payload, b) != nil || b.GetHeader().GetNumber() != 1 {
			t.Errorf("%v: %v", args, r)
		}
	}
	tx := &peer.ProcessedTransaction{}
	if r := ask("GetTransactionByID", "channel1", "tx1"); r.Status != 200 || proto.Unmarshal(r.Payload, tx) != nil || tx.TransactionEnvelope == nil {
		t.Errorf("%v", r)
	}
	var e audit.Explanation
	if r := ask("ExplainTransaction", "channel1", "tx1"); r.Status != 200 || json.Unmarshal(r.Payload, &e) != nil || e.TxID != "tx1" || e.Block != 1 || e.CodeName != "VALID" {
		t.Errorf("%v, %+v", r, e)
	}
	for want, args := range map[string][]string{
		"explain transaction \"nope\": no such transaction ID in index":                        {"ExplainTransaction", "channel1", "nope"},
		"missing 3rd argument for ExplainTransaction":                                          {"ExplainTransaction", "channel1"},
		"Failed to get block number 9, error no such block number [9] in index":                {"GetBlockByNumber", "channel1", "9"},
		"Failed to get transaction with id nope, error no such transaction ID [nope] in index": {"GetTransactionByID", "channel1", "nope"},
		"Failed to get block for txID nope, error no such transaction ID [nope] in index":      {"GetBlockByTxID", "channel1", "nope"},
		"Failed to get block hash 6e6f, error no such block hash [6e6f] in index":              {"GetBlockByHash", "channel1", "no"},
		"Invalid chain ID, channel9":                                                           {"GetChainInfo", "channel9"},
		"missing 3rd argument for GetBlockByTxID":                                              {"GetBlockByTxID", "channel1"},
		"Requested function Dance not found.":                                                  {"Dance", "channel1"},
		"Incorrect number of arguments, 1":                                                     {"GetChainInfo"},
	} {
		if r := ask(args...); r.Status != 500 || r.Message != want {
			t.Errorf("%v", r)
		}
	}
	r := n.ask(w.org1.User("User1"), "", "qscc", endorsetest.Args("GetChainInfo", "channel1")...).Response
	if r.Status != 200 {
		t.Errorf("channel-less: %v", r)
	}
}
