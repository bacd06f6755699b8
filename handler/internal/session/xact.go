package session

import (
	"time"

	"pgwire_fdw/handler/internal/sqlerr"
)

// The end of the local transaction, told to every remote one. Each function
// may have to be called several times: a Waiting means "poll this, then call
// again". They are steps of the same walk over the connections, and what one
// connection has finished is not done again.

// Commit ends the remote transactions before the local one commits. A
// transaction that locked or wrote nothing is ended without awaiting the answer
// (unless lazy_commit is off); a statement whose rows nobody wants any more is
// cancelled rather than read to its end.
func (p *Pool) Commit() (*Waiting, *sqlerr.Error) {
	for _, e := range p.entries {
		if e.conn == nil {
			continue
		}
		c := e.conn
		if !e.ending {
			if !c.InUse() || c.Broken() != nil && c.Tx.Clean() {
				continue
			}
			if err := c.Broken(); err != nil {
				return nil, err
			}
			if w, err := p.settle(c, c.unwanted()); w != nil {
				return w, nil
			} else if err != nil {
				if c.Tx.Clean() {
					continue // as above: nobody needs it any more
				}
				return nil, err
			}
			if !c.Tx.InTransaction() {
				continue
			}
			if c.Tx.Guarded() && !c.Tx.Clean() {
				// a statement cancelled behind its savepoint is no reason to lose the rest
				if err := c.mend(); err != nil {
					return nil, err
				}
			}
			cmd, wait := c.Tx.Commit(e.target.LazyCommit)
			c.Control(!wait, cmd)
			e.ending, e.awaits = true, wait
		}
	}
	// all are sent: now the answers that matter
	for _, e := range p.entries {
		if e.conn == nil || !e.ending || !e.awaits {
			continue
		}
		if pr := e.conn.Pump(e.conn.idle); pr == Blocked || pr == Yielded {
			return e.conn.goOn(pr), nil
		}
		e.awaits = false
		if err := e.conn.Broken(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// unwantedRest is what settle does with a result that nobody reads any more.
type unwantedRest int

const (
	readAll    unwantedRest = iota
	cancelLate              // give it a moment to arrive
	cancelNow               // the remote is to stop working
)

// unwanted is what to do before a COMMIT. Cancelling fails the remote
// transaction, which is right only when nothing in it matters.
func (c *Conn) unwanted() unwantedRest {
	if c.Tx.Clean() {
		return cancelLate
	}
	return readAll
}

// settle gets a connection to where a transaction command can be sent: no rows
// outstanding, no cancel request under way.
func (p *Pool) settle(c *Conn, rest unwantedRest) (*Waiting, *sqlerr.Error) {
	sink := c.Active()
	if sink == nil && c.cancel == nil {
		return nil, nil
	}
	if sink != nil && c.cancel == nil {
		sink.Discard()
		// the rest may be here already
		pr := c.Pump(c.upTo(abandonAfter))
		if c.Active() == nil || pr == Failed {
			return nil, c.Broken()
		}
		if rest == readAll {
			return c.goOn(pr), nil
		}
		if patience := abandonPatience - time.Since(c.sentAt); rest == cancelLate && pr == Blocked && patience > 0 {
			w := c.goOn(pr)
			w.Timeout = patience
			return w, nil
		}
		c.Cancel()
	}
	// also when the statement has ended by itself: a request still on its way
	// could hit what is sent next
	finished, fd, write, timeout := c.CancelStep()
	if !finished {
		return &Waiting{FD: fd, Write: write, Timeout: timeout, Cleanup: true}, nil
	}
	return nil, c.Broken()
}

// idle reports whether every answer has come.
func (c *Conn) idle() bool { return len(c.queue) == 0 }

// Abort ends the remote transactions after the local one has failed. It never
// fails: a connection that cannot be brought to a known state is closed.
func (p *Pool) Abort() *Waiting {
	for _, e := range p.entries {
		if e.dial != nil {
			e.dial.abandon()
			e.dial = nil
		}
		if e.conn != nil {
			e.conn.interrupt() // all of them before waiting for any
		}
	}
	for _, e := range p.entries {
		c := e.conn
		if c == nil || c.Broken() != nil || !c.InUse() {
			continue
		}
		if w, _ := p.settle(c, cancelNow); w != nil {
			return w
		}
		locked := !c.Tx.Clean()
		if cmd := c.Tx.Abort(); cmd != "" { // else it had not begun
			c.Control(true, cmd)
			e.awaits = locked
		}
	}
	return p.awaitUndone()
}

// awaitUndone waits for the answers to rollbacks of what had locked or written
// rows: the user may count on it that they are free afterwards.
func (p *Pool) awaitUndone() *Waiting {
	for _, e := range p.entries {
		if e.conn == nil || !e.awaits {
			continue
		}
		if pr := e.conn.Pump(e.conn.idle); pr == Blocked || pr == Yielded {
			w := e.conn.goOn(pr)
			w.Cleanup = true
			return w
		}
		e.awaits = false
	}
	return nil
}

// interrupt cancels the active statement unless the rest of its answer is here.
func (c *Conn) interrupt() {
	sink := c.Active()
	if sink == nil || c.cancel != nil || c.broken != nil {
		return
	}
	sink.Discard()
	if pr := c.Pump(c.upTo(abandonAfter)); c.Active() != nil && pr != Failed {
		c.Cancel()
	}
}

// End forgets what belonged to the transaction that is over: broken, stale and
// unwanted connections are closed.
func (p *Pool) End() {
	for umid, e := range p.entries {
		e.ending, e.awaits = false, false
		if e.dial != nil {
			e.dial.abandon()
			e.dial = nil
		}
		if e.conn == nil || e.conn.Broken() != nil || e.stale || !e.target.Keep {
			p.drop(umid, e)
		}
	}
}

// SubCommit tells the connections that a sub-transaction has committed.
func (p *Pool) SubCommit(level int) {
	for _, e := range p.entries {
		if e.conn != nil {
			e.conn.Tx.SubCommit(level)
		}
	}
}

// SubAbort undoes what the connections did in a sub-transaction. Like Abort it
// does not fail: a connection that cannot follow is marked broken, and the
// outer transaction learns it when it uses it again.
func (p *Pool) SubAbort(level int) *Waiting {
	for _, e := range p.entries {
		c := e.conn
		if c == nil || c.Broken() != nil || !c.Tx.UsedAt(level) {
			continue
		}
		if w, _ := p.settle(c, cancelNow); w != nil {
			return w
		}
		e.awaits = !c.Tx.Clean()
		c.Control(false, c.Tx.SubAbort(level)...)
	}
	return p.awaitUndone()
}

// GiveUp closes what Abort or SubAbort is still cancelling. A statement that
// goes on outside the aborted sub-transaction is none of that.
func (p *Pool) GiveUp() {
	for _, e := range p.entries {
		c := e.conn
		e.awaits = false
		if c != nil && c.Broken() == nil && c.cancel != nil {
			c.fail(sqlerr.New(sqlerr.ConnectionFailure,
				"connection to server \"%s\" cannot be used: it did not answer in time when its statement was cancelled", c.Server))
		}
	}
}

// SetAside prepares a connection for another statement while rows of its
// current one are unread: keep is to make the sink keep them, and answers false
// when nobody wants them. Nil, nil: the connection is free. A guarded statement
// that has failed, or was cancelled because nobody wanted its rows, is undone.
func (p *Pool) SetAside(c *Conn, keep func(Sink) bool) (*Waiting, *sqlerr.Error) {
	if c.cancel != nil {
		finished, fd, write, timeout := c.CancelStep()
		if !finished {
			return &Waiting{FD: fd, Write: write, Timeout: timeout}, nil
		}
		return nil, c.mend()
	}
	sink := c.Active()
	if sink == nil {
		return nil, c.mend()
	}
	kept := keep(sink)
	pr := c.Pump(c.upTo(abandonAfter))
	if c.Active() == nil || pr == Failed {
		return nil, c.mend()
	}
	w := c.goOn(pr)
	if !kept && (c.Tx.Guarded() || !c.Tx.InTransaction()) {
		// worth a cancel: much is still to come, or it takes its time
		if pr != Blocked || time.Since(c.sentAt) > abandonPatience {
			c.Cancel()
			return &Waiting{FD: -1}, nil
		}
		if pr == Blocked {
			w.Timeout = abandonPatience
		}
	}
	return w, nil
}

// mend brings a transaction that has failed back to before the guarded
// statement, and returns why the connection cannot be used, or nil.
func (c *Conn) mend() *sqlerr.Error {
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

// goOn is what to wait for after a Pump that has ended before its aim: nothing
// when it was only interrupted, else the socket.
func (c *Conn) goOn(pr Progress) *Waiting {
	if pr != Blocked {
		return &Waiting{FD: -1}
	}
	return c.Readable()
}

// How much of an unwanted result is read, and for how long, before it is
// cancelled instead.
const (
	abandonAfter    = 1 << 20
	abandonPatience = 20 * time.Millisecond
)
