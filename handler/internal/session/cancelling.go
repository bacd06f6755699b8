package session

import (
	"context"
	"sync/atomic"
	"time"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
)

// cancelTimeout bounds one cancel request, from dialling to the server's
// closing of the extra connection.
const cancelTimeout = 5 * time.Second

// cancelling is a cancel request under way. The server signals the session
// before it closes the extra connection, so once done is set the request can
// no longer hit a later statement; until then nothing may be sent.
type cancelling struct {
	sig  *signal
	stop context.CancelFunc
	done atomic.Bool
	at   time.Time // when it was sent
	try  int
}

// retryAfter is how long to wait for a cancel to work before another is sent:
// one that arrives before the server has read the statement is lost.
func (k *cancelling) retryAfter() time.Duration {
	return min(100*time.Millisecond<<k.try, 5*time.Second)
}

// Cancel asks the server to stop the active statement. It returns at once;
// CancelStep says how far it got.
func (c *Conn) Cancel() {
	if c.cancel != nil || c.broken != nil {
		return
	}
	if sink := c.Active(); sink != nil {
		sink.Discard()
	}
	c.sendCancel(0)
}

func (c *Conn) sendCancel(try int) {
	sig, err := newSignal(2)
	if err != nil {
		c.fail(sqlerr.New("53000", "could not make an eventfd: %w", err))
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), cancelTimeout)
	k := &cancelling{sig: sig, stop: stop, at: time.Now(), try: try}
	c.cancel = k
	c.unmark() // the answer to a cancel is short
	est := c.est
	finish := func() {
		k.done.Store(true)
		sig.Set()
		sig.Release()
	}
	invariant.Go("cancel", func() {
		_ = est.Cancel(ctx)
		stop()
		finish()
	}, func(error) { finish() })
}

// CancelStep drives a cancel. finished: the statement has ended and the
// request can do no more harm. Otherwise fd (or the timeout) is what to wait
// for before asking again.
func (c *Conn) CancelStep() (finished bool, fd int, write bool, timeout time.Duration) {
	k := c.cancel
	if c.broken != nil || k == nil {
		c.dropCancel(true)
		return true, -1, false, 0
	}
	end := c.BytesRead + abandonAfter
	pr := c.Pump(func() bool { return len(c.queue) == 0 || c.BytesRead > end })
	if c.broken == nil && len(c.queue) > 0 && pr == Finished {
		return false, -1, false, 0
	}
	if pr == Yielded {
		return false, -1, false, 0
	}
	if pr == Blocked {
		wait := k.retryAfter() - time.Since(k.at)
		if wait <= 0 && k.done.Load() {
			c.dropCancel(true)
			c.sendCancel(k.try + 1)
			wait = 100 * time.Millisecond
		}
		if c.broken == nil {
			fd, write = c.Poll()
			return false, fd, write, max(wait, 20*time.Millisecond)
		}
	}
	if c.broken == nil && !k.done.Load() {
		return false, k.sig.fd, false, cancelTimeout
	}
	c.dropCancel(true)
	return true, -1, false, 0
}

// dropCancel lets go of a cancel request. Without stop it still goes out, and
// its goroutine ends by itself within cancelTimeout.
func (c *Conn) dropCancel(stop bool) {
	if c.cancel == nil {
		return
	}
	if stop {
		c.cancel.stop()
	}
	c.cancel.sig.Release()
	c.cancel = nil
}
