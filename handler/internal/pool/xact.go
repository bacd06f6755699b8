package pool

import (
	"fmt"
	"slices"
	"time"

	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// The end of the local transaction, told to every remote one. Each function
// may have to be called several times: a Waiting means "poll this, then call
// again". They are steps of the same walk over the connections, and what one
// connection has finished is not done again.

// commitPatience is how long a remote transaction on which nothing depends is
// given until its COMMIT can be sent: as long as an abort has
// (PGWIRE_CLEANUP_MS of extension/wait.h).
const commitPatience = 700 * time.Millisecond

// Commit ends the remote transactions before the local one commits. When it is
// through, each that is binding (txn.State.Binding) has committed, or there is
// an error. Of the others the answer is not awaited, and one that cannot even be
// told to end within a moment loses its connection.
func (p *Pool) Commit() (*session.Waiting, *sqlerr.Error) {
	var wait *session.Waiting
	for _, e := range p.list { // nothing is sent before all have been asked
		w, err := p.prepareCommit(e)
		if err != nil {
			return nil, err
		}
		wait = firstOf(wait, w)
	}
	if wait != nil {
		return wait, nil
	}
	for _, e := range p.list {
		if e.target.ParallelCommit {
			p.sendCommit(e)
		}
	}
	for _, e := range p.list {
		if !e.target.ParallelCommit {
			p.sendCommit(e)
		}
		if w, err := e.committed(!e.target.ParallelCommit); w != nil || err != nil {
			return w, err
		}
	}
	for _, e := range p.list {
		if w, err := e.committed(true); w != nil || err != nil {
			return w, err
		}
	}
	return nil, nil
}

// committed takes the answer to a COMMIT that matters, waiting for it or not. An
// error is that of the remote, which has then rolled back, or that nobody knows
// what it has done.
func (e *entry) committed(wait bool) (*session.Waiting, *sqlerr.Error) {
	c := e.conn
	if c == nil || !e.awaits || !wait {
		return nil, nil
	}
	if pr := c.Pump(c.Idle); pr == session.Blocked || pr == session.Yielded {
		return c.WaitAfter(pr), nil
	}
	e.awaits = false
	if err := c.TakeUncommitted(); err != nil {
		e.binding = false
		return nil, err
	}
	err := c.Broken()
	if err == nil {
		return nil, nil
	}
	e.binding = false
	if err.Fatal {
		err = inDoubt(c, err)
	}
	return nil, err
}

// inDoubt is the error of a COMMIT whose answer was lost.
func inDoubt(c *session.Conn, why *sqlerr.Error) *sqlerr.Error {
	e := sqlerr.New(sqlstate.TransactionResolutionUnknown,
		"it is not known whether the transaction on server \"%s\" has been committed", c.Server)
	e.Fatal, e.RemoteSQL = true, "COMMIT"
	if e.Detail = why.Message; why.Detail != "" {
		e.Detail += "\n" + why.Detail
	}
	return e
}

// tellSplit warns when the local transaction fails after COMMIT has been sent for
// one that it depends on: another remote has refused, the wait was cancelled, or
// the local server could not commit.
func (p *Pool) tellSplit(e *entry) {
	if e.conn == nil || !e.binding || e.awaits && !p.givenUp {
		return
	}
	e.binding = false
	e.conn.Pump(e.conn.Idle)
	switch err := e.conn.Broken(); {
	case e.conn.TakeUncommitted() != nil, err != nil && !err.Fatal: // refused, so it has been rolled back
	case err == nil && e.conn.Idle():
		p.Notify(session.Notice{Level: session.LevelWarning, Err: sqlerr.New(sqlstate.Warning,
			"the transaction on server \"%s\" has been committed, but the local one has failed", e.conn.Server)})
	default:
		p.Notify(session.Notice{Level: session.LevelWarning, Err: sqlerr.New(sqlstate.TransactionResolutionUnknown,
			"it is not known whether the transaction on server \"%s\" has been committed", e.conn.Server)})
	}
}

func firstOf(a, b *session.Waiting) *session.Waiting {
	if a != nil {
		return a
	}
	return b
}

// prepareCommit brings a connection to where COMMIT can be sent, and says whether it
// must not be: a result that nobody reads any more is dealt with, and what has
// failed or is lost is an error if the local transaction depends on it.
func (p *Pool) prepareCommit(e *entry) (*session.Waiting, *sqlerr.Error) {
	c := e.conn
	if c == nil || e.ending || !c.InUse() {
		return nil, nil
	}
	binding := c.Tx.Binding(e.lazy()) || c.Held()
	level := session.LevelDebug // of what is told when the connection is lost
	if c.Broken() == nil {
		rest := c.BeforeCommit(binding)
		if e.beside {
			rest = session.CancelLate // it cannot have written anything
		}
		w, _ := c.Drain(rest)
		if w != nil && (binding || rest == session.ReadRest) {
			return w, nil // the user's own timeouts end it
		}
		if w != nil && e.patient(w) {
			return w, nil
		}
		if w != nil {
			c.Fail(sqlerr.New(sqlstate.ConnectionFailure, "server \"%s\" did not end a statement in time", c.Server))
			if !c.Tx.OnlyLast() && !e.beside {
				level = session.LevelWarning // the others may have called functions that write
			}
		}
	}
	if err := c.Broken(); err != nil {
		if binding {
			return nil, err
		}
		e.ending = true
		p.tell(level, err, "could not commit the transaction on server \"%s\"", c.Server)
		return nil, nil
	}
	if tx := c.Tx; tx.Commit(e.lazy()).Refused {
		return nil, refused(c)
	}
	return nil, nil
}

// patient reports whether there is time left to wait, and limits the wait to it.
func (e *entry) patient(w *session.Waiting) bool {
	if e.since.IsZero() {
		e.since = time.Now()
	}
	left := commitPatience - time.Since(e.since)
	if w.Timeout < 0 || left < w.Timeout {
		w.Timeout = left
	}
	return left > 0
}

// sendCommit ends the remote transaction of a connection that is ready for it.
func (p *Pool) sendCommit(e *entry) {
	c := e.conn
	if c == nil || e.ending || !c.Tx.InTransaction() {
		return
	}
	end := c.Tx.Commit(e.lazy())
	if end.Lost && !e.beside {
		p.tell(session.LevelWarning, c.Failure(), "the transaction on server \"%s\" was rolled back, because a statement in it had failed", c.Server)
	}
	c.Control(!end.Wait, end.Commands...)
	e.ending, e.awaits, e.binding = true, end.Wait, end.Wait
}

// refused is the error of a COMMIT after a remote statement has failed and the
// local transaction has gone on. Its SQLSTATE is the statement's, which says
// whether it is worth to try again.
func refused(c *session.Conn) *sqlerr.Error {
	e := *c.Failure()
	e.Message = fmt.Sprintf("cannot commit: the transaction on server \"%s\" has failed", c.Server)
	e.Detail, e.Hint = c.Failure().Error(), ""
	return &e
}

// tell queues a notice about a remote transaction on which nothing depends.
func (p *Pool) tell(level int, cause *sqlerr.Error, format string, args ...any) {
	p.Notify(session.Notice{Level: level, Err: sqlerr.New(cause.SQLState, format, args...).WithDetail("%s", cause.Error())})
}

// Abort ends the remote transactions after the local one has failed. It never
// fails: a connection that cannot be brought to a known state is closed.
func (p *Pool) Abort() *session.Waiting {
	for _, e := range p.list {
		if e.dial != nil && !e.beside {
			e.dial.Abandon()
			e.dial = nil
		}
		if e.conn != nil && e.target.ParallelAbort {
			e.conn.Interrupt() // all of them before waiting for any
		}
	}
	var wait *session.Waiting
	for _, e := range p.list {
		c := e.conn
		if c == nil || c.Broken() != nil || !c.InUse() {
			continue
		}
		if !e.target.ParallelAbort {
			if wait = p.awaitUndone(wait); wait != nil {
				break // one after the other
			}
			c.Interrupt()
		}
		if w := p.stop(c); w != nil {
			wait = firstOf(wait, w)
			continue
		}
		locked := !c.Tx.Clean()
		if cmd := c.Tx.Abort(); cmd != "" { // else it had not begun
			c.Control(true, cmd)
			e.awaits = locked
		}
	}
	wait = p.awaitUndone(wait)
	for _, e := range p.list {
		p.tellSplit(e)
	}
	return wait
}

// stop ends what the connection is doing, so that a rollback can be sent; nil: it
// can, or the connection is broken.
func (p *Pool) stop(c *session.Conn) *session.Waiting {
	w, _ := c.Drain(session.CancelNow)
	if w == nil || !p.givenUp {
		return w
	}
	c.Fail(sqlerr.New(sqlstate.ConnectionFailure,
		"connection to server \"%s\" cannot be used: it did not answer in time when its statement was cancelled", c.Server))
	return nil
}

// awaitUndone waits for the answers to rollbacks of what had locked or written
// rows: the user may count on it that they are free afterwards. wait is what is
// waited for anyway.
func (p *Pool) awaitUndone(wait *session.Waiting) *session.Waiting {
	for _, e := range p.list {
		if e.conn == nil || !e.awaits {
			continue
		}
		if pr := e.conn.Pump(e.conn.Idle); (pr == session.Blocked || pr == session.Yielded) && !p.givenUp {
			w := e.conn.WaitAfter(pr)
			w.Cleanup = true
			wait = firstOf(wait, w)
			continue
		}
		e.awaits = false
	}
	return wait
}

// GiveUp makes Abort and SubAbort stop waiting (on) or wait again: what they
// would wait for is then closed, or, where only the answer to a rollback is
// missing, read when the connection is next used.
func (p *Pool) GiveUp(on bool) { p.givenUp = on }

// End forgets what belonged to the transaction that is over: broken, stale and
// unwanted connections are closed.
func (p *Pool) End() {
	for _, e := range slices.Clone(p.list) {
		idle := e.endBeside()
		e.ending, e.awaits, e.binding, e.since = false, false, false, time.Time{}
		if e.dial != nil && e.beside && e.target.Keep && !e.stale {
			continue // it will be up when the next scan wants one
		}
		if e.dial != nil {
			e.dial.Abandon()
			e.dial = nil
		}
		if e.conn == nil || e.conn.Broken() != nil || e.stale || !e.target.Keep || idle {
			p.drop(e)
		}
	}
}

// SubCommit tells the connections that a sub-transaction has committed.
func (p *Pool) SubCommit(level int) {
	for _, e := range p.list {
		if e.conn != nil {
			e.conn.SubCommit(level)
		}
	}
}

// SubAbort undoes what the connections did in a sub-transaction. Like Abort it
// does not fail: a connection that cannot follow is marked broken, and the
// outer transaction learns it when it uses it again.
func (p *Pool) SubAbort(level int) *session.Waiting {
	var wait *session.Waiting
	for _, e := range p.list {
		c := e.conn
		if c == nil {
			continue
		}
		if c.DropUnsent(level); !c.Tx.UsedAt(level) {
			continue
		}
		if !e.target.ParallelAbort {
			if wait = p.awaitUndone(wait); wait != nil {
				break // one after the other
			}
		}
		if c.Broken() == nil {
			w := c.KeepOuter(level)
			if w != nil {
				w.Cleanup = true
			}
			if w == nil || p.givenUp {
				w = p.stop(c)
			}
			if w != nil {
				wait = firstOf(wait, w)
				continue
			}
		}
		locked := !c.Tx.Clean()
		c.SubAbort(level) // of one that is lost, only the state follows
		e.awaits = locked
	}
	return p.awaitUndone(wait)
}
