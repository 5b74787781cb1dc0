package genesis_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-config/configtx"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

func spec(tb testing.TB) *genesis.Spec {
	tb.Helper()
	return channeltest.Spec(tb, "channel1", catest.NewOrderer(tb), catest.New(tb, "Org1"), catest.New(tb, "Org2"))
}

func block(tb testing.TB, s *genesis.Spec) *common.Block {
	tb.Helper()
	b, err := s.Block()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestTheBlockIsAFabricGenesisBlock(t *testing.T) {
	b := block(t, spec(t))
	sum := sha256.Sum256(b.Data.Data[0])
	if b.Header.Number != 0 || len(b.Header.PreviousHash) != 0 || !bytes.Equal(b.Header.DataHash, sum[:]) {
		t.Errorf("header %v", b.Header)
	}
	if n := len(b.Metadata.Metadata); n != 5 {
		t.Fatalf("%d metadata slots, want 5", n)
	}
	// What Fabric's tools write: last config 0 is no bytes in one slot, and an
	// empty LastConfig in an OrdererBlockMetadata in a Metadata in the other.
	slots := b.Metadata.Metadata
	//lint:ignore SA1019 the slot is still filled
	if got := slots[common.BlockMetadataIndex_LAST_CONFIG]; len(got) != 0 {
		t.Errorf("LAST_CONFIG slot %x", got)
	}
	if got := slots[common.BlockMetadataIndex_SIGNATURES]; !bytes.Equal(got, []byte{0x0a, 0x02, 0x0a, 0x00}) {
		t.Errorf("SIGNATURES slot %x", got)
	}
}

func TestTheSameInputsMakeTheSameBytes(t *testing.T) {
	encode := func() []byte {
		s := spec(t)
		s.Application.ACLs = map[string]string{"peer/Propose": "Writers", "event/Block": "Readers", "event/FilteredBlock": "Readers"}
		s.Capabilities = []string{"V2_0", "V3_0"}
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(block(t, s))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	first := encode()
	for range 5 {
		if !bytes.Equal(first, encode()) {
			t.Fatal("another block from the same inputs")
		}
	}
}

// The policies of Fabric's test network, as its own library reads them back.
func TestDefaultPoliciesAreTheTestNetworks(t *testing.T) {
	c, err := channel.FromBlock(block(t, spec(t)))
	if err != nil {
		t.Fatal(err)
	}
	tx := configtx.New(c.Proto)
	rules := func(p map[string]configtx.Policy, err error) map[string]string {
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for name, policy := range p {
			all[name] = policy.Rule
		}
		return all
	}
	for name, tc := range map[string]struct{ got, want map[string]string }{
		"channel": {rules(tx.Channel().Policies()),
			map[string]string{"Readers": "ANY Readers", "Writers": "ANY Writers", "Admins": "MAJORITY Admins"}},
		"orderer": {rules(tx.Orderer().Policies()),
			map[string]string{"Readers": "ANY Readers", "Writers": "ANY Writers", "Admins": "MAJORITY Admins", "BlockValidation": "ANY Writers"}},
		"application": {rules(tx.Application().Policies()),
			map[string]string{"Readers": "ANY Readers", "Writers": "ANY Writers", "Admins": "MAJORITY Admins",
				"Endorsement": "MAJORITY Endorsement", "LifecycleEndorsement": "MAJORITY Endorsement"}},
		"Org1": {rules(tx.Application().Organization("Org1").Policies()),
			map[string]string{
				"Readers":     "OR('Org1MSP.admin', 'Org1MSP.peer', 'Org1MSP.client')",
				"Writers":     "OR('Org1MSP.admin', 'Org1MSP.client')",
				"Admins":      "AND('Org1MSP.admin')", // how the library prints an OR of one
				"Endorsement": "AND('Org1MSP.peer')"}},
	} {
		if !reflect.DeepEqual(tc.got, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
	anchors, err := tx.Application().Organization("Org1").AnchorPeers()
	if err != nil || len(anchors) != 1 || anchors[0] != (configtx.Address{Host: "peer0.org1.example.com", Port: 7051}) {
		t.Errorf("anchor peers of Org1: %v, %v", anchors, err)
	}
}

func TestTheYAMLComesBackAsItWas(t *testing.T) {
	s := spec(t)
	s.Orderer.BatchTimeout = genesis.Duration(250 * time.Millisecond)
	s.Orderer.AbsoluteMaxBytes, s.Orderer.PreferredMaxBytes = 99<<20, 512<<10
	s.Orderer.MaxMessageCount = 10
	s.Orderer.Raft.TickInterval = genesis.Duration(100 * time.Millisecond)
	s.Application.Policies = genesis.Policies{"Endorsement": "ANY Endorsement"}
	text, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.Dir, "channel1.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := genesis.Load(file)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !proto.Equal(block(t, s), block(t, again)) {
		t.Errorf("another block from\n%s", text)
	}
	if !strings.Contains(string(text), "preferredMaxBytes: 512 KB") || !strings.Contains(string(text), "batchTimeout: 250ms") {
		t.Errorf("sizes and times are not for people:\n%s", text)
	}
}

func TestMalformedYAMLSaysLineAndWhatIsAllowed(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"unknown key":      {"channel: c\norderers: []\n", []string{"line 2", `"orderers"`, "orderer, application"}},
		"unknown sub-key":  {"channel: c\norderer:\n  batchTimeOut: 2s\n", []string{"line 3", `"batchTimeOut"`, "batchTimeout"}},
		"list for section": {"channel: c\norderer: [a]\n", []string{"line 2", "section"}},
		"text for list":    {"application:\n  organizations: Org1\n", []string{"line 2", "Org1", "list"}},
		"bad size":         {"orderer:\n  absoluteMaxBytes: 10 parsecs\n", []string{"line 2", "10 parsecs", "512 KB"}},
		"size too large":   {"orderer:\n  absoluteMaxBytes: 4 GB\n", []string{"line 2", "4 GB"}},
		"zero timeout":     {"orderer:\n  batchTimeout: 0s\n", []string{"line 2", `"0s"`}},
		"zero count":       {"orderer:\n  maxMessageCount: 0\n", []string{"line 2", `"0"`}},
		"bad port":         {"orderer:\n  consenters:\n  - port: 70000\n", []string{"line 3", "65535"}},
		"key twice":        {"channel: a\nchannel: b\n", []string{"line 2", "channel"}},
		"no YAML":          {"channel: [", []string{"line 1"}},
		"empty":            {"", []string{"empty"}},
		"two documents":    {"channel: a\n---\nchannel: b\n", []string{"document"}},
	} {
		_, err := genesis.Parse([]byte(tc.text), "")
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not mention %s", name, err, want)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(file, []byte("oops: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := genesis.Load(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v does not name the file", err)
	}
}

func TestContradictionsNameTheirKey(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*genesis.Spec)
		want string
	}{
		"no channel":            {func(s *genesis.Spec) { s.Channel = "" }, "channel"},
		"upper-case channel":    {func(s *genesis.Spec) { s.Channel = "Channel1" }, "lower-case"},
		"consensus":             {func(s *genesis.Spec) { s.Orderer.Type = "solo" }, "orderer.type"},
		"batch timeout":         {func(s *genesis.Spec) { s.Orderer.BatchTimeout = -1 }, "orderer.batchTimeout"},
		"preferred > absolute":  {func(s *genesis.Spec) { s.Orderer.AbsoluteMaxBytes, s.Orderer.PreferredMaxBytes = 10, 20 }, "orderer.preferredMaxBytes"},
		"ticks":                 {func(s *genesis.Spec) { s.Orderer.Raft.HeartbeatTick = 10 }, "orderer.raft.electionTick"},
		"no consenters":         {func(s *genesis.Spec) { s.Orderer.Consenters = nil }, "orderer.consenters"},
		"no consenter cert":     {func(s *genesis.Spec) { s.Orderer.Consenters[0].ServerTLSCert = "" }, "orderer.consenters[0].serverTLSCert"},
		"consenter cert gone":   {func(s *genesis.Spec) { s.Orderer.Consenters[0].ClientTLSCert = "gone.crt" }, "gone.crt"},
		"consenter twice":       {func(s *genesis.Spec) { s.Orderer.Consenters = append(s.Orderer.Consenters, s.Orderer.Consenters[0]) }, "same TLS certificate"},
		"consenter of nobody":   {func(s *genesis.Spec) { s.Orderer.Consenters[0].MSPID = "Org1MSP" }, "orderer.consenters[0].mspID"},
		"consenter, foreign CA": {func(s *genesis.Spec) { s.Orderer.Consenters[0].ServerTLSCert = foreignCert(t) }, "not issued by the TLS CA of OrdererMSP"},
		"no organisations":      {func(s *genesis.Spec) { s.Application.Organizations = nil }, "application.organizations"},
		"MSP id twice":          {func(s *genesis.Spec) { s.Application.Organizations[1].MSPID = "Org1MSP" }, "application.organizations[1]"},
		"name twice":            {func(s *genesis.Spec) { s.Application.Organizations[1].Name = "Org1" }, "application.organizations[1]"},
		"no MSP folder":         {func(s *genesis.Spec) { s.Application.Organizations[0].MSPDir = "gone" }, "organisation Org1"},
		"endpoint without port": {func(s *genesis.Spec) { s.Orderer.Organizations[0].OrdererEndpoints = []string{"orderer"} }, `"orderer" is not host:port`},
		"anchor without port":   {func(s *genesis.Spec) { s.Application.Organizations[0].AnchorPeers = []string{"peer0:"} }, "port"},
		"no orderer endpoint":   {func(s *genesis.Spec) { s.Orderer.Organizations[0].OrdererEndpoints = nil }, "ordererEndpoints"},
		"unknown capability":    {func(s *genesis.Spec) { s.Application.Capabilities = []string{"V4_2"} }, `"V4_2"`},
		"policy":                {func(s *genesis.Spec) { s.Application.Policies = genesis.Policies{"Admins": "SOME Admins"} }, "application.policies.Admins"},
		"org policy":            {func(s *genesis.Spec) { s.Application.Organizations[1].Policies = genesis.Policies{"Admins": "AND("} }, "application.organizations[1] (Org2).policies.Admins"},
		"nonce":                 {func(s *genesis.Spec) { s.Nonce = "xyz" }, "nonce"},
	} {
		s := spec(t)
		tc.edit(s)
		if _, err := s.Block(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v does not mention %s", name, err, tc.want)
		}
	}
}

// foreignCert is a TLS certificate of an organisation that does not order.
func foreignCert(tb testing.TB) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "foreign.crt")
	if err := os.WriteFile(file, catest.New(tb, "Org1").Peer("peer0").TLSCertPEM, 0o644); err != nil {
		tb.Fatal(err)
	}
	return file
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("channel: c\norderer:\n  batchTimeout: 2s\n  absoluteMaxBytes: 10 MB\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := genesis.Parse(data, "")
		if err != nil {
			return
		}
		text, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := genesis.Parse(text, ""); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	})
}
