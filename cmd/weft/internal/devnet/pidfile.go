package devnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// record is a pid file: a process and when it started, so that another process
// that got the same pid later is not taken for it.
type record struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
}

// write replaces the file in one step.
func (r record) write(path string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeFile(path, append(text, '\n'), 0o644)
}

// readRecord returns the process that a pid file names, if it still runs.
func readRecord(path string) (record, bool, error) {
	var r record
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if err := json.Unmarshal(text, &r); err != nil || r.PID <= 1 {
		return r, false, fmt.Errorf("pid file %s is damaged: find out with ps whether the node runs, stop it, and remove the file", path)
	}
	start, err := startOf(r.PID)
	return r, err == nil && start == r.Start, nil
}

// find returns a handle of the process, if it still runs. On Linux the handle
// keeps meaning this process even if its pid is used again.
func (r record) find() (*os.Process, bool) {
	p, err := os.FindProcess(r.PID)
	if err != nil {
		return nil, false
	}
	if start, err := startOf(r.PID); err != nil || start != r.Start {
		_ = p.Release()
		return nil, false
	}
	return p, true
}

// writeFile replaces a file in one step: a crash leaves the old or the new.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	part := path + ".part"
	if err := os.WriteFile(part, data, mode); err != nil {
		return err
	}
	return os.Rename(part, path)
}
