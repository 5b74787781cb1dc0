package weft_test

// Keeps the modules that later code needs in go.mod until it is there.
import (
	_ "github.com/gofrs/flock"
	_ "github.com/knadh/koanf/parsers/yaml"
	_ "github.com/knadh/koanf/providers/env/v2"
	_ "github.com/knadh/koanf/providers/file"
	_ "github.com/knadh/koanf/v2"
	_ "golang.org/x/mod/modfile"
	_ "golang.org/x/sync/errgroup"
	_ "gopkg.in/yaml.v3"
	_ "pgregory.net/rapid"
	_ "github.com/spf13/cobra"
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/hyperledger/fabric-config/configtx"
	_ "github.com/hyperledger/fabric-config/protolator"
	_ "github.com/hyperledger/fabric-gateway/pkg/client"
	_ "github.com/libp2p/go-libp2p"
	_ "github.com/libp2p/go-libp2p-pubsub"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/tetratelabs/wazero"
	_ "go.etcd.io/raft/v3"
)
