package ident_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

// written puts Org1 with User1 on disk and returns the organisation's folder
// and the user's MSP folder.
func written(t *testing.T) (org *catest.Org, orgDir, userDir string) {
	t.Helper()
	org = catest.New(t, "Org1")
	user := org.User("User1")
	dir, err := org.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return org, dir, filepath.Join(dir, user.Dir(), "msp")
}

func TestWrittenFoldersLoad(t *testing.T) {
	org, orgDir, userDir := written(t)
	for _, dir := range []string{filepath.Join(orgDir, "msp"), userDir} {
		cfg, err := ident.LoadConfig(dir, "Org1MSP")
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(cfg, org.Config()) {
			t.Fatalf("%s differs from the config in memory", dir)
		}
	}
	s, err := ident.LoadSigner(userDir, "Org1MSP")
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := catest.Set(t, org).Identity(s.Serialized())
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Verify([]byte("m"), sig); err != nil {
		t.Fatal(err)
	}
	if string(s.Serialized()) != string(org.User("User1").Serialized) {
		t.Fatal("the identity changed on its way over the disk")
	}
}

func TestLoadSignerTakesTheKeyThatFits(t *testing.T) {
	org, _, dir := written(t)
	write(t, filepath.Join(dir, "keystore", "a_sk"), org.User("User2").KeyPEM)
	if _, err := ident.LoadSigner(dir, "Org1MSP"); err != nil {
		t.Fatal(err)
	}
}

func TestLoadSignerSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, org *catest.Org, dir string)
		want  string
	}{
		{"no key", func(t *testing.T, _ *catest.Org, dir string) { remove(t, dir, "keystore/priv_sk") }, "put the private key of"},
		{"no keystore", func(t *testing.T, _ *catest.Org, dir string) {
			remove(t, dir, "keystore/priv_sk")
			remove(t, dir, "keystore")
		}, "there is no key in"},
		{"other key", func(t *testing.T, org *catest.Org, dir string) {
			write(t, filepath.Join(dir, "keystore/priv_sk"), org.User("User2").KeyPEM)
		}, "does not belong to the certificate"},
		{"garbage", func(t *testing.T, _ *catest.Org, dir string) {
			write(t, filepath.Join(dir, "keystore/priv_sk"), []byte("x"))
		}, "priv_sk is not in PEM form"},
		{"certificate as key", func(t *testing.T, org *catest.Org, dir string) {
			write(t, filepath.Join(dir, "keystore/priv_sk"), org.CACertPEM())
		}, "an unencrypted PRIVATE KEY"},
		{"no certificate", func(t *testing.T, _ *catest.Org, dir string) {
			remove(t, dir, "signcerts/User1@org1.example.com-cert.pem")
		}, "put the signing certificate there"},
		{"two certificates", func(t *testing.T, org *catest.Org, dir string) {
			write(t, filepath.Join(dir, "signcerts/b.pem"), org.CACertPEM())
		}, "leave only the signing certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			org, _, dir := written(t)
			c.spoil(t, org, dir)
			_, err := ident.LoadSigner(dir, "Org1MSP")
			wantError(t, err, c.want)
			wantError(t, err, dir)
		})
	}
}

func TestLoadConfigIsStrict(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"unknown key", "config.yaml", "NodeOUs:\n  Enabled: true\n", "Enabled"},
		{"no YAML", "config.yaml", "\t:", "config.yaml"},
		{"missing certificate", "config.yaml", "NodeOUs:\n  Enable: true\n  PeerOUIdentifier:\n    Certificate: nowhere.pem\n    OrganizationalUnitIdentifier: peer\n", "nowhere.pem"},
		{"no PEM", "cacerts/notes.txt", "hello", "notes.txt is not in PEM form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, dir, _ := written(t)
			write(t, filepath.Join(dir, "msp", c.file), []byte(c.text))
			_, err := ident.LoadConfig(filepath.Join(dir, "msp"), "Org1MSP")
			wantError(t, err, c.want)
		})
	}
	_, err := ident.LoadConfig(t.TempDir(), "Org1MSP")
	wantError(t, err, "an MSP folder?")
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
