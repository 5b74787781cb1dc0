package channel

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

// maxWords bounds the text of one element.
const maxWords = 400

// textOf is an element's content in words.
func textOf(p place, e element) string {
	text := ""
	switch e := e.(type) {
	case *common.ConfigGroup:
		text = groupText(e)
	case *common.ConfigValue:
		text = valueText(p.path[strings.LastIndexByte(p.path, '/')+1:], e.GetValue())
	case *common.ConfigPolicy:
		text = policyText(e.GetPolicy())
	}
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "…"
	}
	return text
}

// groupText names an organisation by its MSP.
func groupText(g *common.ConfigGroup) string {
	if v, ok := g.GetValues()["MSP"]; ok {
		return "the organisation " + words(v.GetValue(), &msp.MSPConfig{}, func(m *msp.MSPConfig) string {
			return words(m.GetConfig(), &msp.FabricMSPConfig{}, func(f *msp.FabricMSPConfig) string { return clip(f.GetName()) })
		})
	}
	return fmt.Sprintf("a group of %d groups, %d values and %d policies", len(g.GetGroups()), len(g.GetValues()), len(g.GetPolicies()))
}

func policyText(p *common.Policy) string {
	if common.Policy_PolicyType(p.GetType()) == common.Policy_SIGNATURE {
		env := &common.SignaturePolicyEnvelope{}
		if proto.Unmarshal(p.GetValue(), env) == nil {
			return policy.String(env)
		}
	} else if meta, err := implicitMeta(p); err == nil {
		return meta.GetRule().String() + " " + clip(meta.GetSubPolicy())
	}
	return "a policy without words"
}

// words print the message that a value's name stands for.
func words[M proto.Message](raw []byte, msg M, print func(M) string) string {
	if proto.Unmarshal(raw, msg) != nil {
		return fmt.Sprintf("%d unreadable bytes", len(raw))
	}
	return print(msg)
}

func valueText(name string, raw []byte) string {
	switch name {
	case "MSP":
		return mspText(raw)
	case "ConsensusType":
		return words(raw, &orderer.ConsensusType{}, consensusText)
	case "BatchTimeout":
		return words(raw, &orderer.BatchTimeout{}, (*orderer.BatchTimeout).GetTimeout)
	case "BatchSize":
		return words(raw, &orderer.BatchSize{}, func(b *orderer.BatchSize) string {
			return fmt.Sprintf("%d messages, %d bytes at most, %d bytes preferred", b.MaxMessageCount, b.AbsoluteMaxBytes, b.PreferredMaxBytes)
		})
	case "Capabilities":
		return words(raw, &common.Capabilities{}, func(c *common.Capabilities) string { return listText(sortedKeys(c.Capabilities)) })
	case "Endpoints", "OrdererAddresses":
		return words(raw, &common.OrdererAddresses{}, func(a *common.OrdererAddresses) string { return listText(a.Addresses) })
	case "AnchorPeers":
		return words(raw, &peer.AnchorPeers{}, anchorsText)
	case "ACLs":
		return words(raw, &peer.ACLs{}, aclsText)
	case "HashingAlgorithm":
		return words(raw, &common.HashingAlgorithm{}, (*common.HashingAlgorithm).GetName)
	case "Consortium":
		return words(raw, &common.Consortium{}, (*common.Consortium).GetName)
	}
	return fmt.Sprintf("%d bytes", len(raw))
}

func listText(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

func mspText(raw []byte) string {
	return words(raw, &msp.MSPConfig{}, func(m *msp.MSPConfig) string {
		return words(m.GetConfig(), &msp.FabricMSPConfig{}, func(f *msp.FabricMSPConfig) string {
			return fmt.Sprintf("%s, CAs: %d root, %d intermediate, %d TLS; listed administrators: %d; revocation lists: %d", clip(f.GetName()),
				len(f.GetRootCerts()), len(f.GetIntermediateCerts()), len(f.GetTlsRootCerts())+len(f.GetTlsIntermediateCerts()), len(f.GetAdmins()), len(f.GetRevocationList()))
		})
	})
}

func consensusText(ct *orderer.ConsensusType) string {
	text := clip(ct.GetType())
	if ct.GetState() != orderer.ConsensusType_STATE_NORMAL {
		text += " in " + ct.GetState().String()
	}
	return text + " of " + words(ct.GetMetadata(), &etcdraft.ConfigMetadata{}, func(m *etcdraft.ConfigMetadata) string {
		var all []string
		for _, c := range m.GetConsenters() {
			all = append(all, net.JoinHostPort(c.GetHost(), strconv.Itoa(int(c.GetPort()))))
		}
		o := m.GetOptions()
		return fmt.Sprintf("%s; tick %s, heartbeat %d, election %d ticks", listText(all), o.GetTickInterval(), o.GetHeartbeatTick(), o.GetElectionTick())
	})
}

func anchorsText(a *peer.AnchorPeers) string {
	var all []string
	for _, p := range a.GetAnchorPeers() {
		all = append(all, net.JoinHostPort(p.GetHost(), strconv.Itoa(int(p.GetPort()))))
	}
	return listText(all)
}

func aclsText(a *peer.ACLs) string {
	var all []string
	for _, resource := range sortedKeys(a.GetAcls()) {
		all = append(all, resource+" by "+a.GetAcls()[resource].GetPolicyRef())
	}
	return listText(all)
}
