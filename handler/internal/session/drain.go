package session

import (
	"time"

	"pgwire_fdw/handler/internal/sqlerr"
)

// Rest is what Drain does with a result that nobody reads any more.
type Rest int

const (
	// ReadRest reads it to its end.
	ReadRest Rest = iota
	// CancelLate gives it a moment to arrive.
	CancelLate
	// CancelNow tells the remote to stop working.
	CancelNow
)

// BeforeCommit is what to do with it before a COMMIT; binding: the local
// transaction depends on it. Cancelling undoes what any statement may have
// written that has run in the remote transaction, unless there is a savepoint in
// front of the one that is cancelled, or it is the only one.
func (c *Conn) BeforeCommit(binding bool) Rest {
	if c.Tx.Guarded() || !c.Tx.InTransaction() || !binding && c.Tx.OnlyLast() {
		return CancelLate
	}
	return ReadRest
}

// Drain gets the connection to where a transaction command can be sent: no rows
// outstanding, no cancel request under way.
func (c *Conn) Drain(rest Rest) (*Waiting, *sqlerr.Error) {
	if rest == CancelNow {
		c.FailCopy()
	} else if w := c.flush(); w != nil {
		return w, nil
	}
	sink := c.Active()
	if sink == nil && c.cancel == nil {
		return nil, nil
	}
	if sink != nil && c.cancel == nil {
		sink.Discard()
		// the rest may be here already
		pr := c.Pump(c.upTo(drainBytes))
		if c.Active() == nil || pr == Failed {
			return nil, c.Broken()
		}
		if rest == ReadRest {
			return c.WaitAfter(pr), nil
		}
		if rest == CancelLate && pr != Blocked && c.inPortion() {
			return c.WaitAfter(pr), nil
		}
		if patience := c.patience() - time.Since(c.sentAt); rest == CancelLate && pr == Blocked && patience > 0 {
			w := c.WaitAfter(pr)
			w.Timeout = patience
			return w, nil
		}
		c.Cancel()
	}
	// also when the statement has ended by itself: a request still on its way
	// could hit what is sent next
	if w := c.CancelStep(); w != nil {
		w.Cleanup = true
		return w, nil
	}
	return nil, c.Broken()
}

// Idle reports whether every answer has come.
func (c *Conn) Idle() bool { return len(c.queue) == 0 }

// Interrupt forgets what a writer holds back, and cancels the active statement
// unless the rest of its answer is here.
func (c *Conn) Interrupt() {
	c.DropUnsent(1)
	c.FailCopy()
	sink := c.Active()
	if sink == nil || c.cancel != nil || c.broken != nil {
		return
	}
	sink.Discard()
	if pr := c.Pump(c.upTo(drainBytes)); c.Active() != nil && pr != Failed {
		c.Cancel()
	}
}

// SetAside prepares the connection for another statement while rows of its
// current one are unread: its sink is to keep them, if anybody wants them.
// Nil, nil: the connection is free. A guarded statement that has failed, or was
// cancelled because nobody wanted its rows, is undone.
func (c *Conn) SetAside() (*Waiting, *sqlerr.Error) {
	if c.cancel != nil {
		if w := c.CancelStep(); w != nil {
			return w, nil
		}
		return nil, c.Recover()
	}
	if w := c.flush(); w != nil {
		return w, nil
	}
	sink := c.Active()
	if sink == nil {
		return nil, c.Recover()
	}
	kept := sink.Keep()
	pr := c.Pump(c.upTo(drainBytes))
	if c.Active() == nil || pr == Failed {
		return nil, c.Recover()
	}
	w := c.WaitAfter(pr)
	if !kept && !c.inPortion() && (c.Tx.Guarded() || !c.Tx.InTransaction()) {
		// worth a cancel: much is still to come, or it takes its time
		if pr != Blocked || time.Since(c.sentAt) > drainPatience {
			c.Cancel()
			return &Waiting{FD: -1}, nil
		}
		if pr == Blocked {
			w.Timeout = drainPatience
		}
	}
	return w, nil
}

// Recover brings a transaction that has failed back to before the guarded
// statement, and returns why the connection cannot be used, or nil.
func (c *Conn) Recover() *sqlerr.Error {
	if c.broken == nil && c.Tx.Failed() {
		c.Control(false, c.Tx.Unguard()...)
	}
	return c.broken
}

// upTo ends a Pump when the active statement is through, or after n bytes so
// that the backend's thread can look for interrupts.
func (c *Conn) upTo(n int64) func() bool {
	end := c.BytesRead + n
	return func() bool { return c.Active() == nil || c.BytesRead > end }
}

// WaitAfter is what to wait for after a Pump that has ended before its aim: nothing
// when it was only interrupted, else the socket.
func (c *Conn) WaitAfter(pr Progress) *Waiting {
	if pr != Blocked {
		return &Waiting{FD: -1}
	}
	return c.Readable()
}

// How much of an unwanted result is read, and for how long, before it is
// cancelled instead.
const (
	drainBytes    = 1 << 20
	drainPatience = 20 * time.Millisecond
	// portionPatience: a portion is bounded, so it is not cancelled but where the
	// remote takes its time over every row.
	portionPatience = 500 * time.Millisecond
)

func (c *Conn) patience() time.Duration {
	if c.inPortion() {
		return portionPatience
	}
	return drainPatience
}
