package genesis

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/policy"
)

// validate checks what can be told by the key of the file; channel.FromBlock
// checks the rest on the finished block.
func (s *Spec) validate() error {
	if err := channel.CheckID(s.Channel); err != nil {
		return fmt.Errorf("channel: %w", err)
	}
	if s.Orderer.Type != channel.ConsensusRaft {
		return fmt.Errorf("orderer.type: %q is not supported, only %s is", s.Orderer.Type, channel.ConsensusRaft)
	}
	for _, check := range []func() error{s.validateBatch, s.validateOrgs, s.validateConsenters, s.validatePolicies} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) validateBatch() error {
	o := s.Orderer
	switch {
	case o.BatchTimeout <= 0:
		return errors.New("orderer.batchTimeout: it must be more than zero")
	case o.PreferredMaxBytes > o.AbsoluteMaxBytes:
		return fmt.Errorf("orderer.preferredMaxBytes: %d is more than absoluteMaxBytes (%d)", o.PreferredMaxBytes, o.AbsoluteMaxBytes)
	case o.Raft.TickInterval <= 0:
		return errors.New("orderer.raft.tickInterval: it must be more than zero")
	case o.Raft.ElectionTick <= o.Raft.HeartbeatTick:
		return fmt.Errorf("orderer.raft.electionTick: %d must be more than heartbeatTick (%d)", o.Raft.ElectionTick, o.Raft.HeartbeatTick)
	}
	return nil
}

func (s *Spec) validateOrgs() error {
	if err := validateSide("orderer.organizations", s.Orderer.Organizations); err != nil {
		return err
	}
	if err := validateSide("application.organizations", s.Application.Organizations); err != nil {
		return err
	}
	for i, o := range s.Orderer.Organizations {
		if len(o.OrdererEndpoints) == 0 {
			return fmt.Errorf("orderer.organizations[%d] (%s): it needs ordererEndpoints", i, o.Name)
		}
		if len(o.AnchorPeers) > 0 {
			return fmt.Errorf("orderer.organizations[%d] (%s): anchorPeers belong to application organisations", i, o.Name)
		}
	}
	for i, o := range s.Application.Organizations {
		if len(o.OrdererEndpoints) > 0 {
			return fmt.Errorf("application.organizations[%d] (%s): ordererEndpoints belong to ordering organisations", i, o.Name)
		}
	}
	return nil
}

func validateSide(key string, orgs []Org) error {
	if len(orgs) == 0 {
		return fmt.Errorf("%s: there must be at least one", key)
	}
	names, ids := map[string]bool{}, map[string]bool{}
	for i, o := range orgs {
		at := fmt.Sprintf("%s[%d] (%s)", key, i, o.Name)
		switch {
		case o.Name == "" || o.MSPID == "" || o.MSPDir == "":
			return fmt.Errorf("%s: name, mspID and mspDir are needed", at)
		case names[o.Name]:
			return fmt.Errorf("%s: another organisation has this name", at)
		case ids[o.MSPID]:
			return fmt.Errorf("%s: another organisation has the mspID %s", at, o.MSPID)
		}
		names[o.Name], ids[o.MSPID] = true, true
		for _, e := range slices.Concat(o.AnchorPeers, o.OrdererEndpoints) {
			if err := channel.CheckEndpoint(e); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
	}
	return nil
}

func (s *Spec) validateConsenters() error {
	if len(s.Orderer.Consenters) == 0 {
		return errors.New("orderer.consenters: there must be at least one")
	}
	for i, c := range s.Orderer.Consenters {
		if c.Host == "" || c.Port == 0 {
			return fmt.Errorf("orderer.consenters[%d]: host and port are needed", i)
		}
		known := func(o Org) bool { return o.MSPID == c.MSPID }
		if c.MSPID != "" && !slices.ContainsFunc(s.Orderer.Organizations, known) {
			return fmt.Errorf("orderer.consenters[%d].mspID: no ordering organisation has the mspID %q", i, c.MSPID)
		}
	}
	return nil
}

func (s *Spec) validatePolicies() error {
	if err := s.Policies.validate("policies"); err != nil {
		return err
	}
	sides := []struct {
		key      string
		policies Policies
		orgs     []Org
	}{
		{"orderer", s.Orderer.Policies, s.Orderer.Organizations},
		{"application", s.Application.Policies, s.Application.Organizations},
	}
	for _, side := range sides {
		if err := side.policies.validate(side.key + ".policies"); err != nil {
			return err
		}
		for i, o := range side.orgs {
			if err := o.Policies.validate(fmt.Sprintf("%s.organizations[%d] (%s).policies", side.key, i, o.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p Policies) validate(key string) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if isImplicitMeta(p[name]) {
			continue
		}
		if _, err := policy.Parse(p[name]); err != nil {
			return fmt.Errorf("%s.%s: %q is neither like MAJORITY Admins nor a signature policy: %w", key, name, p[name], err)
		}
	}
	return nil
}

// isImplicitMeta tells "ANY Readers" from "OR('Org1MSP.member')".
func isImplicitMeta(rule string) bool {
	words := strings.Fields(rule)
	return len(words) == 2 && slices.Contains([]string{"ANY", "ALL", "MAJORITY"}, words[0])
}

// checkConsenterChains makes sure that the TLS certificates of each consenter
// come from the TLS CA of an ordering organisation; otherwise the cluster would
// form and every connection in it be refused.
func (s *Spec) checkConsenterChains(cfg *channel.Config) error {
	for i, c := range s.Orderer.Consenters {
		for kind, text := range map[string][]byte{
			"clientTLSCert": cfg.Consenters[i].ClientTlsCert,
			"serverTLSCert": cfg.Consenters[i].ServerTlsCert,
		} {
			if err := checkChain(text, issuers(cfg, c.MSPID)); err != nil {
				return fmt.Errorf("orderer.consenters[%d].%s: %w", i, kind, err)
			}
		}
	}
	return nil
}

func issuers(cfg *channel.Config, mspID string) []*channel.Org {
	if org, ok := cfg.Orderers[mspID]; ok {
		return []*channel.Org{org}
	}
	return slices.Collect(maps.Values(cfg.Orderers))
}

func checkChain(text []byte, by []*channel.Org) error {
	cert, err := channel.ParseCertificate(text)
	if err != nil {
		return err
	}
	var names []string
	for _, org := range by {
		_, err := cert.Verify(x509.VerifyOptions{
			Roots:       org.TLSRoots,
			CurrentTime: validAt(cert.NotBefore),
			KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			return nil
		}
		names = append(names, org.MSPID)
	}
	slices.Sort(names)
	return fmt.Errorf("the certificate of %q is not issued by the TLS CA of %s", cert.Subject.CommonName, strings.Join(names, " or "))
}
