package snapshot

import (
	"math/rand/v2"
	"testing"
)

// forms that work on this machine; Copy always does.
func forms(t testing.TB) map[string]*System {
	systems := map[string]*System{}
	for form := Copy; form <= Scan; form++ {
		s, err := OpenForm(form)
		if err != nil {
			t.Logf("not tried here: %v", err)
			continue
		}
		t.Cleanup(func() { s.Close() })
		systems[form.String()] = s
	}
	if systems[Copy.String()] == nil {
		t.Fatal("not even a full copy works")
	}
	return systems
}

func eachForm(t *testing.T, test func(t *testing.T, s *System)) {
	for name, s := range forms(t) {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// over returns a memory of 8 pages at most over an image of 4.
func over(t testing.TB, s *System, content []byte) (*Memory, *plainEngine) {
	t.Helper()
	image, err := s.Image(content)
	if err != nil {
		t.Fatal(err)
	}
	m, err := image.NewMemory(8 * wasmPage)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Free(); image.Close() })
	return m, &plainEngine{memory: m, size: uint32(image.Size())}
}

func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	r.Read(b)
	return b
}

func TestAfterAResetMemoryEqualsTheImage(t *testing.T) {
	eachForm(t, func(t *testing.T, s *System) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		m, engine := over(t, s, random(1, 4*wasmPage))
		for range 2000 {
			if r.IntN(2) == 0 {
				m.Watch()
			}
			if r.IntN(3) == 0 {
				engine.Grow(uint32(r.IntN(6))) // sometimes too much
			}
			for range r.IntN(20) {
				m.region[r.IntN(int(engine.size))] ^= 0xff
			}
			if r.IntN(10) == 0 {
				m.Unwatch()
			}
			if err := m.Reset(engine); err != nil {
				t.Fatal(err)
			}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			if engine.size != 4*wasmPage || m.Refused() {
				t.Fatalf("the engine has %d bytes after a reset, refused %v", engine.size, m.Refused())
			}
		}
	})
}

// As after a fault whose page was larger than what the guest could reach.
func TestPagesAboveTheHighestThatAreOwnAlreadyAreFoundOnceTheGuestReachesThem(t *testing.T) {
	eachForm(t, func(t *testing.T, s *System) {
		m, engine := over(t, s, random(1, 4*wasmPage))
		if err := m.Reset(engine); err != nil {
			t.Fatal(err)
		}
		above := &m.region[6*wasmPage]
		*above = 0 // its own from here on
		m.Watch()
		engine.Grow(4)
		*above = 1
		if err := m.Reset(engine); err != nil {
			t.Fatal(err)
		}
		engine.Grow(4)
		if *above != 0 {
			t.Error("what a call wrote there is still there")
		}
	})
}

func TestAMemoryOverAnEmptyImageShrinksToNothing(t *testing.T) {
	eachForm(t, func(t *testing.T, s *System) {
		m, engine := over(t, s, nil)
		engine.Grow(2)
		m.region[wasmPage] = 1
		if err := m.Reset(engine); err != nil {
			t.Fatal(err)
		}
		if err := m.Check(); err != nil || engine.size != 0 {
			t.Fatalf("%d bytes, %v", engine.size, err)
		}
	})
}

func TestMemoriesOverOneImageDoNotSeeEachOther(t *testing.T) {
	eachForm(t, func(t *testing.T, s *System) {
		image, err := s.Image(random(2, wasmPage))
		if err != nil {
			t.Fatal(err)
		}
		defer image.Close()
		var memories [3]*Memory
		for i := range memories {
			if memories[i], err = image.NewMemory(wasmPage); err != nil {
				t.Fatal(err)
			}
			defer memories[i].Free()
		}
		clear(memories[1].region)
		for i, m := range memories {
			if err := m.Check(); (err != nil) != (i == 1) {
				t.Errorf("memory %d: %v", i, err)
			}
		}
	})
}

func TestGrowthBeyondTheLimitIsRefusedAndSaid(t *testing.T) {
	m := NewMemory(2 * wasmPage)
	defer m.Free()
	if m.Reallocate(2*wasmPage) == nil || m.Refused() {
		t.Error("the limit itself is refused")
	}
	if m.Reallocate(2*wasmPage+1) != nil || !m.Refused() {
		t.Error("more than the limit is granted")
	}
}

func TestMemoryStaysWhereItIsHoweverItGrows(t *testing.T) {
	const pages = 100
	eachForm(t, func(t *testing.T, s *System) {
		image, err := s.Image(random(5, wasmPage))
		if err != nil {
			t.Fatal(err)
		}
		defer image.Close()
		m, err := image.NewMemory(pages * wasmPage)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Free()
		base := &m.Bytes(1)[0]
		for n := uint64(1); n <= pages; n++ {
			if b := m.Reallocate(n * wasmPage); &b[0] != base {
				t.Fatalf("with %d pages it lies elsewhere, so it was copied", n)
			}
		}
	})
}

func TestAnEngineThatDoesNotShrinkIsNoticed(t *testing.T) {
	eachForm(t, func(t *testing.T, s *System) {
		m, _ := over(t, s, make([]byte, wasmPage))
		if err := m.Reset(stubborn{}); err == nil {
			t.Error("a memory of two pages was taken for one of one")
		}
	})
}

type stubborn struct{}

func (stubborn) Size() uint32               { return 2 * wasmPage }
func (stubborn) Grow(uint32) (uint32, bool) { return 0, false }

func TestPagesOfAHeavyCallAreDroppedAndThoseOfUsualCallsKept(t *testing.T) {
	var s sticky
	for range 3 * stickyResets {
		if s.tooMany(10) {
			t.Fatal("a few pages are dropped")
		}
	}
	if !s.tooMany(stickyFloor + 1) {
		t.Error("pages far above the usual are kept")
	}
	dropped := 0
	for range 2 * stickyResets {
		if s.tooMany(10 * stickyFloor) {
			dropped++
		}
	}
	if dropped != 2 {
		t.Errorf("usual pages were dropped %d times in %d resets, want twice, to learn anew", dropped, 2*stickyResets)
	}
}

func TestADroppedMemoryEqualsTheImageToo(t *testing.T) {
	eachForm(t, func(t *testing.T, s *System) {
		const pages = 40 // of 64 KiB, more than the floor
		image, err := s.Image(random(3, pages*wasmPage))
		if err != nil {
			t.Fatal(err)
		}
		defer image.Close()
		m, err := image.NewMemory(2 * pages * wasmPage)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Free()
		engine := &plainEngine{memory: m, size: pages * wasmPage}
		for i := range 6 {
			if i == 3 {
				engine.Grow(pages)
				clear(m.region)
			}
			m.region[i] ^= 1
			if err := m.Reset(engine); err != nil {
				t.Fatal(err)
			}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkReset(b *testing.B) {
	for name, s := range forms(b) {
		for _, size := range []struct {
			name  string
			pages int
		}{{"1MiB", 16}, {"2.5MiB", 40}, {"14MiB", 224}} {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				image, err := s.Image(random(4, size.pages*wasmPage))
				if err != nil {
					b.Fatal(err)
				}
				defer image.Close()
				m, err := image.NewMemory(2 * image.Size())
				if err != nil {
					b.Fatal(err)
				}
				defer m.Free()
				engine := &plainEngine{memory: m, size: uint32(image.Size())}
				for b.Loop() {
					m.Watch()
					for i := range 8 {
						m.region[i*3*4096]++
					}
					if err := m.Reset(engine); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
