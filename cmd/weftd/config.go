package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/weft-network/weft/node"
)

// fileConfig is the configuration file. Its keys are documented in
// docs/configuration.md; relative paths are relative to the file.
type fileConfig struct {
	Roles      []string `koanf:"roles"`
	MSPID      string   `koanf:"mspID"`
	MSPDir     string   `koanf:"mspDir"`
	DataDir    string   `koanf:"dataDir"`
	Listen     string   `koanf:"listen"`
	Endpoint   string   `koanf:"endpoint"`
	TLS        tlsFiles `koanf:"tls"`
	P2P        []string `koanf:"p2p"`
	Operations string   `koanf:"operations"`
	Profile    bool     `koanf:"operationsProfile"`
	Admin      struct {
		Listen    string   `koanf:"listen"`
		TLS       tlsFiles `koanf:"tls"`
		ClientCAs []string `koanf:"clientCAs"`
	} `koanf:"admin"`
	Peer struct {
		ValidatorWorkers    int           `koanf:"validatorWorkers"`
		EndorserConcurrency int           `koanf:"endorserConcurrency"`
		GatewayConcurrency  int           `koanf:"gatewayConcurrency"`
		ExecuteTimeout      time.Duration `koanf:"executeTimeout"`
		WasmCache           string        `koanf:"wasmCache"`
	} `koanf:"peer"`
	Log struct {
		Level  string `koanf:"level"`
		Format string `koanf:"format"`
	} `koanf:"log"`
}

type tlsFiles struct {
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
}

const envPrefix = "WEFTD_"

// load reads a configuration file and the environment over it. Unknown keys are
// errors that name the key.
func load(path string, level *slog.LevelVar) (node.Config, string, error) {
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		return node.Config{}, "", fmt.Errorf("configuration file %s: %w", path, err)
	}
	known := keys(reflect.TypeFor[fileConfig](), "")
	err := k.Load(env.Provider(".", env.Opt{Prefix: envPrefix, TransformFunc: func(name, value string) (string, any) {
		key := known[strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, envPrefix), "_", "."))]
		if key == "" {
			return strings.TrimPrefix(name, envPrefix), value // unknown: the decoder names it
		}
		return key, value
	}}), nil)
	if err != nil {
		return node.Config{}, "", fmt.Errorf("environment: %w", err)
	}
	var f fileConfig
	err = k.UnmarshalWithConf("", &f, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		ErrorUnused: true, WeaklyTypedInput: true, Result: &f, TagName: "koanf",
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		return node.Config{}, "", fmt.Errorf("configuration file %s: %w", path, err)
	}
	if f.Log.Level != "" {
		if err := level.UnmarshalText([]byte(f.Log.Level)); err != nil {
			return node.Config{}, "", fmt.Errorf("configuration file %s: log.level: debug, info, warn or error: %w", path, err)
		}
	}
	if f.Log.Format != "" && f.Log.Format != "text" && f.Log.Format != "json" {
		return node.Config{}, "", fmt.Errorf("configuration file %s: log.format %q: text or json", path, f.Log.Format)
	}
	return f.node(filepath.Dir(path)), f.Log.Format, nil
}

// keys maps each key in small letters to its spelling in the file.
func keys(t reflect.Type, prefix string) map[string]string {
	m := map[string]string{}
	for i := range t.NumField() {
		key := prefix + t.Field(i).Tag.Get("koanf")
		if ft := t.Field(i).Type; ft.Kind() == reflect.Struct {
			for l, k := range keys(ft, key+".") {
				m[l] = k
			}
			continue
		}
		m[strings.ToLower(key)] = key
	}
	return m
}

func (f *fileConfig) node(base string) node.Config {
	at := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(base, p)
	}
	c := node.Config{
		MSPID: f.MSPID, MSPDir: at(f.MSPDir), DataDir: at(f.DataDir),
		Listen: f.Listen, Endpoint: f.Endpoint, Operations: f.Operations, Profile: f.Profile, P2P: f.P2P,
		TLS:   node.TLS{Cert: at(f.TLS.Cert), Key: at(f.TLS.Key)},
		Admin: node.Admin{Listen: f.Admin.Listen, TLS: node.TLS{Cert: at(f.Admin.TLS.Cert), Key: at(f.Admin.TLS.Key)}},
		Peer: node.PeerConfig{
			ValidatorWorkers: f.Peer.ValidatorWorkers, EndorserConcurrency: f.Peer.EndorserConcurrency,
			GatewayConcurrency: f.Peer.GatewayConcurrency, ExecuteTimeout: f.Peer.ExecuteTimeout, WasmCache: at(f.Peer.WasmCache),
		},
	}
	for _, r := range f.Roles {
		c.Roles = append(c.Roles, node.Role(r))
	}
	for _, ca := range f.Admin.ClientCAs {
		c.Admin.ClientCAs = append(c.Admin.ClientCAs, at(ca))
	}
	return c
}
