package definition_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
)

func marbles() *definition.Definition {
	d := &definition.Definition{Name: "marbles", Version: "1", Sequence: 1}
	d.SetDefaults()
	return d
}

// The writes of a commit on a ledger that Fabric wrote
// (internal/ledgerutil/testdata/sample_prod, block 2).
func TestWritesAreFabrics(t *testing.T) {
	want := [][2]string{
		{"namespaces/fields/marbles/Collections", "1200"},
		{"namespaces/fields/marbles/EndorsementInfo", "12090a01311a0465736363"},
		{"namespaces/fields/marbles/Sequence", "0801"},
		{"namespaces/fields/marbles/ValidationInfo", "122a0a0476736363122212202f4368616e6e656c2f4170706c69636174696f6e2f456e646f7273656d656e74"},
		{"namespaces/metadata/marbles", "0a13436861696e636f6465446566696e6974696f6e120853657175656e6365120f456e646f7273656d656e74496e666f120e56616c69646174696f6e496e666f120b436f6c6c656374696f6e73"},
	}
	writes, err := marbles().Writes()
	if err != nil || len(writes) != len(want) {
		t.Fatalf("%d writes, %v", len(writes), err)
	}
	for i, w := range writes {
		if w.Key != want[i][0] || hex.EncodeToString(w.Value) != want[i][1] {
			t.Errorf("write %d: %s = %x, Fabric has %s = %s", i, w.Key, w.Value, want[i][0], want[i][1])
		}
	}
}

type values map[string][]byte

func (v values) get(ns, key string) ([]byte, error) {
	if ns != definition.Namespace {
		return nil, errors.New("asked for namespace " + ns)
	}
	return v[key], nil
}

func (v values) apply(writes []ledger.Write) {
	for _, w := range writes {
		v[w.Key] = w.Value
	}
}

func commit(t *testing.T, v values, d *definition.Definition) []ledger.Write {
	writes, err := d.WritesOver(v.get)
	if err != nil {
		t.Fatal(err)
	}
	v.apply(writes)
	return writes
}

func TestADefinitionIsReadAsItWasWritten(t *testing.T) {
	v := values{}
	if d, err := definition.Read(v.get, "marbles"); d != nil || err != nil {
		t.Fatalf("before the commit: %v, %v", d, err)
	}
	d := marbles()
	d.InitRequired = true
	commit(t, v, d)
	got, err := definition.Read(v.get, "marbles")
	if err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v, %v, wrote %+v", got, err, d)
	}
	if n, err := definition.Sequence(v.get, "marbles"); n != 1 || err != nil {
		t.Errorf("sequence %d, %v", n, err)
	}
}

func TestAnUpgradeWritesOnlyWhatChanged(t *testing.T) {
	v := values{}
	d := marbles()
	commit(t, v, d)
	d.Sequence = 2
	if writes := commit(t, v, d); len(writes) != 1 || writes[0].Key != definition.SequenceKey("marbles") {
		t.Errorf("%v", writes)
	}
}

func TestWhatIsNoDefinitionIsCorrupt(t *testing.T) {
	for key, value := range map[string]string{
		"namespaces/metadata/marbles":               "\x0a\x05Other",
		"namespaces/fields/marbles/Sequence":        "\x12\x00",
		"namespaces/fields/marbles/EndorsementInfo": "\x08\x01",
		"namespaces/fields/marbles/ValidationInfo":  "\x12\x01\xff",
		"namespaces/fields/marbles/Collections":     "\xff",
	} {
		v := values{}
		commit(t, v, marbles())
		v[key] = []byte(value)
		if _, err := definition.Read(v.get, "marbles"); !errors.Is(err, definition.ErrCorrupt) {
			t.Errorf("%s = %q: %v", key, value, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*definition.Definition)
	}{
		{"", func(*definition.Definition) {}},
		{"", func(d *definition.Definition) { d.Name, d.Version = "a-b_c1", "v1.0+x_-" }},
		{"invalid chaincode name", func(d *definition.Definition) { d.Name = "" }},
		{"invalid chaincode name", func(d *definition.Definition) { d.Name = "-a" }},
		{"invalid chaincode name", func(d *definition.Definition) { d.Name = "a__b" }},
		{"invalid chaincode name", func(d *definition.Definition) { d.Name = "a-" }},
		{"invalid chaincode name", func(d *definition.Definition) { d.Name = "a/b" }},
		{"system chaincode", func(d *definition.Definition) { d.Name = "qscc" }},
		{"longer than", func(d *definition.Definition) { d.Name = strings.Repeat("a", 129) }},
		{"invalid chaincode version", func(d *definition.Definition) { d.Version = "1 0" }},
		{"invalid chaincode version", func(d *definition.Definition) { d.Version = "" }},
		{"the first one is 1", func(d *definition.Definition) { d.Sequence = 0 }},
		{"endorsement plugin", func(d *definition.Definition) { d.EndorsementPlugin = "x" }},
		{"validation plugin", func(d *definition.Definition) { d.ValidationPlugin = "x" }},
		{"holds no policy", func(d *definition.Definition) { d.ValidationParameter = nil }},
		{"validation parameter", func(d *definition.Definition) { d.ValidationParameter = []byte{0xff} }},
		{"bytes, more than", func(d *definition.Definition) { d.ValidationParameter = make([]byte, 1<<20) }},
		{"collections", func(d *definition.Definition) { d.Collections = []byte{0xff} }},
	} {
		d := marbles()
		c.change(d)
		if err := d.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x0a\x13ChaincodeDefinition"), []byte("\x08\x01"))
	f.Fuzz(func(t *testing.T, metadata, field []byte) {
		d, err := definition.Read(func(_, key string) ([]byte, error) {
			if strings.HasPrefix(key, definition.MetadataPrefix) {
				return metadata, nil
			}
			return field, nil
		}, "cc")
		if err == nil && d != nil {
			_ = d.Validate()
		}
	})
}

func TestACachedDefinitionIsReadAgainAfterACommit(t *testing.T) {
	v, c := values{}, definition.Cache{}
	if d, err := c.Read(v.get, "marbles", nil); d != nil || err != nil {
		t.Fatalf("before the commit: %v, %v", d, err)
	}
	commit(t, v, marbles())
	first, err := c.Read(v.get, "marbles", &ledger.Version{Block: 1})
	if err != nil || first.Sequence != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	none := func(string, string) ([]byte, error) { return nil, errors.New("nothing is to be read") }
	if again, err := c.Read(none, "marbles", &ledger.Version{Block: 1}); again != first || err != nil {
		t.Errorf("at the same version: %+v, %v", again, err)
	}
	next := marbles()
	next.Sequence, next.Version = 2, "2"
	commit(t, v, next)
	if d, err := c.Read(v.get, "marbles", &ledger.Version{Block: 2}); err != nil || d.Version != "2" {
		t.Errorf("after the next commit: %+v, %v", d, err)
	}
	if d, err := c.Read(v.get, "marbles", &ledger.Version{Block: 1}); err != nil || d.Version != "2" {
		t.Errorf("at an older version it is read, not remembered: %+v, %v", d, err)
	}
}
