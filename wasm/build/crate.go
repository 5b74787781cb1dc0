package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// crate is what must be known of a Rust chaincode to build it.
type crate struct {
	name, edition string
	root          string // the file of the crate's root, relative to the folder
	library       string // the folder of the crate weft; empty: the embedded one
	// plain: it depends on weft and nothing else, so that no Cargo is needed.
	plain bool
	// ownLock: its Cargo.lock lies beside its Cargo.toml, not in a workspace above.
	ownLock bool
}

// readCrate reads Cargo.toml, or finds the one source where there is none.
func readCrate(dir string) (*crate, error) {
	data, err := os.ReadFile(filepath.Join(dir, "Cargo.toml"))
	if errors.Is(err, fs.ErrNotExist) {
		return looseCrate(dir)
	}
	if err != nil {
		return nil, err
	}
	var manifest map[string]any
	if err := toml.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("read Cargo.toml: %w", err)
	}
	c := &crate{plain: true, edition: "2015", root: "src/lib.rs"}
	c.read(manifest)
	if _, err := os.Stat(filepath.Join(dir, "build.rs")); err == nil {
		c.plain = false
	}
	_, workspace := table(manifest, "package")["workspace"]
	c.ownLock = !workspace && !aboveIsWorkspace(dir)
	if c.library != "" {
		if !filepath.IsAbs(c.library) {
			c.library = filepath.Join(dir, c.library)
		}
		if _, err := os.Stat(filepath.Join(c.library, "src", "lib.rs")); err != nil {
			return nil, fmt.Errorf("find the crate weft that Cargo.toml names: %w", err)
		}
	}
	return c, nil
}

// read takes over what the manifest says, and sees whether the crate is plain:
// whatever is not known to be harmless is left to Cargo.
func (c *crate) read(manifest map[string]any) {
	for key := range manifest {
		switch key {
		case "package", "lib", "dependencies", "dev-dependencies":
		default:
			c.plain = false
		}
	}
	pkg, lib := table(manifest, "package"), table(manifest, "lib")
	if _, own := pkg["build"]; own {
		c.plain = false
	}
	c.name = strings.ReplaceAll(c.text(pkg, "name", "chaincode"), "-", "_")
	c.edition = c.text(pkg, "edition", c.edition)
	c.root = c.text(lib, "path", c.root)
	c.name = c.text(lib, "name", c.name)
	for name, value := range table(manifest, "dependencies") {
		if name != "weft" {
			c.plain = false
			continue
		}
		if weft, ok := value.(map[string]any); ok {
			c.library = c.text(weft, "path", "")
		}
	}
}

// text answers a value that is text; another kind, such as one that a workspace
// gives, is left to Cargo.
func (c *crate) text(t map[string]any, key, otherwise string) string {
	value, there := t[key]
	if !there {
		return otherwise
	}
	text, ok := value.(string)
	if !ok {
		c.plain = false
		return otherwise
	}
	return text
}

func table(t map[string]any, key string) map[string]any {
	inner, _ := t[key].(map[string]any)
	return inner
}

// aboveIsWorkspace tells whether a Cargo.toml above makes the folder a member
// of a workspace, whose lock file counts.
func aboveIsWorkspace(dir string) bool {
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		var manifest map[string]any
		if data, err := os.ReadFile(filepath.Join(at, "Cargo.toml")); err == nil && toml.Unmarshal(data, &manifest) == nil {
			if _, ok := manifest["workspace"]; ok {
				return true
			}
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// looseCrate is a chaincode of sources without Cargo.toml.
func looseCrate(dir string) (*crate, error) {
	c := &crate{plain: true, edition: "2021", name: "chaincode"}
	for _, name := range []string{"lib.rs", "src/lib.rs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			c.root = name
			return c, nil
		}
	}
	found, _ := filepath.Glob(filepath.Join(escape(dir), "*.rs"))
	if len(found) != 1 {
		return nil, fmt.Errorf("there is neither a Cargo.toml nor a lib.rs, and %d files in Rust", len(found))
	}
	c.root = filepath.Base(found[0])
	return c, nil
}
