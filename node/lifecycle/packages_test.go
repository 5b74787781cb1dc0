package lifecycle_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/weft-network/weft/node/lifecycle"
)

// folder is a folder of packages that is opened, as by restarts, with engines
// that count their work.
type folder struct {
	t      *testing.T
	dir    string
	engine lifecycle.Engine
	log    bytes.Buffer
	loads  int
}

func newFolder(t *testing.T) *folder {
	f := &folder{t: t, dir: t.TempDir(), engine: fakeEngine()}
	load := f.engine.Load
	f.engine.Load = func(ctx context.Context, id string, code []byte) (lifecycle.Loaded, error) {
		f.loads++
		return load(ctx, id, code)
	}
	return f
}

func (f *folder) open() *lifecycle.Packages {
	f.t.Helper()
	f.log.Reset()
	p, err := lifecycle.OpenPackages(f.dir, f.engine, slog.New(slog.NewTextHandler(&f.log, nil)))
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

const aPackage = "wasm|kv_1.0|code"

func (f *folder) install(p *lifecycle.Packages) string {
	f.t.Helper()
	id, _, err := p.Install(f.t.Context(), []byte(aPackage))
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func TestAPackageIsPreparedAnewOnceAndLoudlyUnderANewProfile(t *testing.T) {
	f := newFolder(t)
	id := f.install(f.open())
	image := hex.EncodeToString([]byte("code"))
	if p, ok := f.open().Prepared(id); !ok || p != (lifecycle.Prepared{Profile: "profile1", Image: image}) {
		t.Errorf("kept: %v, %t", p, ok)
	}
	for _, c := range []struct {
		profile string
		said    bool
	}{{"profile1", false}, {"profile2", true}, {"profile2", false}} {
		f.engine.Profile = c.profile
		p, changes := f.open(), 0
		p.OnChange(func() { changes++ })
		if err := p.Preload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(f.log.String(), "prepared under another execution profile"); said != c.said || (changes == 1) != c.said {
			t.Errorf("%s: %d changes, and it was said: %s", c.profile, changes, &f.log)
		}
		if p, _ := p.Prepared(id); p.Profile != c.profile || p.Image != image {
			t.Errorf("%s: %v", c.profile, p)
		}
	}
}

func TestALostOrDamagedRecordIsWrittenAgain(t *testing.T) {
	for what, spoil := range map[string]func(string) error{
		"lost":    os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
	} {
		f := newFolder(t)
		id := f.install(f.open())
		if err := spoil(filepath.Join(f.dir, id+".prepared.json")); err != nil {
			t.Fatal(err)
		}
		if err := f.open().Preload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, _ := f.open().Prepared(id); p.Profile != "profile1" {
			t.Errorf("%s: %v", what, p)
		}
	}
}

func TestARecordWithoutItsPackageIsRemoved(t *testing.T) {
	f := newFolder(t)
	stray := filepath.Join(f.dir, lifecycle.PackageID("kv", nil)+".prepared.json")
	if err := os.WriteFile(stray, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.open()
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
}

func TestAnotherStateUnderTheSameProfileIsSaid(t *testing.T) {
	f := newFolder(t)
	f.install(f.open())
	f.engine.Load = func(context.Context, string, []byte) (lifecycle.Loaded, error) {
		return lifecycle.Loaded{Module: fakeModule("code"), Image: "00"}, nil
	}
	if err := f.open().Preload(t.Context()); err != nil || !strings.Contains(f.log.String(), "begins from another state") {
		t.Errorf("%v: %s", err, &f.log)
	}
}

func TestInstallsOfOnePackageAtTheSameTimeDoTheWorkOnce(t *testing.T) {
	f := newFolder(t)
	p := f.open()
	var all sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		all.Go(func() { _, _, errs[i] = p.Install(t.Context(), []byte(aPackage)) })
	}
	all.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
		} else if !strings.Contains(err.Error(), "already successfully installed") {
			t.Error(err)
		}
	}
	if good != 1 || f.loads != 1 {
		t.Errorf("%d installed it, %d loads", good, f.loads)
	}
}

func TestAnInstallIsWatchedFromBeforeItBegins(t *testing.T) {
	f := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		// Between phases everything comes to rest, so that none is missed.
		pause := func(ctx context.Context, p lifecycle.Phase) {
			synctest.Wait()
			lifecycle.Enter(ctx, p)
			synctest.Wait()
		}
		load := f.engine.Load
		f.engine.Load = func(ctx context.Context, id string, code []byte) (lifecycle.Loaded, error) {
			pause(ctx, lifecycle.Metering)
			pause(ctx, lifecycle.Compiling)
			pause(ctx, lifecycle.Starting)
			return load(context.Background(), id, code)
		}
		f.t = t // whose context is of the bubble
		p := f.open()
		id := lifecycle.PackageID("kv_1.0", []byte(aPackage))
		var told []lifecycle.Phase
		watched := make(chan error, 1)
		go func() {
			watched <- p.Watch(t.Context(), id, func(ph lifecycle.Phase) error { told = append(told, ph); return nil })
		}()
		synctest.Wait()
		f.install(p)
		if err := <-watched; err != nil {
			t.Error(err)
		}
		want := []lifecycle.Phase{lifecycle.Metering, lifecycle.Compiling, lifecycle.Starting, lifecycle.Done}
		told = slices.DeleteFunc(told, func(p lifecycle.Phase) bool { // these may pass too fast
			return p == lifecycle.Waiting || p == lifecycle.Checking || p == lifecycle.Saving
		})
		if !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

func TestWatchingEndsWithAFailureAndWithTheWatcher(t *testing.T) {
	f := newFolder(t)
	p := f.open()
	bad := []byte("wasm|kv_1.0|bad")
	synctest.Test(t, func(t *testing.T) {
		var last lifecycle.Phase
		watched := make(chan error, 1)
		go func() {
			watched <- p.Watch(t.Context(), lifecycle.PackageID("kv_1.0", bad), func(ph lifecycle.Phase) error { last = ph; return nil })
		}()
		synctest.Wait()
		if _, _, err := p.Install(t.Context(), bad); err == nil {
			t.Error("a bad package was installed")
		}
		if err := <-watched; err != nil || last != lifecycle.Failed {
			t.Errorf("%v, %s", err, last)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Watch(ctx, "kv:00", func(lifecycle.Phase) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
