package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/p2p/wire"
)

// ValidationParameter turns a policy as users write it into what a definition
// carries: "" for the channel's own endorsement policy, a path such as
// /Channel/Application/Endorsement, or an expression such as
// AND('Org1MSP.peer','Org2MSP.peer').
func ValidationParameter(text string) ([]byte, error) {
	switch {
	case text == "":
		return nil, nil
	case text[0] == '/':
		return definition.ReferencePolicy(text), nil
	}
	env, err := policy.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w; it is written like AND('Org1MSP.peer', 'Org2MSP.peer'), with OR, OutOf(n, …), or as a channel policy such as /Channel/Application/Endorsement", text, err)
	}
	return definition.InlinePolicy(env)
}

// PolicyText is a definition's policy in the form that ValidationParameter reads.
func PolicyText(parameter []byte) string {
	d := &definition.Definition{ValidationParameter: parameter}
	env, reference, err := d.SignaturePolicy()
	switch {
	case err != nil:
		return "unreadable"
	case env != nil:
		return policy.String(env)
	}
	return reference
}

// PolicyOrgs are the MSP ids that a definition's own policy names.
func PolicyOrgs(parameter []byte) []string {
	d := &definition.Definition{ValidationParameter: parameter}
	env, _, err := d.SignaturePolicy()
	if err != nil {
		return nil
	}
	var ids []string
	for _, p := range env.GetIdentities() {
		role := &msp.MSPRole{}
		if p.PrincipalClassification == msp.MSPPrincipal_ROLE && proto.Unmarshal(p.Principal, role) == nil {
			ids = append(ids, role.MspIdentifier)
		}
	}
	return ids
}

// lifecycleCall asks _lifecycle one thing; result may be nil.
func lifecycleCall(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel, function string, args, result proto.Message) error {
	c, err := LifecycleCall(channel, function, args)
	if err != nil {
		return err
	}
	raw, err := Ask(ctx, conn, signer, c)
	if err != nil {
		return err
	}
	if result == nil {
		return nil
	}
	if err := proto.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("read the answer of _lifecycle/%s: %w", function, err)
	}
	return nil
}

// LifecycleCall is the call of a function of _lifecycle.
func LifecycleCall(channel, function string, args proto.Message) (Call, error) {
	raw, err := proto.Marshal(args)
	if err != nil {
		return Call{}, err
	}
	return Call{Channel: channel, Chaincode: definition.Namespace, Args: [][]byte{[]byte(function), raw}}, nil
}

// Install gives a chaincode package to a peer; the signer is an administrator of
// its organisation.
func Install(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, pkg []byte) (*lifecycle.InstallChaincodeResult, error) {
	r := &lifecycle.InstallChaincodeResult{}
	err := lifecycleCall(ctx, conn, signer, "", "InstallChaincode",
		&lifecycle.InstallChaincodeArgs{ChaincodeInstallPackage: pkg}, r)
	return r, err
}

// WatchInstall tells of each phase of a peer's install of a package until it is
// over or ctx ends. The error is that of the call: peers of earlier versions do
// not know it.
func WatchInstall(ctx context.Context, conn grpc.ClientConnInterface, packageID string, tell func(phase string)) error {
	phases, err := wire.NewNodeClient(conn).WatchInstall(ctx, &wire.WatchInstallRequest{PackageId: packageID})
	if err != nil {
		return sentence(err)
	}
	for {
		switch p, err := phases.Recv(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return sentence(err)
		default:
			tell(p.Phase)
		}
	}
}

// Installed lists the packages of a peer.
func Installed(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer) ([]*lifecycle.QueryInstalledChaincodesResult_InstalledChaincode, error) {
	r := &lifecycle.QueryInstalledChaincodesResult{}
	err := lifecycleCall(ctx, conn, signer, "", "QueryInstalledChaincodes", &lifecycle.QueryInstalledChaincodesArgs{}, r)
	return r.InstalledChaincodes, err
}

