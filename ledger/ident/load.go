package ident

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFileBytes bounds a file of an MSP folder; only CRLs come near it.
const maxFileBytes = 4 << 20

// LoadSigner reads the signing certificate and key of an MSP folder
// (signcerts/, keystore/) in the layout of Fabric's cryptogen. The keystore may
// hold older keys as well, as after a renewal: the one that belongs to the
// certificate is taken.
func LoadSigner(dir, mspID string) (Signer, error) {
	certFile, certPEM, err := loadSignCert(filepath.Join(dir, "signcerts"))
	if err != nil {
		return nil, fmt.Errorf("load signer of %s: %w", mspID, err)
	}
	cert, err := parsePEM(certPEM)
	if err != nil {
		return nil, fmt.Errorf("load signer of %s: certificate %s: %w", mspID, certFile, err)
	}
	key, err := loadKey(filepath.Join(dir, "keystore"), certFile, cert)
	if err != nil {
		return nil, fmt.Errorf("load signer of %s: %w", mspID, err)
	}
	return NewSigner(mspID, certPEM, key)
}

func loadSignCert(dir string) (string, []byte, error) {
	files, err := listFiles(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return "", nil, fmt.Errorf("there is no certificate in %s; put the signing certificate there, as a PEM file", dir)
	}
	if err != nil {
		return "", nil, err
	}
	if len(files) > 1 {
		return "", nil, fmt.Errorf("there are %d files in %s; leave only the signing certificate", len(files), dir)
	}
	text, err := readFile(files[0])
	return files[0], text, err
}

// loadKey finds the key of cert in a keystore.
func loadKey(dir, certFile string, cert *x509.Certificate) (crypto.Signer, error) {
	files, err := listFiles(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return nil, fmt.Errorf("there is no key in %s; put the private key of %s there, as a PEM file (cryptogen names it priv_sk)", dir, certFile)
	}
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, file := range files {
		key, err := loadKeyFile(file)
		if err == nil && !samePublicKey(cert.PublicKey, key.Public()) {
			err = fmt.Errorf("key %s does not belong to the certificate %s; copy the key and the certificate from the same place", file, certFile)
		}
		if err == nil {
			return key, nil
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}

func loadKeyFile(file string) (crypto.Signer, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key %s is not in PEM form; a file that begins with -----BEGIN PRIVATE KEY----- is expected", file)
	}
	key, err := parseKey(block)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", file, err)
	}
	return key, nil
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch {
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY" && len(block.Headers) == 0:
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("the PEM block is of type %q; an unencrypted PRIVATE KEY (PKCS #8) is expected", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("it holds no private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}

// listFiles lists the files of a folder by name, leaving out folders and hidden files.
func listFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, readable(err)
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(path) // follows links, as Kubernetes mounts them
		if err != nil {
			return nil, readable(err)
		}
		if !info.IsDir() {
			files = append(files, path)
		}
	}
	return files, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, readable(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFileBytes)
	}
	return text, nil
}

// readable adds what to do to an error of the file system, which names the path.
func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; make it readable for the user that runs this program", err)
	}
	return err
}
