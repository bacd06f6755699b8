package session

import (
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRetryAfterIsCapped: however often a cancel request was sent.
func TestRetryAfterIsCapped(t *testing.T) {
	before := time.Duration(0)
	for _, try := range []int{0, 1, 2, 5, 6, 7, 31, 36, 37, 62, 63, 64, 1000, math.MaxInt} {
		k := cancelling{try: try}
		got := k.retryAfter()
		if got < before || got <= 0 || got > 5*time.Second {
			t.Errorf("try %d: after %v, before it %v", try, got, before)
		}
		before = got
	}
}

// TestCancelWithoutMark: while a cancel waits for the end of a result, every
// byte counts.
func TestCancelWithoutMark(t *testing.T) {
	c, _ := testConn(t, nil)
	if err := c.Execute(&Request{SQL: "SELECT 1", Sink: &recorder{t: t}, Level: 1}); err != nil {
		t.Fatal(err)
	}
	fd, _ := c.Poll()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, streamMark); err != nil {
		t.Fatal(err)
	}
	c.water.set = true
	c.Cancel()
	w := c.CancelStep()
	if w == nil || w.FD != fd {
		t.Fatalf("waits for %+v, not for the socket", w)
	}
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT); err != nil || n != 1 {
		t.Errorf("the socket counts as readable from %d bytes on, %v", n, err)
	}
}
