package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Peers of different execution profiles may answer a proposal differently, so a
// transaction is endorsed by peers of one: this peer's where that is possible.

// company are the candidates of one execution profile.
type company struct {
	profile string
	peers   map[string][]Endorser // by organisation
}

// companies groups candidates by the profile that they run a chaincode under,
// this peer's first, else in the order of the candidates. System chaincodes have
// no profile, so all are one.
func companies(list []Endorser, chaincode, home string) []company {
	var all []company
	for _, e := range list {
		profile := e.Profiles[chaincode]
		i := slices.IndexFunc(all, func(c company) bool { return c.profile == profile })
		if i < 0 {
			i = len(all)
			all = append(all, company{profile, map[string][]Endorser{}})
		}
		all[i].peers[e.MSPID] = append(all[i].peers[e.MSPID], e)
	}
	slices.SortStableFunc(all, func(a, b company) int { return first(a.profile == home, b.profile == home) })
	return all
}

// turn goes on to the peers of the next profile; false when there are none. What
// the last ones answered no longer counts.
func (c *collection) turn() bool {
	if len(c.companies) == 0 {
		return false
	}
	c.peers, c.companies = c.companies[0].peers, c.companies[1:]
	c.answers = nil
	return true
}

// divided explains that the policy asks for peers of different profiles; nil
// when it is not that.
func (c *collection) divided() error {
	count, profiles := map[string]int{}, map[string]bool{}
	for _, e := range c.all {
		count[e.MSPID]++
		profiles[e.Profiles[c.p.chaincode]] = true
	}
	if len(profiles) < 2 || !c.pick([]*answers{{layouts: c.layouts}}, func(org string) int { return count[org] }) {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: "+
		"the peers that could endorse chaincode %s run it under different execution profiles, and those of one are not enough: %s: "+
		"give them the same version of Weft and the same limits under peer.chaincode", c.p.chaincode, profilesOf(c.all, c.p.chaincode))
}

// maxNamed bounds the peers that an error names.
const maxNamed = 16

func profilesOf(all []Endorser, chaincode string) string {
	var names []string
	for _, e := range all {
		names = append(names, fmt.Sprintf("%s of %s runs %s", e.Endpoint, e.MSPID, profileName(e.Profiles[chaincode])))
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// profileName is a profile as text; others may say what they like.
func profileName(profile string) string {
	const most = 64
	return cmp.Or(strings.ToValidUTF8(profile[:min(most, len(profile))], "\uFFFD"), "one that is not told")
}

// unasked are details about peers whose profile was of no help.
func (c *collection) unasked() []*gw.ErrorDetail {
	tried := map[string]bool{}
	for _, e := range c.asked {
		tried[e.Profiles[c.p.chaincode]] = true
	}
	var details []*gw.ErrorDetail
	for _, e := range c.all {
		if profile := e.Profiles[c.p.chaincode]; !tried[profile] && len(details) < maxNamed {
			details = append(details, detail(e, "was not asked: it runs the chaincode under execution profile "+profileName(profile)))
		}
	}
	return details
}
