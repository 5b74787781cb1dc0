package node

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/weft-network/weft/ledger/ident"
)

// owner is what node.json in the data directory says of whose data it is.
type owner struct {
	MSPID string `json:"mspID"`
	// Key is the SHA-256 of the node's public key.
	Key string `json:"key"`
}

// claim locks the data directory for this process and refuses one that belongs
// to another node: its ledgers would be of channels that this node is not in.
// forget, for a node that fails to start, removes a directory that was not there
// before; nobody may use it any more.
func claim(dir string, s ident.Signer) (lock *flock.Flock, forget func() error, err error) {
	forget = nothing
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		forget = func() error { return os.RemoveAll(dir) }
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, nil, fmt.Errorf("data directory: %w", err)
	}
	lock = flock.New(filepath.Join(dir, "LOCK"))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, nil, fmt.Errorf("lock the data directory %s: %w", dir, err)
	}
	if !ok {
		return nil, nil, fmt.Errorf("the data directory %s is in use by another process: stop that node, or give this one its own directory", dir)
	}
	if err := checkOwner(dir, s); err != nil {
		return nil, nil, errors.Join(err, lock.Unlock())
	}
	return lock, forget, nil
}

func checkOwner(dir string, s ident.Signer) error {
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	mine := owner{MSPID: s.MSPID(), Key: hex.EncodeToString(sum[:])}
	path := filepath.Join(dir, "node.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = json.Marshal(mine)
		if err != nil {
			return err
		}
		return os.WriteFile(path, append(raw, '\n'), 0o640)
	}
	if err != nil {
		return err
	}
	var theirs owner
	if err := json.Unmarshal(raw, &theirs); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	if theirs != mine {
		return fmt.Errorf("the data directory %s belongs to another node (%s, key %.12s…; this node is %s, key %.12s…): give this node its own directory, or remove the old one", dir, theirs.MSPID, theirs.Key, mine.MSPID, mine.Key)
	}
	return nil
}
