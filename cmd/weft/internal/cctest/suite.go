package cctest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Limits of a test file, which may come from anywhere.
const (
	maxFileBytes = 8 << 20
	maxSteps     = 10_000
	maxOthers    = 16 // each is compiled and stays in memory
)

// Suite is a test file: calls that are made one after the other, on a state
// that begins empty and keeps what each of them wrote. A key that it does not
// know is refused.
type Suite struct {
	// Chaincode is the name under which it runs; that of its folder if empty.
	Chaincode string `yaml:"chaincode"`
	// Channel is the channel it sees; channel1 if empty.
	Channel string `yaml:"channel"`
	// MSP is the organisation of the peer that runs it; Org1MSP if empty.
	MSP string `yaml:"msp"`
	// Start is the time of the first call; each later one comes a minute after
	// the one before. It is the first second of 2026 if not given.
	Start time.Time `yaml:"start"`
	// Creators are those who call. The name user1 is always there, a client of
	// the peer's organisation.
	Creators map[string]Creator `yaml:"creators"`
	// Chaincodes are others on the channel, which this one may call: names, and
	// folders or .wasm files relative to the test file.
	Chaincodes map[string]string `yaml:"chaincodes"`
	// State is there before the first call.
	State map[string]Value `yaml:"state"`
	Steps []Step           `yaml:"steps"`

	file string
}

// Creator is one who calls, with a certificate made for the test: the same in
// every run.
type Creator struct {
	// MSP is the organisation; that of the peer if empty.
	MSP string `yaml:"msp"`
	// Role is client, admin, peer or orderer; client if empty.
	Role string `yaml:"role"`
	// Attributes are those that a Fabric CA writes into certificates.
	Attributes map[string]string `yaml:"attributes"`
}

// Step is one call and what is expected of it.
type Step struct {
	// Name is a line for people.
	Name string `yaml:"name"`
	// Chaincode is one of the file's others, to be called in place of the one
	// under test.
	Chaincode string `yaml:"chaincode"`
	// Call is the function.
	Call string  `yaml:"call"`
	Args []Value `yaml:"args"`
	// Transient is what only endorsers see.
	Transient map[string]Value `yaml:"transient"`
	// Creator is one of the file's creators.
	Creator string `yaml:"creator"`
	// Time is the timestamp of the proposal.
	Time time.Time `yaml:"time"`
	// Init calls the chaincode's Init.
	Init bool `yaml:"init"`
	// Query is a call whose writes are thrown away.
	Query  bool   `yaml:"query"`
	Expect Expect `yaml:"expect"`
}

// Expect is what a call must answer. What is not stated is not compared, but
// for the status: without Status and Fails it is 200.
type Expect struct {
	Status  *int32  `yaml:"status"`
	Message *string `yaml:"message"`
	// Payload is the answer as text, JSON as a value: there neither spaces nor
	// the order of an object's keys count.
	Payload *string `yaml:"payload"`
	JSON    *JSON   `yaml:"json"`
	// Fails wants a failure whose message holds this text: an answer of status
	// 400 and more, or a call that the host ended.
	Fails *string      `yaml:"fails"`
	Event *ExpectEvent `yaml:"event"`
}

// ExpectEvent is the event that a call must set; an empty name wants none.
type ExpectEvent struct {
	Name    string  `yaml:"name"`
	Payload *string `yaml:"payload"`
	JSON    *JSON   `yaml:"json"`
}

// ReadSuite reads a test file, YAML or JSON.
func ReadSuite(name string) (*Suite, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	s, err := parseSuite(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.file = name
	if s.Chaincode == "" {
		dir, err := filepath.Abs(filepath.Dir(name))
		if err != nil {
			return nil, err
		}
		s.Chaincode = filepath.Base(dir)
	}
	return s, nil
}

func parseSuite(data []byte) (*Suite, error) {
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFileBytes)
	}
	s := &Suite{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty; it needs steps")
		}
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document")
	}
	s.complete()
	return s, s.check()
}

func (s *Suite) complete() {
	if s.Channel == "" {
		s.Channel = "channel1"
	}
	if s.MSP == "" {
		s.MSP = "Org1MSP"
	}
	if s.Start.IsZero() {
		s.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if s.Creators == nil {
		s.Creators = map[string]Creator{}
	}
	if _, own := s.Creators[defaultCreator]; !own {
		s.Creators[defaultCreator] = Creator{}
	}
	at := s.Start
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.Time.IsZero() {
			step.Time = at
		}
		at = step.Time.Add(time.Minute)
		if step.Creator == "" {
			step.Creator = defaultCreator
		}
	}
}

const defaultCreator = "user1"

func (s *Suite) check() error {
	if len(s.Steps) == 0 {
		return errors.New("it has no steps")
	}
	if len(s.Steps) > maxSteps {
		return fmt.Errorf("it has %d steps; at most %d are taken", len(s.Steps), maxSteps)
	}
	if len(s.Chaincodes) > maxOthers {
		return fmt.Errorf("it names %d other chaincodes; at most %d are taken", len(s.Chaincodes), maxOthers)
	}
	for name, c := range s.Creators {
		if !slices.Contains([]string{"", "client", "admin", "peer", "orderer"}, c.Role) {
			return fmt.Errorf("creator %s has the role %q; it is client, admin, peer or orderer", name, c.Role)
		}
	}
	for i, step := range s.Steps {
		if err := s.checkStep(&step); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, step.Call, err)
		}
	}
	return nil
}

func (s *Suite) checkStep(step *Step) error {
	e := &step.Expect
	switch _, known := s.Creators[step.Creator]; {
	case !known:
		return fmt.Errorf("there is no creator %q; name them under creators", step.Creator)
	case step.Chaincode != "" && s.Chaincodes[step.Chaincode] == "":
		return fmt.Errorf("there is no chaincode %q; name its folder under chaincodes", step.Chaincode)
	case step.Call == "" && len(step.Args) > 0:
		return errors.New("it has arguments and no call")
	case e.Payload != nil && e.JSON != nil:
		return errors.New("it expects a payload and json; give one of them")
	case e.Fails != nil && (e.Status != nil || e.Message != nil || e.Payload != nil || e.JSON != nil || e.Event != nil):
		return errors.New("it expects to fail and something else; fails stands alone")
	case e.Event != nil && e.Event.Payload != nil && e.Event.JSON != nil:
		return errors.New("it expects an event's payload and json; give one of them")
	}
	return nil
}

// Find answers the test files of a folder: weft-test.yaml, and all that begin
// and end like it.
func Find(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".yaml", ".yml", ".json":
			if strings.HasPrefix(e.Name(), filePrefix) {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
	}
	return found, nil
}

const filePrefix = "weft-test"
