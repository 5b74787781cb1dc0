package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/weft-network/weft/wasm"
)

// fingerprint is where the engine puts machine code, which tells its version
// and system, and what it calls a module that never changes, which tells the
// processor's features and the options that code is made for.
type fingerprint struct{ folder, name string }

// probe has the engine compile the empty module and looks at what it leaves.
func probe(dir string) (fingerprint, error) {
	aside, err := os.MkdirTemp(dir, "probe-")
	if err != nil {
		return fingerprint{}, err
	}
	defer os.RemoveAll(aside)
	if err := wasm.CompileIntoCache(context.Background(), aside, []byte("\x00asm\x01\x00\x00\x00")); err != nil {
		return fingerprint{}, err
	}
	file, err := onlyFile(aside)
	return fingerprint{filepath.Dir(file), filepath.Base(file)}, err
}

// onlyFile is the path, below dir, of the one file that lies in a folder of it.
func onlyFile(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the compiler left %d files, not one", len(found))
	}
	return filepath.Rel(dir, found[0])
}

// entry is one module in the folder: a record, which is locked while it is
// looked at or changed, and the file of the engine that it speaks of.
type entry struct {
	dir    string
	engine fingerprint
	module [sha256.Size]byte
	path   string // of the record
}

// record is what an entry's file holds; an empty file is one that is locked by
// whoever compiles.
type record struct {
	File   string `json:"file"` // below the folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// maxRecord is far above what a record has.
const maxRecord = 4096

func (c *Compiler) entry(module []byte) *entry {
	e := &entry{dir: c.cfg.Dir, engine: c.engine, module: sha256.Sum256(module)}
	// The engine's own name for a module depends on the processor too, so a
	// folder that moves to another machine is compiled into again.
	name := sha256.New()
	fmt.Fprintf(name, "%s\n%s\n", c.engine.folder, c.engine.name)
	name.Write(e.module[:])
	e.path = filepath.Join(c.cfg.Dir, hex.EncodeToString(name.Sum(nil))+".sum")
	return e
}

// lockInterval is how often a lock that another process holds is tried again:
// next to compiling, which it waits for, it is nothing.
const lockInterval = 20 * time.Millisecond

// lock waits until nobody else, in this process or another, works on the entry.
func (e *entry) lock(ctx context.Context) (func(), error) {
	l := flock.New(e.path, flock.SetFlag(os.O_CREATE|os.O_RDONLY), flock.SetPermissions(0o600))
	if _, err := l.TryLockContext(ctx, lockInterval); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("wait for another process that compiles the same chaincode: %w", context.Cause(ctx))
		}
		return nil, fmt.Errorf("lock of compiled code: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// verify compares the engine's file with the record. The error is
// os.ErrNotExist when there is no record.
func (e *entry) verify() error {
	r, err := e.read()
	if err != nil {
		return err
	}
	there, err := recordOf(e.dir, r.File)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is gone", r.File)
	}
	if err != nil {
		return err
	}
	if there != r {
		return fmt.Errorf("%s is not what was compiled: its hash differs", r.File)
	}
	return nil
}

// recordOf reads a file below dir.
func recordOf(dir, file string) (record, error) {
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return record{}, err
	}
	return record{File: file, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

func (e *entry) read() (record, error) {
	var r record
	f, err := os.Open(e.path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return r, err
	}
	if len(raw) == 0 {
		return r, os.ErrNotExist
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("the record %s is damaged: %w", filepath.Base(e.path), err)
	}
	if !filepath.IsLocal(r.File) || filepath.Dir(r.File) != e.engine.folder {
		return r, fmt.Errorf("the record %s names the file %q, not one of this engine", filepath.Base(e.path), r.File)
	}
	return r, nil
}

// forget empties the record.
func (e *entry) forget() error { return os.WriteFile(e.path, nil, 0o600) }

// keep moves what was compiled to where the engine looks for it, over whatever
// lies there, and writes the record that came with it. It does not read the
// machine code: who compiled it did.
func (e *entry) keep(aside string, r record) error {
	file, err := onlyFile(aside)
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(aside, file))
	switch {
	case err != nil:
		return err
	case filepath.Dir(file) != e.engine.folder:
		return fmt.Errorf("the compiler left %s, this engine looks in %s", file, e.engine.folder)
	case r.File != file || r.Bytes != info.Size() || len(r.SHA256) != hex.EncodedLen(sha256.Size):
		return fmt.Errorf("the compiler left %s of %d bytes and speaks of %q of %d bytes", file, info.Size(), r.File, r.Bytes)
	}
	if err := os.MkdirAll(filepath.Join(e.dir, e.engine.folder), 0o700); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(aside, file), filepath.Join(e.dir, file)); err != nil {
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(e.path, raw, 0o600)
}
