package main

import (
	"errors"
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
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/sandbox"
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
		Chaincode           limits        `koanf:"chaincode"`
		Compile             struct {
			CPU     time.Duration `koanf:"cpu"`
			Memory  int64         `koanf:"memory"`
			Timeout time.Duration `koanf:"timeout"`
		} `koanf:"compile"`
	} `koanf:"peer"`
	Log struct {
		Level  string `koanf:"level"`
		Format string `koanf:"format"`
	} `koanf:"log"`
}

// limits of a chaincode call, as wasm.Limits has them.
type limits struct {
	Fuel          uint64 `koanf:"fuel"`
	CallDepth     int    `koanf:"callDepth"`
	MemoryPages   uint32 `koanf:"memoryPages"`
	ArgBytes      int    `koanf:"argBytes"`
	ResponseBytes int    `koanf:"responseBytes"`
	EventBytes    int    `koanf:"eventBytes"`
	WriteBytes    int    `koanf:"writeBytes"`
	WriteKeys     int    `koanf:"writeKeys"`
	LogBytes      int    `koanf:"logBytes"`
	Iterators     int    `koanf:"iterators"`
	HostCalls     int    `koanf:"hostCalls"`
	ScanRecords   int    `koanf:"scanRecords"`
	Concurrent    int    `koanf:"concurrent"`
}

func (l limits) wasm() wasm.Limits {
	return wasm.Limits{
		Fuel: l.Fuel, CallDepth: l.CallDepth, MemoryPages: l.MemoryPages,
		ArgBytes: l.ArgBytes, ResponseBytes: l.ResponseBytes, EventBytes: l.EventBytes,
		WriteBytes: l.WriteBytes, WriteKeys: l.WriteKeys, LogBytes: l.LogBytes,
		Iterators: l.Iterators, HostCalls: l.HostCalls, ScanRecords: l.ScanRecords, Concurrent: l.Concurrent,
	}
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
	if err := knownKeys(k.Keys(), known); err != nil {
		return node.Config{}, "", fmt.Errorf("configuration file %s: %w", path, err)
	}
	if err := environment(k, known); err != nil {
		return node.Config{}, "", err
	}
	f, err := decode(k)
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
	c := f.node(filepath.Dir(path))
	if err := c.Validate(); err != nil {
		return node.Config{}, "", fmt.Errorf("configuration file %s: %w", path, err)
	}
	return c, f.Log.Format, nil
}

// decode takes values apart. An error names each key with its value.
func decode(k *koanf.Koanf) (f fileConfig, err error) {
	err = k.UnmarshalWithConf("", &f, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		ErrorUnused: true, WeaklyTypedInput: true, Result: &f, TagName: "koanf",
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	var errs []error
	each(err, func(bad *mapstructure.DecodeError) {
		errs = append(errs, fmt.Errorf("%s: %w, and it is %v", bad.Name(), bad.Unwrap(), k.Get(bad.Name())))
	})
	if len(errs) > 0 {
		return f, errors.Join(errs...)
	}
	return f, err
}

// each visits every error of a type in a tree of errors.
func each[E error](err error, visit func(E)) {
	if e, ok := err.(E); ok {
		visit(e)
		return
	}
	switch x := err.(type) {
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			each(e, visit)
		}
	case interface{ Unwrap() error }:
		each(x.Unwrap(), visit)
	}
}

// environment puts variables over what the file says.
func environment(k *koanf.Koanf, known map[string]string) error {
	var unknown []error
	err := k.Load(env.Provider(".", env.Opt{Prefix: envPrefix, TransformFunc: func(name, value string) (string, any) {
		key := known[strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, envPrefix), "_", "."))]
		if key == "" {
			unknown = append(unknown, fmt.Errorf("environment: %s stands for no key of the configuration; %s", name, hint))
		}
		return key, value
	}}), nil)
	return errors.Join(append(unknown, err)...)
}

const hint = "docs/configuration.md explains every key"

// knownKeys refuses keys that mean nothing.
func knownKeys(given []string, known map[string]string) error {
	var errs []error
	for _, key := range given {
		spelled := known[strings.ToLower(key)]
		switch {
		case spelled == key || group(key, known):
		case spelled != "":
			errs = append(errs, fmt.Errorf("unknown key %q: it is spelled %s", key, spelled))
		default:
			errs = append(errs, fmt.Errorf("unknown key %q: %s", key, hint))
		}
	}
	return errors.Join(errs...)
}

// group tells whether a key without a value, such as peer, has keys below it.
func group(key string, known map[string]string) bool {
	for _, k := range known {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
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
		Fatal: end,
		TLS:   node.TLS{Cert: at(f.TLS.Cert), Key: at(f.TLS.Key)},
		Admin: node.Admin{Listen: f.Admin.Listen, TLS: node.TLS{Cert: at(f.Admin.TLS.Cert), Key: at(f.Admin.TLS.Key)}},
		Peer: node.PeerConfig{
			ValidatorWorkers: f.Peer.ValidatorWorkers, EndorserConcurrency: f.Peer.EndorserConcurrency,
			GatewayConcurrency: f.Peer.GatewayConcurrency, ExecuteTimeout: f.Peer.ExecuteTimeout, WasmCache: at(f.Peer.WasmCache),
			Chaincode: f.Peer.Chaincode.wasm(),
			Compiler:  sandbox.Self(),
			Compile:   sandbox.Limits{CPU: f.Peer.Compile.CPU, Memory: f.Peer.Compile.Memory, Wall: f.Peer.Compile.Timeout},
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
