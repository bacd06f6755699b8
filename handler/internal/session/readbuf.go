package session

import "pgwire_fdw/handler/internal/mem"

// Sizes of the read buffer: how it begins (against 64 kB a narrow row takes 15 %
// less time, and a point query touches no more of it than it needs), and above
// which it does not stay.
const (
	initialReadBuffer = mem.HeapLimit
	keepReadBuffer    = 1 << 20
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

// shrink gives a large buffer back when what is unread fits in a small one.
func (b *readBuffer) shrink() { b.Shrink(keepReadBuffer, initialReadBuffer) }
