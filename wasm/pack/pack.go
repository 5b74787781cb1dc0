// Package pack reads and writes chaincode packages in Fabric's form: a tar.gz
// of metadata.json and code.tar.gz, whose code is one WebAssembly module. The
// same module and label always make the same bytes, so that organisations that
// package for themselves get one package id.
package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// Type is the package type of WebAssembly chaincode.
const Type = "wasm"

// ModuleFile is the name under which Write stores the module.
const ModuleFile = "chaincode.wasm"

// Limits of a package. MaxModule is what wasm/check lets through; the rest is
// room for metadata and for index definitions under META-INF.
const (
	MaxModule   = 32 << 20
	maxMetadata = 64 << 10
	maxPackage  = MaxModule + 4<<20
	maxEntries  = 1024
	maxLabel    = 256
)

var labelForm = regexp.MustCompile(`^[[:alnum:]][[:alnum:]_.+-]*$`)

// Package is a package taken apart.
type Package struct {
	Label, Type, Path string
	Code              []byte // the module
}

// ID is the package id: label:hex(SHA-256 of the package).
func ID(label string, raw []byte) string {
	sum := sha256.Sum256(raw)
	return label + ":" + hex.EncodeToString(sum[:])
}

// CheckLabel refuses labels that Fabric refuses.
func CheckLabel(label string) error {
	if len(label) > maxLabel || !labelForm.MatchString(label) {
		return fmt.Errorf("invalid label %q: at most %d letters, digits and _ . + -, beginning with a letter or digit", label, maxLabel)
	}
	return nil
}

type metadata struct {
	Path  string `json:"path"`
	Type  string `json:"type"`
	Label string `json:"label"`
}

// Write makes a package.
func Write(label string, module []byte) ([]byte, error) {
	if err := CheckLabel(label); err != nil {
		return nil, err
	}
	code, err := archive(file{ModuleFile, module})
	if err != nil {
		return nil, err
	}
	meta, err := json.Marshal(metadata{Type: Type, Label: label})
	if err != nil {
		return nil, err
	}
	return archive(file{"metadata.json", meta}, file{"code.tar.gz", code})
}

type file struct {
	name string
	data []byte
}

// archive makes a tar.gz without times or owners.
func archive(files ...file) ([]byte, error) {
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zw)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o100644, Format: tar.FormatUSTAR}
		if err := tw.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := tw.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Read takes a package apart. Errors say what is wrong with it.
func Read(raw []byte) (*Package, error) {
	outer := map[string][]byte{}
	err := each(raw, maxPackage, func(name string, r io.Reader) error {
		limit := maxMetadata
		switch name {
		case "metadata.json":
		case "code.tar.gz":
			limit = maxPackage
		default:
			return nil
		}
		if _, twice := outer[name]; twice {
			return fmt.Errorf("%s is there twice", name)
		}
		data, err := readAll(r, limit)
		outer[name] = data
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("chaincode package: %w", err)
	}
	p, err := readMetadata(outer["metadata.json"])
	if err != nil {
		return nil, fmt.Errorf("chaincode package: %w", err)
	}
	if outer["code.tar.gz"] == nil {
		return nil, errors.New("chaincode package: code.tar.gz is missing")
	}
	if p.Code, err = module(outer["code.tar.gz"]); err != nil {
		return nil, fmt.Errorf("chaincode package: code.tar.gz: %w", err)
	}
	return p, nil
}

func readMetadata(raw []byte) (*Package, error) {
	if raw == nil {
		return nil, errors.New("metadata.json is missing")
	}
	var m metadata
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("metadata.json: %w", err)
	}
	if err := CheckLabel(m.Label); err != nil {
		return nil, fmt.Errorf("metadata.json: %w", err)
	}
	if !strings.EqualFold(m.Type, Type) {
		return nil, fmt.Errorf("metadata.json: unknown chaincode type %q: Weft runs %q; build the source with weft chaincode build", m.Type, Type)
	}
	return &Package{Label: m.Label, Type: Type, Path: m.Path}, nil
}

// module is the one .wasm file of the code archive.
func module(raw []byte) ([]byte, error) {
	var code []byte
	err := each(raw, maxPackage, func(name string, r io.Reader) error {
		if !strings.HasSuffix(name, ".wasm") || strings.HasPrefix(name, "META-INF/") {
			return nil
		}
		if code != nil {
			return fmt.Errorf("%s is a second module: a package holds one", name)
		}
		var err error
		code, err = readAll(r, MaxModule)
		return err
	})
	if err == nil && code == nil {
		err = errors.New("it holds no .wasm file")
	}
	return code, err
}

// each calls f with every regular file of a tar.gz.
func each(raw []byte, limit int64, f func(name string, r io.Reader) error) error {
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("not a gzip file: %w", err)
	}
	defer zr.Close()
	// A little more than the limit is read, so that what is over it is seen.
	tr := tar.NewReader(io.LimitReader(zr, limit+1<<20))
	for n := 0; ; n++ {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a tar file: %w", err)
		}
		if n >= maxEntries {
			return fmt.Errorf("it has more than %d entries", maxEntries)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is not a regular file", h.Name)
		}
		name := path.Clean(h.Name)
		if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
			return fmt.Errorf("the path %q leads outside", h.Name)
		}
		if err := f(name, tr); err != nil {
			return err
		}
	}
}

func readAll(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("a file is larger than %d bytes", limit)
	}
	return data, err
}
