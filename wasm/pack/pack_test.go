package pack

import (
	"bytes"
	"strings"
	"testing"
)

func TestAPackageIsReadAsItWasWritten(t *testing.T) {
	raw, err := Write("asset_1.0", []byte("\x00asm"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	if p.Label != "asset_1.0" || p.Type != Type || string(p.Code) != "\x00asm" {
		t.Errorf("got %+v", p)
	}
}

func TestTheSameModuleMakesTheSamePackage(t *testing.T) {
	a, _ := Write("x", []byte("module"))
	b, _ := Write("x", []byte("module"))
	if !bytes.Equal(a, b) || ID("x", a) != ID("x", b) {
		t.Error("two packages of one module differ")
	}
}

func TestBadPackagesAreRefusedWithTheReason(t *testing.T) {
	make := func(files ...file) []byte {
		raw, err := archive(files...)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	code := make(file{"a.wasm", []byte("x")})
	meta := func(s string) file { return file{"metadata.json", []byte(s)} }
	good := meta(`{"type":"wasm","label":"a"}`)
	for want, raw := range map[string][]byte{
		"not a gzip file":        []byte("no"),
		"metadata.json is miss":  make(file{"code.tar.gz", code}),
		"code.tar.gz is missing": make(good),
		"unknown chaincode type": make(meta(`{"type":"golang","label":"a"}`), file{"code.tar.gz", code}),
		"invalid label":          make(meta(`{"type":"wasm","label":"../a"}`), file{"code.tar.gz", code}),
		"no .wasm file":          make(good, file{"code.tar.gz", make(file{"main.go", nil})}),
		"a second module":        make(good, file{"code.tar.gz", make(file{"a.wasm", []byte("x")}, file{"b.wasm", []byte("x")})}),
		"leads outside":          make(good, file{"code.tar.gz", make(file{"../a.wasm", []byte("x")})}),
	} {
		if _, err := Read(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	raw, err := Write("a", []byte("module"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := Read(raw); err == nil && (CheckLabel(p.Label) != nil || len(p.Code) > MaxModule) {
			t.Errorf("accepted %q with %d bytes", p.Label, len(p.Code))
		}
	})
}
