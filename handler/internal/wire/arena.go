package wire

import (
	"errors"
	"unsafe"
)

// ErrFull says that a row does not fit in what is left of the arena. Nothing was
// appended; the same message may be decoded into an emptier or a larger arena.
var ErrFull = errors.New("arena is full")

// rowHeader is the size of { uint32 size; uint32 flags } in front of each row.
const rowHeader = 8

// flagHasNull is set in the flags of a row of which some column is NULL.
const flagHasNull = 1

// Arena is a batch of decoded rows, one after the other, in memory that C may read:
//
//	row := { uint32 size; uint32 flags; uint64 datum[n]; uint8 isnull[n], padded to 8;
//	         data of by-reference values, each starting at a multiple of 8 }
//
// size is the distance to the next row in bytes, a multiple of 8; n is the number of
// columns. By-reference datums are addresses within the arena, so the memory must
// neither move nor be freed while somebody reads rows. The arena does not own it.
// Padding is zero. An Arena may be used by one goroutine at a time.
type Arena struct {
	buf  []byte // starts at a multiple of 8
	used int
	rows int
}

// NewArena makes an empty arena of buf. Up to 7 bytes at its start are left out to
// reach a multiple of 8. The arena keeps a reference to buf.
//
// It must not be inlined: then buf is known to escape, and can never be on a
// goroutine's stack, which moves.
//
//go:noinline
func NewArena(buf []byte) *Arena {
	if len(buf) > 0 {
		skip := -uintptr(unsafe.Pointer(unsafe.SliceData(buf))) & 7
		buf = buf[min(int(skip), len(buf)):]
	}
	return &Arena{buf: buf[:len(buf):len(buf)]}
}

// Reset empties the arena. What it held may then be overwritten.
func (a *Arena) Reset() { a.used, a.rows = 0, 0 }

// Rows is the number of rows.
func (a *Arena) Rows() int { return a.rows }

// Used is the number of bytes the rows take, a multiple of 8.
func (a *Arena) Used() int { return a.used }

// Size is the number of bytes the arena can hold.
func (a *Arena) Size() int { return len(a.buf) }

// Base is the address of the first row.
func (a *Arena) Base() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(a.buf))) }

// Bytes returns the rows as they lie in the arena.
func (a *Arena) Bytes() []byte { return a.buf[:a.used] }
