package wasm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/warmup"
)

func BenchmarkLoad(b *testing.B) {
	code := codeOf(b, "counter")
	for _, c := range []struct {
		name   string
		cached bool
	}{{"compile", false}, {"cache", true}} {
		b.Run(c.name, func(b *testing.B) {
			cache := b.TempDir() + "/c"
			for b.Loop() {
				if !c.cached {
					cache = b.TempDir() + "/c"
				}
				r, err := wasm.New(wasm.Config{CacheDir: cache})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Load(context.Background(), "counter:1", code); err != nil {
					b.Fatal(err)
				}
				if err := r.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInvoke is what one call costs with the reset that follows it. Each
// chaincode declares warm-up calls as its author would; the examples have their
// own. Move and transfer are two reads and two writes.
func BenchmarkInvoke(b *testing.B) {
	const examples = "../chaincode-examples/"
	registerWarmup := vectors("Create a blue 5 Ann 300", "Read a")
	move := [][]string{{"Create", "a", "Ann", "1000000000"}, {"Create", "b", "Ben", "1"}, {"Move", "a", "b", "1"}}
	for _, c := range []struct {
		name, dir string
		warmup    []warmup.Vector
		calls     [][]string // the last one is measured
	}{
		{"native", "testdata/native", vectors("transfer a b"), [][]string{{"transfer", "a", "b"}}},
		{"go", examples + "asset-go", nil, move},
		{"rust", examples + "asset-rust", nil, move},
		{"c", examples + "asset-c", nil, move},
		{"assemblyscript", examples + "asset-as", nil, move},
		{"shim/create", "testdata/register", registerWarmup, [][]string{{"Create", "car", "blue", "5", "Ann", "300"}}},
		{"shim/read", "testdata/register", registerWarmup, [][]string{{"Create", "car", "blue", "5", "Ann", "300"}, {"Read", "car"}}},
		{"shim/cold", "testdata/register", nil, [][]string{{"Create", "car", "blue", "5", "Ann", "300"}, {"Read", "car"}}},
		{"contract/create", examples + "asset-contract", nil, [][]string{{"Create", "car", "5"}}},
		{"contract/read", examples + "asset-contract", nil, [][]string{{"Create", "car", "5"}, {"Read", "car"}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			code, err := moduleOf(c.dir)
			if err != nil {
				b.Skipf("its tools are not here: %v", err)
			}
			if code, err = warmup.Append(code, c.warmup); err != nil {
				b.Fatal(err)
			}
			m, err := runtimeWith(b, wasm.Limits{}).Load(context.Background(), c.name+":1", code)
			if err != nil {
				b.Fatal(err)
			}
			measureCalls(b, m, c.calls)
		})
	}
}

// moduleOf keeps what was built: a benchmark's function runs more than once.
var moduleOf = func() func(string) ([]byte, error) {
	var modules sync.Map
	return func(dir string) ([]byte, error) {
		once, _ := modules.LoadOrStore(dir, sync.OnceValues(source(dir)))
		return once.(func() ([]byte, error))()
	}
}()

func vectors(calls ...string) (v []warmup.Vector) {
	for _, c := range calls {
		var args warmup.Vector
		for _, arg := range strings.Fields(c) {
			args = append(args, []byte(arg))
		}
		v = append(v, args)
	}
	return v
}

// measureCalls measures the last call, on the state that the others have left.
func measureCalls(b *testing.B, m *wasm.Module, calls [][]string) {
	s, creator := newState(), benchCreator(b)
	for _, before := range calls[:len(calls)-1] {
		one := call(before...)
		one.Creator = creator
		if r, err := m.Invoke(context.Background(), one, s); err != nil || r.Status != 200 {
			b.Fatal(before, r, err)
		}
	}
	one, ctx, values := call(calls[len(calls)-1]...), context.Background(), maps.Clone(s.values)
	one.Creator = creator
	var r *wasm.Response
	var err error
	// The fastest batch is what a call takes when nobody else has the machine.
	const batch = 16
	fastest, n, began := time.Hour, 0, time.Now()
	b.ReportAllocs()
	stop := measureProcess(b)
	for b.Loop() {
		if r, err = m.Invoke(ctx, one, s); err != nil || r.Status != 200 {
			b.Fatal(r, err)
		}
		if n++; n%batch == 0 {
			now := time.Now()
			fastest, began = min(fastest, now.Sub(began)), now
		}
		if len(s.values) != len(values) { // what it created has to be new each time
			s.values = maps.Clone(values)
		}
	}
	stop()
	b.ReportMetric(float64(r.FuelUsed), "fuel/op")
	b.ReportMetric(float64(fastest)/batch, "fastest-ns/op")
	b.ReportMetric(float64(m.Own())/1024, "KiB/instance")
}

// benchCreator is a client's identity as Fabric serializes it: a message of two
// fields, the MSP id and a certificate.
func benchCreator(b *testing.B) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Ann"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	field := func(out []byte, tag byte, value []byte) []byte {
		return append(binary.AppendUvarint(append(out, tag), uint64(len(value))), value...)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return field(field(nil, 0x0a, []byte("Org1MSP")), 0x12, certificate)
}
