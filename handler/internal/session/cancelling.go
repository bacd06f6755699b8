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
// no longer hit a later statement; until then nothing may be sent. Nor may it
// hit an earlier one, such as the COMMIT or SAVEPOINT in front of what is to
// be cancelled: it waits until those must have been run.
type cancelling struct {
	wanted time.Time
	sig    *signal // nil until it is sent
	stop   context.CancelFunc
	done   atomic.Bool
	at     time.Time // when it was sent
	try    int
}

// How long a cancel request waits for what was sent ahead of the statement:
// since that was sent when its answers do not come before the statement's, and
// in all, for a server that does not answer any more.
const (
	cancelDelay    = 10 * time.Millisecond
	cancelPatience = 50 * time.Millisecond
)

// retryAfter is how long to wait for a cancel to work before another is sent:
// one that arrives before the server has read the statement is lost.
func (k *cancelling) retryAfter() time.Duration {
	return min(100*time.Millisecond<<k.try, 5*time.Second)
}

// Cancel stops the active statement. It returns at once; CancelStep makes it
// happen and says how far it got.
func (c *Conn) Cancel() {
	if c.cancel != nil || c.broken != nil {
		return
	}
	if sink := c.Active(); sink != nil {
		sink.Discard()
	}
	c.cancel = &cancelling{wanted: time.Now()}
}

// cancelIn is how long a cancel request has to wait yet.
func (c *Conn) cancelIn() time.Duration {
	left := cancelPatience - time.Since(c.cancel.wanted)
	if len(c.queue) == 1 {
		if ex := c.queue[0]; ex.answered && ex.controls == 0 {
			return 0
		}
		left = min(left, cancelDelay-time.Since(c.sentAt))
	}
	return max(left, 0)
}

// sendCancel sends c.cancel.
func (c *Conn) sendCancel() {
	sig, err := newSignal(2)
	if err != nil {
		c.fail(sqlerr.New("53000", "could not make an eventfd: %w", err))
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), cancelTimeout)
	k := c.cancel
	k.sig, k.stop, k.at = sig, stop, time.Now()
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
	switch {
	case c.broken != nil:
	case len(c.queue) > 0:
		return c.pressCancel(pr)
	case k.sig != nil && !k.done.Load():
		return false, k.sig.fd, false, cancelTimeout
	}
	c.dropCancel(true)
	return true, -1, false, 0
}

// pressCancel sends the request when it is time to, and again when it had no
// effect.
func (c *Conn) pressCancel(pr Progress) (finished bool, fd int, write bool, timeout time.Duration) {
	k := c.cancel
	var wait time.Duration
	if k.sig == nil {
		if wait = c.cancelIn(); wait == 0 {
			c.sendCancel()
			wait = k.retryAfter()
		}
	} else if wait = k.retryAfter() - time.Since(k.at); wait <= 0 && k.done.Load() {
		c.dropCancel(true)
		c.cancel = &cancelling{wanted: k.wanted, try: k.try + 1}
		c.sendCancel()
		wait = c.cancel.retryAfter()
	}
	if c.broken != nil || pr != Blocked {
		return false, -1, false, 0
	}
	fd, write = c.Poll()
	return false, fd, write, max(wait, 5*time.Millisecond)
}

// dropCancel lets go of a cancel request. Without stop it still goes out, and
// its goroutine ends by itself within cancelTimeout.
func (c *Conn) dropCancel(stop bool) {
	if c.cancel == nil {
		return
	}
	if k := c.cancel; k.sig != nil {
		if stop {
			k.stop()
		}
		k.sig.Release()
	}
	c.cancel = nil
}
