package definition

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// The fields of a definition, in the order in which the metadata lists them.
const (
	fieldSequence    = "Sequence"
	fieldEndorsement = "EndorsementInfo"
	fieldValidation  = "ValidationInfo"
	fieldCollections = "Collections"
)

// datatype is how the metadata names a chaincode definition.
const datatype = "ChaincodeDefinition"

// Read returns the committed definition of a chaincode, or nil when there is
// none. An error that is not ErrCorrupt is the getter's.
func Read(get Getter, name string) (*Definition, error) {
	md := &lifecycle.StateMetadata{}
	raw, err := get(Namespace, MetadataKey(name))
	switch {
	case err != nil:
		return nil, fmt.Errorf("definition of chaincode %s: %w", name, err)
	case raw == nil:
		return nil, nil
	}
	if err := proto.Unmarshal(raw, md); err != nil {
		return nil, corrupt(name, "metadata: %v", err)
	}
	if md.Datatype != datatype {
		return nil, corrupt(name, "the metadata names a %q", md.Datatype)
	}
	r := reader{get: get, name: name}
	d := &Definition{Name: name, Sequence: r.sequence()}
	endorsement, validation := &lifecycle.ChaincodeEndorsementInfo{}, &lifecycle.ChaincodeValidationInfo{}
	r.message(fieldEndorsement, endorsement)
	r.message(fieldValidation, validation)
	d.Collections = r.bytes(fieldCollections)
	if r.err != nil {
		return nil, r.err
	}
	if _, err := d.collections(); err != nil {
		return nil, corrupt(name, "field %s: %v", fieldCollections, err)
	}
	d.Version, d.EndorsementPlugin, d.InitRequired = endorsement.Version, endorsement.EndorsementPlugin, endorsement.InitRequired
	d.ValidationPlugin, d.ValidationParameter = validation.ValidationPlugin, validation.ValidationParameter
	return d, nil
}

// Sequence is the committed sequence of a chaincode, 0 when it has no definition.
func Sequence(get Getter, name string) (int64, error) {
	r := reader{get: get, name: name}
	n := r.sequence()
	return n, r.err
}

func corrupt(name, format string, args ...any) error {
	return fmt.Errorf("chaincode %s: %w: %s", name, ErrCorrupt, fmt.Sprintf(format, args...))
}

// reader reads fields until the first error. An absent field is its zero value.
type reader struct {
	get  Getter
	name string
	err  error
}

func (r *reader) field(field string) *lifecycle.StateData {
	data := &lifecycle.StateData{}
	if r.err != nil {
		return data
	}
	raw, err := r.get(Namespace, fieldKey(r.name, field))
	if err != nil {
		r.err = fmt.Errorf("definition of chaincode %s: %w", r.name, err)
		return data
	}
	if err := proto.Unmarshal(raw, data); err != nil {
		r.err = corrupt(r.name, "field %s: %v", field, err)
	}
	return data
}

func (r *reader) sequence() int64 {
	switch t := r.field(fieldSequence).Type.(type) {
	case nil:
	case *lifecycle.StateData_Int64:
		return t.Int64
	default:
		r.wrongType(fieldSequence)
	}
	return 0
}

func (r *reader) bytes(field string) []byte {
	switch t := r.field(field).Type.(type) {
	case nil:
	case *lifecycle.StateData_Bytes:
		if len(t.Bytes) > 0 {
			return t.Bytes
		}
	default:
		r.wrongType(field)
	}
	return nil
}

func (r *reader) message(field string, m proto.Message) {
	if err := proto.Unmarshal(r.bytes(field), m); err != nil && r.err == nil {
		r.err = corrupt(r.name, "field %s: %v", field, err)
	}
}

func (r *reader) wrongType(field string) {
	if r.err == nil {
		r.err = corrupt(r.name, "field %s has another type", field)
	}
}

// Writes are the writes that commit d over no earlier definition, sorted by key.
func (d *Definition) Writes() ([]ledger.Write, error) {
	return d.WritesOver(func(string, string) ([]byte, error) { return nil, nil })
}

// WritesOver are the writes that commit d over the committed state: like
// Fabric, it leaves out what is there with the same value. What it asks of get
// is what a simulation of the commit records as reads.
func (d *Definition) WritesOver(get Getter) ([]ledger.Write, error) {
	all, err := d.values()
	if err != nil {
		return nil, fmt.Errorf("write definition of chaincode %s: %w", d.Name, err)
	}
	first, err := get(Namespace, MetadataKey(d.Name))
	if err != nil {
		return nil, fmt.Errorf("write definition of chaincode %s: %w", d.Name, err)
	}
	if first == nil {
		return all, nil // nothing there to compare with
	}
	var changed []ledger.Write
	for _, w := range all {
		old := first
		if w.Key != MetadataKey(d.Name) {
			if old, err = get(Namespace, w.Key); err != nil {
				return nil, fmt.Errorf("write definition of chaincode %s: %w", d.Name, err)
			}
		}
		if !bytes.Equal(old, w.Value) {
			changed = append(changed, w)
		}
	}
	return changed, nil
}

// values are all keys and values of d, sorted by key.
func (d *Definition) values() ([]ledger.Write, error) {
	collections, err := d.collections()
	if err != nil {
		return nil, err
	}
	bytesOf := func(m proto.Message) proto.Message {
		raw, err2 := proto.Marshal(m)
		if err == nil {
			err = err2
		}
		return &lifecycle.StateData{Type: &lifecycle.StateData_Bytes{Bytes: raw}}
	}
	messages := map[string]proto.Message{
		MetadataKey(d.Name): &lifecycle.StateMetadata{
			Datatype: datatype,
			Fields:   []string{fieldSequence, fieldEndorsement, fieldValidation, fieldCollections},
		},
		SequenceKey(d.Name): &lifecycle.StateData{Type: &lifecycle.StateData_Int64{Int64: d.Sequence}},
		fieldKey(d.Name, fieldEndorsement): bytesOf(&lifecycle.ChaincodeEndorsementInfo{
			Version: d.Version, InitRequired: d.InitRequired, EndorsementPlugin: d.EndorsementPlugin,
		}),
		fieldKey(d.Name, fieldValidation): bytesOf(&lifecycle.ChaincodeValidationInfo{
			ValidationPlugin: d.ValidationPlugin, ValidationParameter: d.ValidationParameter,
		}),
		fieldKey(d.Name, fieldCollections): bytesOf(collections),
	}
	writes := make([]ledger.Write, 0, len(messages))
	for key, m := range messages {
		value, err2 := proto.Marshal(m)
		if err == nil {
			err = err2
		}
		writes = append(writes, ledger.Write{Key: key, Value: value})
	}
	slices.SortFunc(writes, func(a, b ledger.Write) int { return strings.Compare(a.Key, b.Key) })
	return writes, err
}

// collections parses what d carries, so that its encoding is the canonical one.
func (d *Definition) collections() (*peer.CollectionConfigPackage, error) {
	p := &peer.CollectionConfigPackage{}
	if err := proto.Unmarshal(d.Collections, p); err != nil {
		return nil, fmt.Errorf("collections: %w", err)
	}
	return p, nil
}
