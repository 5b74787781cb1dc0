package lifecycle

import (
	"context"
	"fmt"

	lb "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/protobuf/proto"
)

func (l *Lifecycle) install(ctx context.Context, c *call) (proto.Message, error) {
	args := &lb.InstallChaincodeArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	id, label, err := l.cfg.Packages.Install(ctx, args.ChaincodeInstallPackage)
	if err != nil {
		return nil, err
	}
	return &lb.InstallChaincodeResult{PackageId: id, Label: label}, nil
}

func (l *Lifecycle) getPackage(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.GetInstalledChaincodePackageArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	raw, err := l.cfg.Packages.Bytes(args.PackageId)
	if err != nil {
		return nil, fmt.Errorf("could not load cc install package: %w", err)
	}
	return &lb.GetInstalledChaincodePackageResult{ChaincodeInstallPackage: raw}, nil
}

func (l *Lifecycle) queryInstalled(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.QueryInstalledChaincodeArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	label, ok := l.cfg.Packages.Label(args.PackageId)
	if !ok {
		return nil, fmt.Errorf("could not find chaincode with package id '%s'", args.PackageId)
	}
	uses, err := l.uses()
	if err != nil {
		return nil, err
	}
	result := &lb.QueryInstalledChaincodeResult{
		PackageId: args.PackageId, Label: label,
		References: map[string]*lb.QueryInstalledChaincodeResult_References{},
	}
	for _, u := range uses[args.PackageId] {
		refs := result.References[u.channel]
		if refs == nil {
			refs = &lb.QueryInstalledChaincodeResult_References{}
			result.References[u.channel] = refs
		}
		refs.Chaincodes = append(refs.Chaincodes, &lb.QueryInstalledChaincodeResult_Chaincode{Name: u.name, Version: u.version})
	}
	return result, nil
}

func (l *Lifecycle) listInstalled(_ context.Context, _ *call) (proto.Message, error) {
	uses, err := l.uses()
	if err != nil {
		return nil, err
	}
	result := &lb.QueryInstalledChaincodesResult{}
	for _, id := range l.cfg.Packages.List() {
		label, _ := l.cfg.Packages.Label(id)
		one := &lb.QueryInstalledChaincodesResult_InstalledChaincode{
			PackageId: id, Label: label,
			References: map[string]*lb.QueryInstalledChaincodesResult_References{},
		}
		for _, u := range uses[id] {
			refs := one.References[u.channel]
			if refs == nil {
				refs = &lb.QueryInstalledChaincodesResult_References{}
				one.References[u.channel] = refs
			}
			refs.Chaincodes = append(refs.Chaincodes, &lb.QueryInstalledChaincodesResult_Chaincode{Name: u.name, Version: u.version})
		}
		result.InstalledChaincodes = append(result.InstalledChaincodes, one)
	}
	return result, nil
}

// use is a committed chaincode that runs a package here.
type use struct{ channel, name, version string }

// uses tells, by package id, which committed chaincodes run a package.
func (l *Lifecycle) uses() (map[string][]use, error) {
	all := map[string][]use{}
	for _, ch := range l.cfg.Channels() {
		definitions, err := committedOn(ch)
		if err != nil {
			return nil, err
		}
		for _, d := range definitions {
			if a := l.cfg.Approvals.Get(ch.ID(), d.Name, d.Sequence); a != nil && a.PackageID != "" && a.agrees(d) == nil {
				all[a.PackageID] = append(all[a.PackageID], use{ch.ID(), d.Name, d.Version})
			}
		}
	}
	return all, nil
}
