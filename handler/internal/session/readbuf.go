package session

import (
	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// Sizes of the read buffer: how it begins (against 64 kB a narrow row takes 15 %
// less time, and a point query touches no more of it than it needs), and up to
// where it is the collector's.
const (
	initialReadBuffer = 256 << 10
	keepReadBuffer    = 1 << 20
)

// readBuffer lies between the socket and the sinks. What a message claims to
// need is only believed as its bytes arrive: the buffer at most doubles what
// has come. Beyond keepReadBuffer the memory is mapped, so that growing copies
// nothing, a lack of memory is an error instead of the end of the process, and
// a value of 1 GB does not upset the garbage collector.
type readBuffer struct {
	buf    []byte
	r, w   int
	mapped bool
}

// unread is what has come and was not taken yet. It is valid until the next
// call of room, shrink or free.
func (b *readBuffer) unread() []byte { return b.buf[b.r:b.w] }

// load puts bytes in that came before the buffer was there.
func (b *readBuffer) load(p []byte) {
	b.buf = make([]byte, max(initialReadBuffer, len(p)))
	b.w = copy(b.buf, p)
}

// room returns where to read to, when the message that unread begins with has
// need bytes in all.
func (b *readBuffer) room(need int) ([]byte, error) {
	if b.r == b.w {
		b.r, b.w = 0, 0
	}
	// Not only when it must be: reading into a short end costs a system call too many.
	if tail := len(b.buf) - b.w; b.r > 0 && (tail < len(b.buf)/4 || len(b.buf)-b.r < need) {
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	if b.w == len(b.buf) {
		if err := b.grow(min(2*len(b.buf), (need+4095)&^4095)); err != nil {
			return nil, err
		}
	}
	return b.buf[b.w:], nil
}

// grow makes the buffer, which begins with what is unread, at least one byte larger.
func (b *readBuffer) grow(size int) error {
	size = max(size, len(b.buf)+4096)
	if size <= keepReadBuffer {
		buf := make([]byte, size)
		copy(buf, b.buf[:b.w])
		b.buf = buf
		return nil
	}
	if b.mapped {
		buf, err := unix.Mremap(b.buf, size, unix.MREMAP_MAYMOVE)
		if err != nil {
			return err
		}
		b.buf = buf
		return nil
	}
	buf, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	copy(buf, b.buf[:b.w])
	b.buf, b.mapped = buf, true
	invariant.Track("readbuffer", 1)
	return nil
}

// shrink gives a large buffer back when what is unread fits in a small one.
func (b *readBuffer) shrink() {
	if len(b.buf) <= keepReadBuffer || b.w-b.r > initialReadBuffer/2 {
		return
	}
	rest := append(make([]byte, 0, initialReadBuffer), b.unread()...)
	b.free()
	b.load(rest)
}

func (b *readBuffer) free() {
	if b.mapped {
		_ = unix.Munmap(b.buf)
		invariant.Track("readbuffer", -1)
	}
	*b = readBuffer{}
}
