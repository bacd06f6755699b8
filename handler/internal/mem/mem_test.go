package mem

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// tooMuch is more than an address space has.
const tooMuch = 1 << 47

// noLeak checks at the end that nothing is mapped that was not before.
func noLeak(t *testing.T) {
	before := invariant.Live()[bufferKind]
	t.Cleanup(func() {
		if now := invariant.Live()[bufferKind]; now != before {
			t.Errorf("%d mappings are left, before %d", now, before)
		}
	})
}

// TestQueue holds a Buffer against a slice, while both grow and shrink.
func TestQueue(t *testing.T) {
	noLeak(t)
	rng := rand.New(rand.NewPCG(1, 1))
	var b Buffer
	var want []byte
	mapped := 0
	for i := range 20000 {
		switch n := rng.IntN(1 << rng.IntN(18)); rng.IntN(9) {
		case 0, 1, 2:
			p := make([]byte, n)
			for i := range p {
				p[i] = byte(i * n)
			}
			cut := rng.IntN(n + 1)
			if err := b.Append(p[:cut], p[cut:]); err != nil {
				t.Fatal(err)
			}
			want = append(want, p...)
		case 3, 4, 5:
			n = min(n, len(want))
			b.Take(n)
			want = want[n:]
		case 6:
			room, err := b.Room(n)
			if err != nil || len(room) < n {
				t.Fatal(len(room), n, err)
			}
			n = copy(room, "put in by hand")
			b.Added(n)
			want = append(want, "put in by hand"[:n]...)
		case 7:
			b.Shrink(2*HeapLimit, HeapLimit)
		case 8:
			if rng.IntN(200) == 0 {
				b.Free()
				want = nil
			}
		}
		if b.mapped {
			mapped++
		}
		if b.Len() != len(want) || !bytes.Equal(b.Bytes(), want) {
			t.Fatalf("step %d: %d bytes, want %d, or others", i, b.Len(), len(want))
		}
		if b.mapped != (b.Cap() > HeapLimit) && !b.mapped {
			t.Fatalf("%d bytes in the heap", b.Cap())
		}
	}
	if mapped == 0 {
		t.Error("it was never mapped")
	}
	b.Free()
}

// TestMovesLittle: bytes that pass through a queue which is never empty are not
// moved each time, and it does not grow for ever.
func TestMovesLittle(t *testing.T) {
	var b Buffer
	defer b.Free()
	piece := make([]byte, 1000)
	for range 100 {
		if err := b.Append(piece); err != nil {
			t.Fatal(err)
		}
	}
	for range 100_000 {
		if err := b.Append(piece); err != nil {
			t.Fatal(err)
		}
		b.Take(len(piece))
	}
	if b.Cap() > 400_000 {
		t.Errorf("%d bytes for a queue of 100 000", b.Cap())
	}
}

// TestNoMemory: what cannot be had is an error that can be told, and what was
// there before is still there.
func TestNoMemory(t *testing.T) {
	noLeak(t)
	var b Buffer
	defer b.Free()
	if err := b.Append(bytes.Repeat([]byte("x"), 2*HeapLimit)); err != nil {
		t.Fatal(err)
	}
	_, err := b.Room(tooMuch)
	var stated interface{ SQLState() string }
	if !errors.As(err, &stated) || stated.SQLState() != "53200" {
		t.Errorf("got %v", err)
	}
	if b.Len() != 2*HeapLimit || b.Bytes()[HeapLimit] != 'x' {
		t.Error("it has lost what it held")
	}
	if _, err := Map(bufferKind, tooMuch); !errors.Is(err, unix.ENOMEM) {
		t.Error("there is memory without end")
	}
	var fresh Buffer
	if err := fresh.Resize(tooMuch); err == nil || fresh.Cap() != 0 {
		t.Error("there is memory without end")
	}
}

func TestReset(t *testing.T) {
	noLeak(t)
	var b Buffer
	for _, n := range []int{100, 3 * HeapLimit} {
		if err := b.Append(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		b.Reset(HeapLimit)
		if b.Len() != 0 || b.Cap() > HeapLimit {
			t.Errorf("after %d bytes: %d of %d", n, b.Len(), b.Cap())
		}
	}
}
