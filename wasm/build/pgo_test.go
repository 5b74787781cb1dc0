package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnAuthorsProfileComesBeforeOurs(t *testing.T) {
	b := &builder{tool: tool{dir: t.TempDir(), scratch: t.TempDir()}}
	flag, err := b.profileFlag()
	name, given := strings.CutPrefix(flag, "-pgo=")
	if err != nil || !given {
		t.Fatal(flag, err)
	}
	if written, err := os.ReadFile(name); err != nil || !bytes.Equal(written, profile) {
		t.Errorf("%d bytes of profile, not %d: %v", len(written), len(profile), err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, authorsProfile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if flag, err := b.profileFlag(); flag != "-pgo=auto" || err != nil {
		t.Errorf("beside a profile of the author's: %q, %v", flag, err)
	}
}
