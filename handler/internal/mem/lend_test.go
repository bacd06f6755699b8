package mem

import (
	"bytes"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// resident counts the pages of b that are in memory.
func resident(t *testing.T, b []byte) (n int) {
	t.Helper()
	seen := make([]byte, (len(b)+page-1)/page)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&seen[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, s := range seen {
		n += int(s & 1)
	}
	return n
}

// TestLend: pages that were used are given back, what is in the queue stays, and
// the buffer can be filled again.
func TestLend(t *testing.T) {
	noLeak(t)
	var b Buffer
	defer b.Free()
	if err := b.Resize(HeapLimit); err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("x"), HeapLimit)
	for range 3 {
		if err := b.Append(long, []byte("rest")); err != nil {
			t.Fatal(err)
		}
		b.Lend(2 * page)
		if n := resident(t, b.b); n <= HeapLimit/page {
			t.Fatalf("%d pages are left of a queue that needs more", n)
		}
		b.Take(len(long))
		b.Lend(2 * page)
		if n := resident(t, b.b); n > 2 {
			t.Errorf("%d pages are left, expected 2", n)
		}
		if string(b.Bytes()) != "rest" {
			t.Fatalf("%q is left in the queue", b.Bytes())
		}
		b.Take(4)
	}
}
