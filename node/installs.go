package node

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/node/lifecycle"
	"github.com/weft-network/weft/p2p/wire"
)

const (
	// maxWatchers of installs: an administrator has one for each peer.
	maxWatchers = 64
	// watchTime is how long one may watch, for an install and the upload before.
	watchTime = 15 * time.Minute
)

// installs serves weft.Node/WatchInstall. Whoever asks must know the package's
// id, which holds its hash; the answer tells nothing of what is in it.
type installs struct {
	packages *lifecycle.Packages
	slots    chan struct{}
}

func newInstalls(p *lifecycle.Packages) *installs {
	return &installs{packages: p, slots: make(chan struct{}, maxWatchers)}
}

func (i *installs) serve(req *wire.WatchInstallRequest, to grpc.ServerStreamingServer[wire.InstallPhase]) error {
	const most = 256 // label and hash have less
	if id := req.GetPackageId(); id == "" || len(id) > most {
		return status.Errorf(codes.InvalidArgument, "the package id has %d bytes, not 1 to %d", len(id), most)
	}
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	default:
		return status.Errorf(codes.ResourceExhausted, "%d clients watch installs, no more may", maxWatchers)
	}
	ctx, cancel := context.WithTimeout(to.Context(), watchTime)
	defer cancel()
	err := i.packages.Watch(ctx, req.PackageId, func(p lifecycle.Phase) error {
		return to.Send(&wire.InstallPhase{Phase: string(p)})
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return status.Errorf(codes.DeadlineExceeded, "the install is not over after %s", watchTime)
	}
	return err
}
