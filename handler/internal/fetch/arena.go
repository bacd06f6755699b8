package fetch

import (
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// Batch memory is mapped, not allocated: C reads it without a call, and the
// garbage collector neither moves nor counts it.
const (
	smallArena = 64 << 10  // first batch of a scan: a point query touches one page
	largeArena = 256 << 10 // about the second-level cache, and 8000 narrow rows
	freeArenas = 4         // of the small size, kept for the next scan
)

var free []*block

// block is one mapping with the arena laid over it.
type block struct {
	mem   []byte
	arena *wire.Arena
}

func newBlock(size int) (*block, *sqlerr.Error) {
	if n := len(free); size <= smallArena && n > 0 {
		b := free[n-1]
		free = free[:n-1]
		b.arena.Reset()
		return b, nil
	}
	if size > smallArena {
		size = max(size, largeArena)
	} else {
		size = smallArena
	}
	room, err := mem.Map("arena", size)
	if err != nil {
		return nil, sqlerr.New(sqlstate.OutOfMemory, "out of memory for rows: %w", err)
	}
	return &block{mem: room, arena: wire.NewArena(room)}, nil
}

func (b *block) release() {
	if b == nil {
		return
	}
	if len(b.mem) == smallArena && len(free) < freeArenas {
		free = append(free, b)
		return
	}
	mem.Unmap("arena", b.mem)
}
