package genesis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// MaxFileBytes bounds the YAML file; one of a hundred organisations has 50 KB.
const MaxFileBytes = 1 << 20

// Load reads a Spec from a YAML file.
func Load(path string) (*Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the channel's description: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the channel's description %s: %w", path, err)
	}
	s, err := Parse(data, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.file = path
	return s, nil
}

// Parse reads a Spec from YAML; relative paths start from baseDir. It looks at
// the form only: keys and their types. Block judges the rest.
func Parse(data []byte, baseDir string) (*Spec, error) {
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("the file is larger than %d bytes", MaxFileBytes)
	}
	s := &Spec{Dir: baseDir}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil {
		return nil, explain(err)
	}
	if err := d.Decode(&Spec{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one YAML document")
	}
	return s, nil
}

// Marshal writes the Spec as the YAML that Load reads.
func (s *Spec) Marshal() ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("write the channel's description: %w", err)
	}
	return out.Bytes(), nil
}

// explain turns the decoder's errors into sentences that say what is allowed.
func explain(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty")
	}
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	keys := map[string][]string{}
	allowedKeys(reflect.TypeFor[Spec](), keys)
	unknown := regexp.MustCompile(`^line (\d+): field (.*) not found in type (\S+)$`)
	wrong := regexp.MustCompile(`^line (\d+): cannot unmarshal \S+ (.*)into (\S+)$`)
	var all []string
	for _, e := range typed.Errors {
		if m := unknown.FindStringSubmatch(e); m != nil {
			e = fmt.Sprintf("line %s: unknown key %q, allowed here are %s", m[1], m[2], strings.Join(keys[m[3]], ", "))
		} else if m := wrong.FindStringSubmatch(e); m != nil {
			e = fmt.Sprintf("line %s: %sis not %s", m[1], m[2], kindOf(m[3], keys))
		}
		all = append(all, e)
	}
	return errors.New(strings.Join(all, "; "))
}

// allowedKeys collects, by Go type, the keys of every struct in the Spec.
func allowedKeys(t reflect.Type, keys map[string][]string) {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		allowedKeys(t.Elem(), keys)
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if name == "" || name == "-" {
				continue
			}
			keys[t.String()] = append(keys[t.String()], name)
			allowedKeys(t.Field(i).Type, keys)
		}
	}
}

// kindOf says in words what a Go type wants in YAML.
func kindOf(goType string, keys map[string][]string) string {
	switch {
	case keys[goType] != nil:
		return "a section with the keys " + strings.Join(keys[goType], ", ")
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map[") || goType == "genesis.Policies":
		return "a section of names and texts"
	case goType == "uint16":
		return "a number from 1 to 65535"
	case goType == "time.Time":
		return "a time such as 2026-01-02T15:04:05Z"
	}
	return "a " + goType
}

// Duration is a time span, written as in 500ms, 2s or 1m30s.
type Duration time.Duration

// UnmarshalYAML reads a span that is more than zero.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return fmt.Errorf("line %d: %q is not a time span of more than zero such as 500ms or 2s", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes it back.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// Count is a whole number of at least one.
type Count uint32

// UnmarshalYAML reads it.
func (c *Count) UnmarshalYAML(n *yaml.Node) error {
	v, err := strconv.ParseUint(n.Value, 10, 32)
	if err != nil || v == 0 {
		return fmt.Errorf("line %d: %q is not a number from 1 to %d", n.Line, n.Value, uint32(math.MaxUint32))
	}
	*c = Count(v)
	return nil
}

// Bytes is a size, written as a number of bytes or as in 512 KB, 10 MB or 1 GB,
// where a KB is 1024 bytes as in Fabric's configtx.yaml.
type Bytes uint32

const (
	kib Bytes = 1 << 10
	mib Bytes = 1 << 20
	gib Bytes = 1 << 30
)

// UnmarshalYAML reads a size that is more than zero.
func (b *Bytes) UnmarshalYAML(n *yaml.Node) error {
	number := strings.TrimRightFunc(n.Value, func(r rune) bool { return r < '0' || r > '9' })
	scale, ok := unit(strings.TrimSpace(n.Value[len(number):]))
	v, err := strconv.ParseUint(number, 10, 32)
	if err != nil || !ok || v == 0 || v > math.MaxUint32/uint64(scale) {
		return fmt.Errorf("line %d: %q is not a size of more than zero and less than 4 GB such as 512 KB or 10 MB", n.Line, n.Value)
	}
	*b = Bytes(v) * scale
	return nil
}

func unit(text string) (Bytes, bool) {
	switch strings.ToUpper(text) {
	case "", "B":
		return 1, true
	case "K", "KB":
		return kib, true
	case "M", "MB":
		return mib, true
	case "G", "GB":
		return gib, true
	}
	return 0, false
}

// MarshalYAML writes it with the largest unit that leaves a whole number.
func (b Bytes) MarshalYAML() (any, error) {
	units := []struct {
		size Bytes
		name string
	}{{gib, "GB"}, {mib, "MB"}, {kib, "KB"}}
	i := slices.IndexFunc(units, func(u struct {
		size Bytes
		name string
	}) bool {
		return b%u.size == 0
	})
	if i < 0 || b == 0 {
		return uint32(b), nil
	}
	return fmt.Sprintf("%d %s", b/units[i].size, units[i].name), nil
}