// Approve records at a peer that its organisation approves a definition and runs
// it from the package, or from none when packageID is empty. The peers of the
// organisation pass the record on.
func Approve(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel string, d *definition.Definition, packageID string) error {
	source := &lifecycle.ChaincodeSource{Type: &lifecycle.ChaincodeSource_Unavailable_{Unavailable: &lifecycle.ChaincodeSource_Unavailable{}}}
	if packageID != "" {
		source = &lifecycle.ChaincodeSource{Type: &lifecycle.ChaincodeSource_LocalPackage{
			LocalPackage: &lifecycle.ChaincodeSource_Local{PackageId: packageID}}}
	}
	return lifecycleCall(ctx, conn, signer, channel, "ApproveChaincodeDefinitionForMyOrg", &lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{
		Name: d.Name, Version: d.Version, Sequence: d.Sequence,
		EndorsementPlugin: d.EndorsementPlugin, ValidationPlugin: d.ValidationPlugin,
		ValidationParameter: d.ValidationParameter, InitRequired: d.InitRequired, Source: source,
	}, nil)
}

// Approved returns the approval that a peer's organisation has on record for a
// sequence, nil when there is none. Sequence 0 is the latest.
func Approved(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel, name string, sequence int64) (*lifecycle.QueryApprovedChaincodeDefinitionResult, error) {
	r := &lifecycle.QueryApprovedChaincodeDefinitionsResult{}
	err := lifecycleCall(ctx, conn, signer, channel, "QueryApprovedChaincodeDefinitions", &lifecycle.QueryApprovedChaincodeDefinitionsArgs{}, r)
	if err != nil {
		return nil, err
	}
	var found *lifecycle.QueryApprovedChaincodeDefinitionResult
	for _, a := range r.ApprovedChaincodeDefinitions {
		if a.Name == name && (sequence == a.Sequence || sequence == 0) && a.Sequence > found.GetSequence() {
			found = &lifecycle.QueryApprovedChaincodeDefinitionResult{
				Sequence: a.Sequence, Version: a.Version, InitRequired: a.InitRequired,
				EndorsementPlugin: a.EndorsementPlugin, ValidationPlugin: a.ValidationPlugin,
				ValidationParameter: a.ValidationParameter, Source: a.Source,
			}
		}
	}
	return found, nil
}

// CommitCall is the transaction that commits a definition. It is endorsed by
// every organisation that approved the same.
func CommitCall(channel string, d *definition.Definition) (Call, error) {
	return LifecycleCall(channel, "CommitChaincodeDefinition", &lifecycle.CommitChaincodeDefinitionArgs{
		Name: d.Name, Version: d.Version, Sequence: d.Sequence,
		EndorsementPlugin: d.EndorsementPlugin, ValidationPlugin: d.ValidationPlugin,
		ValidationParameter: d.ValidationParameter, InitRequired: d.InitRequired,
	})
}

// Definitions lists what is committed on a channel, as a peer of it sees it.
func Definitions(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel string) ([]*lifecycle.QueryChaincodeDefinitionsResult_ChaincodeDefinition, error) {
	r := &lifecycle.QueryChaincodeDefinitionsResult{}
	err := lifecycleCall(ctx, conn, signer, channel, "QueryChaincodeDefinitions", &lifecycle.QueryChaincodeDefinitionsArgs{}, r)
	return r.ChaincodeDefinitions, err
}

// Defined returns the committed definition of one chaincode, nil when there is
// none.
func Defined(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel, name string) (*lifecycle.QueryChaincodeDefinitionResult, error) {
	r := &lifecycle.QueryChaincodeDefinitionResult{}
	err := lifecycleCall(ctx, conn, signer, channel, "QueryChaincodeDefinition", &lifecycle.QueryChaincodeDefinitionArgs{Name: name}, r)
	var refused *RefusedError
	if errors.As(err, &refused) && refused.Status == 404 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}
