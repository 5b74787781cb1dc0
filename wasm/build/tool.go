package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// tool is a compiler at work on the author's folder.
type tool struct {
	dir, scratch string
	// command is run in dir with the environment env.
	command string
	env     []string
	// missing is what to do if there is no such command.
	missing string
}

// ErrToolchain is in the error of a build whose compiler is missing, or a part
// of it; the text says what to install.
var ErrToolchain = errors.New("the toolchain is missing")

// toolchain makes an error that says what to install.
func toolchain(why error, install string) error {
	if why == nil {
		return fmt.Errorf("%w: %s", ErrToolchain, install)
	}
	return fmt.Errorf("%w: %s: %w", ErrToolchain, install, why)
}

// out is where the compiler puts the module.
func (t *tool) out() string { return filepath.Join(t.scratch, "chaincode.wasm") }

// maxOutput bounds what of the compiler's output goes into an error.
const maxOutput = 16 << 10

// run runs the command in the author's folder, and answers its output.
func (t *tool) run(ctx context.Context, args ...string) (stdout, stderr []byte, err error) {
	cmd := exec.CommandContext(ctx, t.command, args...)
	cmd.Dir = t.dir
	cmd.Env = t.env
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	err = cmd.Run()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil, toolchain(err, t.missing)
	}
	if err != nil {
		said := bytes.TrimSpace(slices.Concat(diagnostics.Bytes(), out.Bytes()))
		return nil, nil, fmt.Errorf("%s %s: %w\n%s", filepath.Base(t.command), args[0], err, said[:min(len(said), maxOutput)])
	}
	return out.Bytes(), diagnostics.Bytes(), nil
}

// environment leaves what says where things are, and replaces what would change
// the result. An entry that ends in "=*" only takes away, all that begin so.
func environment(env []string, set ...string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.ContainsFunc(set, func(s string) bool {
			if prefix, all := strings.CutSuffix(s, "=*"); all {
				return strings.HasPrefix(name, prefix)
			}
			return strings.HasPrefix(s, name+"=")
		})
	})
	for _, s := range set {
		if !strings.HasSuffix(s, "=*") {
			env = append(env, s)
		}
	}
	return env
}

// first answers the first of the commands that is there.
func first(commands ...string) (string, bool) {
	for _, c := range commands {
		if path, err := exec.LookPath(c); err == nil {
			return path, true
		}
	}
	return "", false
}

// library answers the folder of the guest library: the author's copy, named
// weft, if it has the file, and otherwise one made of files in the scratch
// folder.
func (t *tool) library(files fs.FS, has string) (dir string, err error) {
	dir = filepath.Join(t.dir, "weft")
	if _, err := os.Stat(filepath.Join(dir, has)); err == nil {
		return dir, nil
	}
	dir = filepath.Join(t.scratch, "weft")
	return dir, os.CopyFS(dir, files)
}

// warned are the compiler's own words about a build that worked.
func warned(said []byte) []string {
	text := strings.TrimSpace(string(said))
	if text == "" {
		return nil
	}
	return []string{text[:min(len(text), maxOutput)]}
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}
