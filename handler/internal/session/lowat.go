package session

import (
	"time"

	"golang.org/x/sys/unix"
)

// A long result is read faster than it is made, so the reader would wake for
// every few kilobytes that the server sends, and each send would pay for the
// waking. While a result flows, the socket is therefore told to count as
// readable from streamMark on (SO_RCVLOWAT); a short timeout stands in for the
// mark when less comes, and the mark is taken away when that happens.
const (
	streamMark    = 128 << 10
	streamAfter   = 1 << 20 // of one result, before it counts as long
	streamWaits   = 8       // waits without a lull, before the mark is set
	streamTimeout = 2 * time.Millisecond
)

// watermark is the state of that for one connection.
type watermark struct {
	set      bool
	steady   int
	readThen int64 // BytesRead at the last wait
}

// mark adapts the mark to how the result flows, as a wait begins; true: the
// wait needs the timeout.
func (c *Conn) mark() bool {
	got := c.BytesRead - c.water.readThen
	c.water.readThen = c.BytesRead
	switch {
	case c.Active() == nil || c.BytesRead-c.resultFrom < streamAfter:
		c.unmark()
	case c.water.set && got < streamMark:
		c.unmark()
	case !c.water.set:
		if c.water.steady++; c.water.steady >= streamWaits {
			c.water.set = unix.SetsockoptInt(c.est.Sock.Fd(), unix.SOL_SOCKET, unix.SO_RCVLOWAT, streamMark) == nil
		}
	}
	return c.water.set
}

// AnyByte is Readable for whoever waits for several connections at a time, and so
// has no timeout for each: the mark is not used.
func (c *Conn) AnyByte() *Waiting {
	c.unmark()
	fd, write := c.Poll()
	return &Waiting{FD: fd, Write: write, Timeout: -1, Socket: c.serial}
}

// unmark makes every byte count again.
func (c *Conn) unmark() {
	c.water.steady = 0
	if c.water.set {
		_ = unix.SetsockoptInt(c.est.Sock.Fd(), unix.SOL_SOCKET, unix.SO_RCVLOWAT, 1)
		c.water.set = false
	}
}
