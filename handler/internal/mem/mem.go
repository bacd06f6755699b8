// Package mem keeps what a remote server or a user makes large outside of Go's
// heap. Where the heap cannot grow, the runtime ends the process, and with it
// every session of the cluster; a mapping that cannot be had is an error.
package mem

import (
	"fmt"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlstate"
)

// HeapLimit is below what a Buffer lies in the heap, which is quicker to take
// and to give back. A page fault for each 4 kB is what a mapping costs.
const HeapLimit = 256 << 10

const page = 4096

// bufferKind is under what mapped Buffers are counted.
const bufferKind = "buffer"

// Error is a mapping that could not be had.
type Error struct {
	Size  int // bytes asked for
	cause error
}

// Error says how much was asked for.
func (e *Error) Error() string { return fmt.Sprintf("could not map %d bytes: %v", e.Size, e.cause) }

// SQLState is out_of_memory.
func (e *Error) SQLState() string { return sqlstate.OutOfMemory }

// Unwrap gives the error of the system call.
func (e *Error) Unwrap() error { return e.cause }

// Map returns size bytes of zeroes, rounded up to whole pages, which are counted
// under kind (package invariant). Unmap gives them back.
func Map(kind string, size int) ([]byte, error) {
	size = (size + page - 1) &^ (page - 1)
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, &Error{size, err}
	}
	invariant.Track(kind, 1)
	return b, nil
}

// Unmap gives back what Map has returned, as a whole.
func Unmap(kind string, b []byte) {
	_ = unix.Munmap(b)
	invariant.Track(kind, -1)
}

// Buffer is a queue of bytes: they are put in at its end and taken from its
// front. It begins in the heap and is mapped once it has HeapLimit bytes;
// growing then copies nothing. The zero Buffer is empty and ready.
type Buffer struct {
	b      []byte
	r, w   int // b[r:w] is in the queue
	mapped bool
	used   int // up to where it has been written to since Lend
}

// Bytes is what is in the queue. It is valid until something is put in, or the
// memory given back.
func (b *Buffer) Bytes() []byte { return b.b[b.r:b.w] }

// Len is how many bytes are in the queue.
func (b *Buffer) Len() int { return b.w - b.r }

// Cap is how much memory the buffer has.
func (b *Buffer) Cap() int { return len(b.b) }

// Front is how much memory lies unused in front of the queue, where what was
// taken has been.
func (b *Buffer) Front() int { return b.r }

// Take removes the first n bytes.
func (b *Buffer) Take(n int) {
	if b.r += n; b.r == b.w {
		b.r, b.w = 0, 0
	}
}

// Append puts the parts in, all or none of them.
func (b *Buffer) Append(parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	room, err := b.Room(n)
	if err != nil {
		return err
	}
	at := 0
	for _, p := range parts {
		at += copy(room[at:], p)
	}
	b.Added(n)
	return nil
}

// Room returns the free memory behind the queue, at least n bytes of it. What is
// written there is put in by Added.
func (b *Buffer) Room(n int) ([]byte, error) {
	if len(b.b)-b.w >= n {
		return b.b[b.w:], nil
	}
	// what was taken out pays for moving the rest to the front
	if used := b.w - b.r; b.r >= used && len(b.b)-used >= n {
		b.Compact()
		return b.b[b.w:], nil
	}
	if err := b.Grow(b.w + n); err != nil {
		return nil, err
	}
	return b.b[b.w:], nil
}

// Added puts the first n bytes of what Room has returned in.
func (b *Buffer) Added(n int) {
	b.w += n
	b.used = max(b.used, b.w)
}

// Compact moves the queue to the front of the memory, so that all of what is
// free is behind it.
func (b *Buffer) Compact() {
	b.w = copy(b.b, b.b[b.r:b.w])
	b.r = 0
}

// Grow makes the memory at least size bytes in all, and where there is enough,
// half as much again, so that what is put in bit by bit is not moved each time.
func (b *Buffer) Grow(size int) error {
	if size <= len(b.b) {
		return nil
	}
	err := b.Resize(max(size, len(b.b)+len(b.b)/2))
	if err != nil {
		err = b.Resize(size)
	}
	return err
}

// Resize makes the memory at least size bytes in all, not less than what is in
// the queue, and hardly more.
func (b *Buffer) Resize(size int) error {
	size = max(size, b.w)
	if size < HeapLimit && !b.mapped {
		next := make([]byte, size)
		copy(next, b.b[:b.w])
		b.b = next
		return nil
	}
	if !b.mapped {
		next, err := Map(bufferKind, size)
		if err != nil {
			return err
		}
		copy(next, b.b[:b.w])
		b.b, b.mapped = next, true
		return nil
	}
	size = (size + page - 1) &^ (page - 1)
	next, err := unix.Mremap(b.b, size, unix.MREMAP_MAYMOVE)
	if err != nil {
		return &Error{size, err}
	}
	b.b = next
	return nil
}

// Shrink gives memory back when there is more than limit and what is in the
// queue fits in half of keep (at most HeapLimit): keep bytes are left.
func (b *Buffer) Shrink(limit, keep int) {
	if len(b.b) <= limit || b.Len() > keep/2 {
		return
	}
	next := make([]byte, keep)
	n := copy(next, b.Bytes())
	b.Free()
	b.b, b.w = next, n
}

// Lend gives the kernel the pages back that lie behind the first keep bytes of a
// mapped buffer, if what is in the queue fits in those and more than them has been
// written to since the last time. The memory stays the buffer's.
func (b *Buffer) Lend(keep int) {
	if !b.mapped || b.used <= keep || b.Len() > keep {
		return
	}
	b.Compact()
	if keep = (keep + page - 1) &^ (page - 1); keep < len(b.b) {
		_ = unix.Madvise(b.b[keep:], unix.MADV_DONTNEED) // refused, the pages stay
	}
	b.used = b.w
}

// Reset empties the queue, and gives the memory back when it is more than keep.
func (b *Buffer) Reset(keep int) {
	b.r, b.w = 0, 0
	if len(b.b) > keep {
		b.Free()
	}
}

// Free empties the queue and gives the memory back. The buffer can be used
// again.
func (b *Buffer) Free() {
	if b.mapped {
		Unmap(bufferKind, b.b)
	}
	*b = Buffer{}
}
