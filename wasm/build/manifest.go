package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weft-network/weft/wasm/warmup"
)

// ManifestFile lies beside the sources of a chaincode, if its author has
// something to say that the sources cannot.
const ManifestFile = "weft.json"

// maxManifest is far above what the limits of warmup leave room for.
const maxManifest = 1 << 20

// Manifest is what ManifestFile says.
type Manifest struct {
	// Warmup are calls that every peer runs when the chaincode is installed,
	// before it takes the snapshot that each transaction starts from: for each
	// the name of the function and its arguments, as text.
	Warmup [][]string `json:"warmup"`
}

// ReadManifest reads the manifest of a folder; one that is not there is empty.
// A key that Weft does not know is refused by name.
func ReadManifest(dir string) (*Manifest, error) {
	name := filepath.Join(dir, ManifestFile)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &Manifest{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func parseManifest(data []byte) (*Manifest, error) {
	if len(data) > maxManifest {
		return nil, fmt.Errorf("it is larger than %d bytes", maxManifest)
	}
	m := &Manifest{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("%w; it holds one object with the key \"warmup\", a list of calls such as [\"Create\",\"a1\"]", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object; it holds one object and nothing else")
	}
	if _, err := warmup.Encode(m.vectors()); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Manifest) vectors() []warmup.Vector {
	list := make([]warmup.Vector, len(m.Warmup))
	for i, call := range m.Warmup {
		for _, arg := range call {
			list[i] = append(list[i], []byte(arg))
		}
	}
	return list
}

// declare answers the module with what the manifest says put into it.
func (m *Manifest) declare(code []byte) ([]byte, error) {
	return warmup.Append(code, m.vectors())
}
