package session

import (
	"time"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// cancelling is the cancelling of the active statement. A request must not
// hit an earlier statement either, such as the COMMIT or SAVEPOINT in front of
// what is to be cancelled: it waits until those must have been run.
type cancelling struct {
	wanted  time.Time
	request *dial.CancelRequest // nil until it is sent
	at      time.Time           // when it was sent
	try     int
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
	return min(100*time.Millisecond<<min(k.try, 6), 5*time.Second)
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
		if ex := c.queue[0]; ex.answered && ex.phase != controlling {
			return 0
		}
		left = min(left, cancelDelay-time.Since(c.sentAt))
	}
	return max(left, 0)
}

// sendCancel sends c.cancel.
func (c *Conn) sendCancel() {
	request, err := c.est.StartCancel()
	if err != nil {
		c.Fail(sqlerr.New(sqlstate.InsufficientResources, "could not make an eventfd: %w", err))
		return
	}
	c.cancel.request, c.cancel.at = request, time.Now()
}

// CancelStep drives a cancel. nil: the statement has ended and the request can
// do no more harm. Otherwise it is what to wait for before asking again.
func (c *Conn) CancelStep() *Waiting {
	k := c.cancel
	if c.broken != nil || k == nil {
		c.dropCancel(true)
		return nil
	}
	end := c.BytesRead + drainBytes
	pr := c.Pump(func() bool { return len(c.queue) == 0 || c.BytesRead > end })
	switch {
	case c.broken != nil:
	case len(c.queue) > 0:
		return c.repeatCancel(pr)
	case k.request != nil && !k.request.Delivered():
		return &Waiting{FD: k.request.FD(), Timeout: -1}
	}
	c.dropCancel(true)
	return nil
}

// repeatCancel sends the request when it is time to, and again when it had no
// effect.
func (c *Conn) repeatCancel(pr Progress) *Waiting {
	k := c.cancel
	var wait time.Duration
	if k.request == nil {
		if wait = c.cancelIn(); wait == 0 {
			c.sendCancel()
			wait = k.retryAfter()
		}
	} else if wait = k.retryAfter() - time.Since(k.at); wait <= 0 && k.request.Delivered() {
		c.dropCancel(true)
		c.cancel = &cancelling{wanted: k.wanted, try: k.try + 1}
		c.sendCancel()
		wait = c.cancel.retryAfter()
	}
	if c.broken != nil || pr != Blocked {
		return &Waiting{FD: -1}
	}
	c.unmark() // the little that is still to come would not be noticed
	fd, write := c.Poll()
	return &Waiting{FD: fd, Write: write, Timeout: max(wait, 5*time.Millisecond)}
}

// dropCancel lets go of a cancel request. Without stop it still goes out, and
// its goroutine ends by itself.
func (c *Conn) dropCancel(stop bool) {
	if c.cancel != nil && c.cancel.request != nil {
		c.cancel.request.Release(stop)
	}
	c.cancel = nil
}
