package session

import (
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// portals are the named portals of a session: statements that are run in
// portions, each Execute with a row limit.
type portals struct {
	serial  int      // of the last name given
	closing []string // to be closed with the next request
	open    []openPortal
}

// openPortal is one whose statement has not come to its end.
type openPortal struct {
	name  string
	level int // nest level of the transaction in which it was made, and goes with
	sink  Sink
}

// add names a portal that is about to be made.
func (p *portals) add(level int, sink Sink) string {
	p.serial++
	name := "pgwire_p" + strconv.Itoa(p.serial)
	p.open = append(p.open, openPortal{name, level, sink})
	return name
}

func (p *portals) find(name string) int {
	return slices.IndexFunc(p.open, func(o openPortal) bool { return o.name == name })
}

// remove takes a portal off the open ones.
func (p *portals) remove(name string) {
	if i := p.find(name); i >= 0 {
		p.open = slices.Delete(p.open, i, i+1)
	}
}

// forget tells that the transaction of all of them has ended.
func (p *portals) forget() { p.closing, p.open = nil, nil }

// ClosePortal closes a named portal with the next request; the end of the
// transaction would do it too.
func (c *Conn) ClosePortal(name string) {
	if name != "" {
		c.portals.remove(name)
		c.portals.closing = append(c.portals.closing, name)
	}
}

// Resume asks for the next portion of a suspended statement.
func (c *Conn) Resume(req *Request, portal string) *sqlerr.Error {
	if err := c.sendable(req); err != nil {
		return err
	}
	if c.portals.find(portal) < 0 {
		return sqlerr.New(sqlstate.InvalidCursorState, "rows of a remote statement are gone: the transaction or savepoint in which it was started has ended")
	}
	if c.begin(); c.broken != nil {
		return c.broken
	}
	ex := &exchange{sql: req.SQL, want: 'T'}
	ex.steps = []step{{sink: req.Sink, then: streaming, times: 1, portal: portal, limit: int64(req.MaxRows)}}
	buf, err := c.appendBefore(c.enc[:0], req, ex)
	if err == nil {
		buf, err = (&pgproto3.Execute{Portal: portal, MaxRows: uint32(req.MaxRows)}).Encode(buf)
	}
	if err == nil {
		buf, err = (&pgproto3.Sync{}).Encode(buf)
	}
	if err != nil {
		return c.unencoded(err, req)
	}
	c.push(ex, buf)
	c.end()
	return nil
}

// portalSuspended ends an exchange as a command's completion does, but more
// rows can be had.
func (c *Conn) portalSuspended(ex *exchange, next phase) {
	st := ex.statement()
	switch {
	case st.limit == 0:
		c.protocolError("a portal was suspended that had no row limit")
		return
	case st.rows != st.limit:
		c.protocolError("a portal was suspended after %d rows instead of %d", st.rows, st.limit)
		return
	}
	st.confirm()
	ex.at, ex.phase = len(ex.steps), next
	if st.err != nil {
		st.sink.Done(st.err)
	} else if st.sink.Suspended(st.portal) {
		return
	}
	c.ClosePortal(st.portal)
}

// inPortion reports whether the active statement stops by itself before long.
func (c *Conn) inPortion() bool {
	n := len(c.queue)
	return n > 0 && c.queue[n-1].open() && c.queue[n-1].last().limit > 0
}

// SubCommit tells that the local sub-transaction of this level has committed.
func (c *Conn) SubCommit(level int) {
	c.Tx.SubCommit(level)
	for _, u := range c.unsent {
		u.SubCommit(level)
	}
	for i := range c.portals.open {
		o := &c.portals.open[i]
		o.level = min(o.level, max(level-1, 1))
	}
}

// KeepOuter reads the rest of a portion aside whose portal a rollback of this
// level leaves alone, if it comes soon. Nil: nothing more is to be kept.
func (c *Conn) KeepOuter(level int) *Waiting {
	if !c.inPortion() || c.cancel != nil {
		return nil
	}
	ex := c.queue[len(c.queue)-1]
	i := c.portals.find(ex.last().portal)
	if i < 0 || c.portals.open[i].level >= level || !ex.last().sink.Keep() {
		return nil
	}
	if ex.keptFrom.IsZero() {
		ex.keptFrom = time.Now() // the portion may have been asked for long ago
	}
	pr := c.Pump(c.upTo(drainBytes))
	left := keepPatience - time.Since(ex.keptFrom)
	if c.Active() == nil || pr == Failed || pr == Blocked && left <= 0 {
		return nil
	}
	w := c.WaitAfter(pr)
	if pr == Blocked {
		w.Timeout = left
	}
	return w
}

// keepPatience leaves as much of what an abort may take in all for cancelling.
const keepPatience = 300 * time.Millisecond

// SubAbort undoes what the session did in the local sub-transaction of this
// level. Portals made in it are gone then, and with them the rest of their rows.
func (c *Conn) SubAbort(level int) {
	c.Control(false, c.Tx.SubAbort(level)...)
	c.portals.open = slices.DeleteFunc(c.portals.open, func(o openPortal) bool {
		if o.level >= level {
			o.sink.Discard()
		}
		return o.level >= level
	})
}
