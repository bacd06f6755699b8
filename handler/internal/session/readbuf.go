package session

import "pgwire_fdw/handler/internal/mem"

// Sizes of the read buffer: how it begins (against 64 kB a narrow row takes 15 %
// less time, and a point query touches no more of it than it needs), above which
// it does not stay, and what of it keeps its pages while nothing is read. It is
// mapped from the start, which is how pages can be given back.
const (
	initialReadBuffer = mem.HeapLimit
	keepReadBuffer    = 1 << 20
	idleReadBuffer    = 16 << 10
)

// readBuffer lies between the socket and the sinks. What a message claims to
// need is only believed as its bytes arrive: the buffer at most doubles what
// has come.
type readBuffer struct{ mem.Buffer }

// load puts bytes in that came before the buffer was there.
func (b *readBuffer) load(p []byte) error {
	err := b.Resize(max(initialReadBuffer, len(p)))
	if err == nil {
		err = b.Append(p)
	}
	return err
}

// room returns where to read to, when the message that the buffer begins with
// has need bytes in all.
func (b *readBuffer) room(need int) ([]byte, error) {
	size := b.Cap()
	// Not only when it must be: reading into a short end costs a system call too many.
	if tail := size - b.Front() - b.Len(); b.Front() > 0 && (tail < size/4 || size-b.Front() < need) {
		b.Compact()
	}
	if b.Len() == size {
		if err := b.Resize(max(min(2*size, need), size+4096)); err != nil {
			return nil, err
		}
	}
	return b.Room(1)
}

// shrink gives back, at the end of a result, what the next point query does not need.
func (b *readBuffer) shrink() {
	if b.Cap() > keepReadBuffer && b.Len() <= initialReadBuffer/2 {
		b.Compact()
		_ = b.Resize(initialReadBuffer) // refused, it stays large
	}
	b.Lend(idleReadBuffer)
}
