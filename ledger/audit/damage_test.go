package audit_test

import (
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/weft-network/weft/ledger/audit"
)

var damages = flag.Int("damages", 30, "how many random damages are tried")

// Whatever happens to a file, verification says so, or the file had nothing to
// say there; and it never breaks down itself.
func TestAnyDamageIsToldOrDoesNotMatter(t *testing.T) {
	if testing.Short() {
		t.Skip("verifies many ledgers; the full run has it")
	}
	const seed = 1
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	n := newNode(t, audit.Peer)
	n.history()
	commitHash := n.chain.CommitHash()
	good := n.close()
	var files []string
	n.check(filepath.WalkDir(good, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(good, path) // it is below
			files = append(files, rel)
		}
		return err
	}))
	told := 0
	for range *damages {
		dir := copied(t, good)
		file := filepath.Join(dir, files[rng.IntN(len(files))])
		what := damage(t, file, rng)
		v, err := audit.Verify(t.Context(), dir, audit.VerifyOptions{Workers: 1, Temp: t.TempDir()})
		switch {
		case err != nil || v.Fault() != nil:
			told++
		case v.Height != 15 || string(v.CommitHash) != string(commitHash):
			t.Errorf("%s of %s passed, and it verified height %d", what, file, v.Height)
		}
	}
	t.Logf("%d of %d damages were told", told, *damages)
	if told == 0 {
		t.Error("no damage was ever told")
	}
}

// damage does something to a file.
func damage(t *testing.T, file string, rng *rand.Rand) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	what := []string{"a flipped bit", "a zeroed page", "a truncation", "a deletion"}[rng.IntN(4)]
	at := rng.IntN(len(raw) + 1)
	switch {
	case what == "a deletion":
		err = os.Remove(file)
	case what == "a truncation":
		err = os.WriteFile(file, raw[:at], 0o600)
	case at == len(raw): // an empty file, or its end
		err = os.WriteFile(file, append(raw, 0xff), 0o600)
	case what == "a zeroed page":
		clear(raw[at:min(len(raw), at+4096)])
		err = os.WriteFile(file, raw, 0o600)
	default:
		raw[at] ^= 1 << rng.IntN(8)
		err = os.WriteFile(file, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return what
}
