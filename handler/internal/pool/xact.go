package pool

import (
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// The end of the local transaction, told to every remote one. Each function
// may have to be called several times: a Waiting means "poll this, then call
// again". They are steps of the same walk over the connections, and what one
// connection has finished is not done again.

// Commit ends the remote transactions before the local one commits. A
// transaction that locked or wrote nothing is ended without awaiting the answer
// (unless lazy_commit is off); a statement whose rows nobody wants any more is
// cancelled rather than read to its end.
func (p *Pool) Commit() (*session.Waiting, *sqlerr.Error) {
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
			if w, err := c.Drain(c.BeforeCommit()); w != nil {
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
				if err := c.Recover(); err != nil {
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
		if pr := e.conn.Pump(e.conn.Idle); pr == session.Blocked || pr == session.Yielded {
			return e.conn.WaitAfter(pr), nil
		}
		e.awaits = false
		if err := e.conn.Broken(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Abort ends the remote transactions after the local one has failed. It never
// fails: a connection that cannot be brought to a known state is closed.
func (p *Pool) Abort() *session.Waiting {
	for _, e := range p.entries {
		if e.dial != nil {
			e.dial.Abandon()
			e.dial = nil
		}
		if e.conn != nil {
			e.conn.Interrupt() // all of them before waiting for any
		}
	}
	for _, e := range p.entries {
		c := e.conn
		if c == nil || c.Broken() != nil || !c.InUse() {
			continue
		}
		if w, _ := c.Drain(session.CancelNow); w != nil {
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
func (p *Pool) awaitUndone() *session.Waiting {
	for _, e := range p.entries {
		if e.conn == nil || !e.awaits {
			continue
		}
		if pr := e.conn.Pump(e.conn.Idle); pr == session.Blocked || pr == session.Yielded {
			w := e.conn.WaitAfter(pr)
			w.Cleanup = true
			return w
		}
		e.awaits = false
	}
	return nil
}

// End forgets what belonged to the transaction that is over: broken, stale and
// unwanted connections are closed.
func (p *Pool) End() {
	for umid, e := range p.entries {
		e.ending, e.awaits = false, false
		if e.dial != nil {
			e.dial.Abandon()
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
			e.conn.SubCommit(level)
		}
	}
}

// SubAbort undoes what the connections did in a sub-transaction. Like Abort it
// does not fail: a connection that cannot follow is marked broken, and the
// outer transaction learns it when it uses it again.
func (p *Pool) SubAbort(level int) *session.Waiting {
	for _, e := range p.entries {
		c := e.conn
		if c == nil || c.Broken() != nil || !c.Tx.UsedAt(level) {
			continue
		}
		if w := c.KeepOuter(level); w != nil {
			w.Cleanup = true
			return w
		}
		if w, _ := c.Drain(session.CancelNow); w != nil {
			return w
		}
		e.awaits = !c.Tx.Clean()
		c.SubAbort(level)
	}
	return p.awaitUndone()
}

// GiveUp closes what Abort or SubAbort is still cancelling. A statement that
// goes on outside the aborted sub-transaction is none of that.
func (p *Pool) GiveUp() {
	for _, e := range p.entries {
		c := e.conn
		e.awaits = false
		if c != nil && c.Broken() == nil && c.Cancelling() {
			c.Fail(sqlerr.New(sqlstate.ConnectionFailure,
				"connection to server \"%s\" cannot be used: it did not answer in time when its statement was cancelled", c.Server))
		}
	}
}
