package ident

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v3"
)

// ouFile and configFile are config.yaml of an MSP folder.
type ouFile struct {
	Certificate                  string `yaml:"Certificate"`
	OrganizationalUnitIdentifier string `yaml:"OrganizationalUnitIdentifier"`
}

type configFile struct {
	OrganizationalUnitIdentifiers []ouFile `yaml:"OrganizationalUnitIdentifiers"`
	NodeOUs                       *struct {
		Enable              bool    `yaml:"Enable"`
		ClientOUIdentifier  *ouFile `yaml:"ClientOUIdentifier"`
		PeerOUIdentifier    *ouFile `yaml:"PeerOUIdentifier"`
		AdminOUIdentifier   *ouFile `yaml:"AdminOUIdentifier"`
		OrdererOUIdentifier *ouFile `yaml:"OrdererOUIdentifier"`
	} `yaml:"NodeOUs"`
}

// LoadConfig reads an MSP folder (cacerts/, intermediatecerts/, admincerts/,
// tlscacerts/, tlsintermediatecerts/, crls/, config.yaml) into the config that a
// channel carries. Every file must be PEM, and config.yaml may hold no unknown key.
func LoadConfig(dir, mspID string) (*msp.MSPConfig, error) {
	cfg := &msp.FabricMSPConfig{Name: mspID, CryptoConfig: DefaultCrypto()}
	for _, list := range []struct {
		folder string
		to     *[][]byte
	}{
		{"cacerts", &cfg.RootCerts},
		{"intermediatecerts", &cfg.IntermediateCerts},
		{"admincerts", &cfg.Admins},
		{"tlscacerts", &cfg.TlsRootCerts},
		{"tlsintermediatecerts", &cfg.TlsIntermediateCerts},
		{"crls", &cfg.RevocationList},
	} {
		var err error
		if *list.to, err = loadPEMs(filepath.Join(dir, list.folder)); err != nil {
			return nil, fmt.Errorf("load MSP %s: %w", mspID, err)
		}
	}
	if len(cfg.RootCerts) == 0 {
		return nil, fmt.Errorf("load MSP %s: there is no root CA certificate in %s; is %s an MSP folder?", mspID, filepath.Join(dir, "cacerts"), dir)
	}
	if err := loadUnits(dir, cfg); err != nil {
		return nil, fmt.Errorf("load MSP %s: %w", mspID, err)
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("load MSP %s: %w", mspID, err)
	}
	return &msp.MSPConfig{Config: raw}, nil
}

// loadPEMs reads every file of a folder; a missing folder is an empty one.
func loadPEMs(dir string) ([][]byte, error) {
	files, err := listFiles(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all [][]byte
	for _, file := range files {
		text, err := readFile(file)
		if err != nil {
			return nil, err
		}
		blocks := splitPEM(text)
		if len(blocks) == 0 {
			return nil, fmt.Errorf("%s is not in PEM form; replace or remove it", file)
		}
		all = append(all, blocks...)
	}
	return all, nil
}

// splitPEM cuts a file with several blocks, such as the chain that a CA's client
// writes, into one text each. A file with one block stays as it is.
func splitPEM(text []byte) [][]byte {
	var blocks [][]byte
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks = append(blocks, pem.EncodeToMemory(block))
	}
	if len(blocks) == 1 {
		return [][]byte{text}
	}
	return blocks
}

func loadUnits(dir string, cfg *msp.FabricMSPConfig) error {
	path := filepath.Join(dir, "config.yaml")
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var file configFile
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if err := loadOUs(dir, &file, cfg); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func loadOUs(dir string, file *configFile, cfg *msp.FabricMSPConfig) error {
	for i := range file.OrganizationalUnitIdentifiers {
		ou, err := file.OrganizationalUnitIdentifiers[i].load(dir)
		if err != nil {
			return err
		}
		if len(ou.GetCertificate()) == 0 {
			return fmt.Errorf("OrganizationalUnitIdentifiers entry %d needs a name and a certificate", i)
		}
		cfg.OrganizationalUnitIdentifiers = append(cfg.OrganizationalUnitIdentifiers, ou)
	}
	n := file.NodeOUs
	if n == nil || !n.Enable {
		return nil
	}
	nodes := &msp.FabricNodeOUs{Enable: true}
	for _, role := range []struct {
		from *ouFile
		to   **msp.FabricOUIdentifier
	}{
		{n.ClientOUIdentifier, &nodes.ClientOuIdentifier}, {n.PeerOUIdentifier, &nodes.PeerOuIdentifier},
		{n.AdminOUIdentifier, &nodes.AdminOuIdentifier}, {n.OrdererOUIdentifier, &nodes.OrdererOuIdentifier},
	} {
		var err error
		if *role.to, err = role.from.load(dir); err != nil {
			return err
		}
	}
	cfg.FabricNodeOus = nodes
	return nil
}

// load returns nil for an entry that is absent or names no OU.
func (f *ouFile) load(dir string) (*msp.FabricOUIdentifier, error) {
	if f == nil || f.OrganizationalUnitIdentifier == "" {
		return nil, nil
	}
	ou := &msp.FabricOUIdentifier{OrganizationalUnitIdentifier: f.OrganizationalUnitIdentifier}
	if f.Certificate == "" {
		return ou, nil
	}
	var err error
	if ou.Certificate, err = readFile(filepath.Join(dir, f.Certificate)); err != nil {
		return nil, fmt.Errorf("certificate of OU %q: %w", f.OrganizationalUnitIdentifier, err)
	}
	return ou, nil
}
