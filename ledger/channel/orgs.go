package channel

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
)

// readOrgs builds every organisation and the set of their MSPs.
func (c *Config) readOrgs(before *Config) error {
	r := orgReader{known: before.parsed(c.v3()), msps: map[string]*ident.MSP{}, configs: map[string]*msp.MSPConfig{}}
	if !c.v3() {
		r.options = []ident.Option{ident.WithoutEd25519()}
	}
	var err error
	if c.Orderers, err = r.side(c.groups[ordererPath], r.orderer); err != nil {
		return err
	}
	if c.Application, err = r.side(c.groups[applicationPath], r.application); err != nil {
		return err
	}
	var all []*ident.MSP
	for _, id := range sortedKeys(r.msps) {
		all = append(all, r.msps[id])
	}
	if before != nil {
		c.MSPs, err = before.MSPs.Succeed(all...)
	} else {
		c.MSPs, err = ident.NewSet(all...)
	}
	if err != nil {
		return fmt.Errorf("join the MSPs of the channel: %w", err)
	}
	return nil
}

// parsed are the MSPs of a config by the bytes that they were parsed from; none
// if they were parsed under another rule than v3 says.
func (c *Config) parsed(v3 bool) map[string]*ident.MSP {
	if c == nil || c.v3() != v3 {
		return nil
	}
	msps := map[string]*ident.MSP{}
	for path, orgs := range map[string]map[string]*Org{ordererPath: c.Orderers, applicationPath: c.Application} {
		for id, org := range orgs {
			msps[string(c.groups[path+"/"+org.Name].Values["MSP"].GetValue())] = c.MSPs.MSP(id)
		}
	}
	return msps
}

// orgReader remembers the MSPs of the channel, by id. An organisation may both
// order and have peers; then both groups must describe the same MSP.
type orgReader struct {
	known   map[string]*ident.MSP // of the config before, by their bytes
	msps    map[string]*ident.MSP
	configs map[string]*msp.MSPConfig
	options []ident.Option // of every MSP
}

// side reads the organisations of one group, by MSP id.
func (r *orgReader) side(parent *group, fill func(*group, *Org) error) (map[string]*Org, error) {
	if err := parent.onlyOrgs(); err != nil {
		return nil, err
	}
	orgs := map[string]*Org{}
	for _, g := range parent.children() {
		m, err := r.msp(g)
		if err != nil {
			return nil, err
		}
		if other, ok := orgs[m.ID()]; ok {
			return nil, fmt.Errorf("%s/MSP: organisation %s already has the MSP id %s", g.path, other.Name, m.ID())
		}
		org := &Org{Name: g.path[len(parent.path)+1:], MSPID: m.ID(), TLSRoots: m.TLSRoots}
		if err := fill(g, org); err != nil {
			return nil, err
		}
		orgs[m.ID()] = org
	}
	return orgs, nil
}

// onlyOrgs holds the application group to its values; the orderer group was
// checked when its values were read.
func (g *group) onlyOrgs() error {
	if g.path != applicationPath {
		return nil
	}
	return g.onlyValues("ACLs", "Capabilities")
}

func (r *orgReader) msp(g *group) (*ident.MSP, error) {
	cfg := &msp.MSPConfig{}
	if _, ok := g.Values["MSP"]; !ok {
		return nil, fmt.Errorf("%s/MSP: the organisation has no MSP", g.path)
	}
	if err := g.value("MSP", cfg); err != nil {
		return nil, err
	}
	m, ok := r.known[string(g.Values["MSP"].GetValue())]
	if !ok {
		var err error
		if m, err = ident.NewMSP(cfg, r.options...); err != nil {
			return nil, fmt.Errorf("%s/MSP: %w", g.path, err)
		}
	}
	if m.ID() == "" {
		return nil, fmt.Errorf("%s/MSP: the MSP id is empty", g.path)
	}
	if known, ok := r.configs[m.ID()]; ok {
		if !proto.Equal(known, cfg) {
			return nil, fmt.Errorf("%s/MSP: another organisation has the MSP id %s with other certificates or settings", g.path, m.ID())
		}
		return r.msps[m.ID()], nil
	}
	r.configs[m.ID()], r.msps[m.ID()] = cfg, m
	return m, nil
}

func (r *orgReader) orderer(g *group, org *Org) error {
	addresses := &common.OrdererAddresses{}
	if err := errors.Join(g.onlyValues("MSP", "Endpoints"), g.value("Endpoints", addresses)); err != nil {
		return err
	}
	org.Endpoints = addresses.GetAddresses()
	return checkEndpoints(g.path+"/Endpoints", org.Endpoints)
}

func (r *orgReader) application(g *group, org *Org) error {
	anchors := &peer.AnchorPeers{}
	if err := errors.Join(g.onlyValues("MSP", "AnchorPeers"), g.value("AnchorPeers", anchors)); err != nil {
		return err
	}
	for _, a := range anchors.GetAnchorPeers() {
		org.AnchorPeers = append(org.AnchorPeers, net.JoinHostPort(a.GetHost(), strconv.Itoa(int(a.GetPort()))))
	}
	return checkEndpoints(g.path+"/AnchorPeers", org.AnchorPeers)
}
