package session

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/txn"
	"pgwire_fdw/handler/internal/wire"
)

// exchange is what was sent up to one Sync (or one simple query).
type exchange struct {
	phase    phase
	then     phase   // behind the transaction commands
	controls int     // CommandCompletes still to come of what is in front of the statement
	front    []front // what that is, nil: transaction commands only
	frontRow bool    // the row of the one being answered has come
	entering entering
	sink     Sink // nil: transaction commands only
	rows     int64
	stmt     *statement
	reused   bool      // stmt is one that the remote has confirmed before
	sql      string    // for error messages
	begins   bool      // starts the remote transaction
	commits  bool      // ... and ends it, on a connection that was up when it was sent
	answered bool      // something has come back
	want     byte      // transaction status expected at its end when nothing failed
	quiet    bool      // a failure is a warning: nobody waits for it
	portal   string    // of a statement that is run in portions
	limit    int64     // rows asked for, 0: all
	keptFrom time.Time // when KeepOuter first asked for the rest of them
	err      *sqlerr.Error
}

// phase is where the answer to an exchange stands.
type phase uint8

const (
	controlling phase = iota // completions of what is in front of the statement are to come
	describing               // the description of the statement's rows is
	streaming                // rows, and their end
	refused                  // an error has come: only ReadyForQuery may
	completed                // the same, and the sink has been told how it ended
	late                     // ... but then an error has come, of the commit that Sync is
	phases
)

// following are the phases that a message may lead to ("Message Flow" of the
// protocol, Extended Query); what is not listed breaks the protocol. A 'C' of
// one transaction command among several leaves the phase as it is.
var following = [phases]map[byte]phase{
	controlling: {'C': controlling, 'E': refused},
	describing:  {'T': streaming, 'E': refused},
	streaming:   {'C': completed, 's': completed, 'E': refused},
	refused:     {'Z': refused},
	completed:   {'E': late, 'Z': completed},
	late:        {'Z': late},
}

// open reports whether the sink still waits to be told how the statement ended.
func (ex *exchange) open() bool { return ex.sink != nil && ex.phase <= refused }

// failed reports whether an ErrorResponse has come.
func (ex *exchange) failed() bool { return ex.phase == refused || ex.phase == late }

// start puts the exchange, which has just been sent, into its first phase.
func (ex *exchange) start() {
	if ex.controls == 0 {
		ex.phase = ex.then
	}
}

// row dispatches a DataRow; false when the sink does not take it.
func (c *Conn) row(body []byte) bool {
	if len(c.queue) > 0 && c.queue[0].phase == controlling && c.rowInFront(c.queue[0], body) {
		return true
	}
	if len(c.queue) == 0 || c.queue[0].phase != streaming {
		c.protocolError("a row came that nothing had asked for")
		return true
	}
	ex := c.queue[0]
	if ex.limit > 0 && ex.rows == ex.limit {
		c.protocolError("more than the %d rows came that had been asked for", ex.limit)
		return true
	}
	ex.answered = true
	taken, err := ex.sink.Row(body)
	if taken {
		ex.rows++
	}
	if err != nil && ex.err == nil {
		ex.err = err
	}
	return taken
}

// message dispatches everything but rows ("Message Formats" of the protocol).
func (c *Conn) message(typ byte, body []byte) {
	switch typ {
	case 'N':
		c.notice(body)
		return
	case 'S':
		c.parameterStatus(body)
		return
	case 'A': // NotificationResponse: nobody listens here
		return
	}
	if len(c.queue) == 0 {
		c.unsolicited(typ, body)
		return
	}
	ex := c.queue[0]
	ex.answered = ex.answered || typ != 'E' // a server's last words are no answer
	switch typ {
	case '1', '2', '3', 't': // ParseComplete, BindComplete, CloseComplete, ParameterDescription
		return
	}
	next, expected := following[ex.phase][typ]
	if !expected {
		c.protocolError("message type %q came in answer to %q, where it has no place", typ, ex.sql)
		return
	}
	switch typ {
	case 'T':
		c.rowDescription(ex, body)
	case 'C':
		c.commandComplete(ex, body, next)
	case 's':
		c.portalSuspended(ex, next)
	case 'E':
		c.errorResponse(ex, body, next)
	case 'Z':
		c.readyForQuery(ex, body)
	}
}

func (c *Conn) rowDescription(ex *exchange, body []byte) {
	fields, err := wire.Describe(body)
	if err != nil {
		c.protocolError("%v", err)
		return
	}
	ex.phase = streaming
	ex.stmt.fields = fields
	if err := ex.sink.Fields(fields); err != nil && ex.err == nil {
		ex.err = err
	}
}

func (c *Conn) commandComplete(ex *exchange, body []byte, next phase) {
	if ex.phase == controlling {
		if ex.frontRow != (ex.running() != frontCommand) {
			c.protocolError("the question for a session's settings was completed without an answer")
			return
		}
		ex.frontRow = false
		if ex.controls--; ex.controls == 0 {
			ex.phase = ex.then
		}
		if ex.controls == 0 && strings.HasSuffix(ex.sql, "COMMIT") && string(body) == "ROLLBACK\x00" && ex.err == nil {
			// the answer to COMMIT in a transaction that had failed
			ex.err = sqlerr.New(sqlstate.TransactionRollback, "remote transaction on server \"%s\" was rolled back", c.Server)
		}
		return
	}
	if !countIs(body, ex.rows) {
		c.protocolError("a query was completed as %q after %d rows", body[:len(body)-1], ex.rows)
		return
	}
	ex.confirm()
	ex.phase = next
	c.ClosePortal(ex.portal)
	ex.sink.Done(ex.err)
}

// confirm notes that the remote knows the statement under its name.
func (ex *exchange) confirm() {
	if ex.stmt != nil && ex.stmt.name != "" {
		ex.stmt.prepared = true
	}
}

// countIs compares the number of rows in the command tag of a SELECT, which
// some servers leave out, with how many have come.
func countIs(tag []byte, rows int64) bool {
	count, ok := bytes.CutPrefix(tag, []byte("SELECT "))
	if !ok {
		return true
	}
	n, err := strconv.ParseInt(string(bytes.TrimSuffix(count, []byte{0})), 10, 64)
	return err == nil && n == rows
}

func (c *Conn) errorResponse(ex *exchange, body []byte, next phase) {
	m, err := c.report(body)
	if err != nil {
		c.protocolError("bad error response: %v", err)
		return
	}
	e := sqlerr.FromResponse(m)
	if e.Fatal {
		c.Fail(c.lastWords(e))
		return
	}
	e.RemoteSQL = ex.sql
	if ex.err == nil {
		ex.err = e
	}
	ex.phase, ex.answered = next, true
}

// readyForQuery ends the oldest exchange.
func (c *Conn) readyForQuery(ex *exchange, body []byte) {
	if len(body) != 1 || body[0] != 'I' && body[0] != 'T' && body[0] != 'E' {
		c.protocolError("bad transaction status")
		return
	}
	if c.checkReported(body[0]); c.broken != nil {
		return
	}
	n := copy(c.queue, c.queue[1:])
	c.queue[n] = nil
	c.queue = c.queue[:n]
	c.used = c.used || body[0] == 'I'
	if ex.failed() && ex.stmt != nil {
		ex.err.SendAgain = ex.outdated()
		c.stmts.failed(ex.stmt)
		if ex.err.SendAgain && ex.err.SQLState == sqlstate.InvalidSQLStatementName {
			c.sharing.doubt()
			c.stmts.unname() // it will not be the only one
		}
	}
	c.checkStatus(ex, body[0])
	switch {
	case ex.open():
		ex.phase = completed
		ex.sink.Done(ex.err)
	case ex.err != nil && ex.sink == nil:
		c.controlFailed(ex)
	case ex.phase == late && ex.want == 'I':
		// a statement that is its own transaction: its rows have been read
		c.tell(LevelWarning, ex.err, "could not end a transaction on server \"%s\"", c.Server)
	}
}

// outdated reports whether a statement has failed because the remote does not
// know it any more (a pooler's DISCARD ALL, another session behind it), or has
// altered what it returns.
func (ex *exchange) outdated() bool {
	return ex.reused && ex.rows == 0 &&
		(ex.err.SQLState == sqlstate.InvalidSQLStatementName || ex.err.SQLState == sqlstate.FeatureNotSupported)
}

// Rewind brings the remote transaction back to before a statement that has
// failed and may be sent again; begins: it was to begin it. False: it cannot.
func (c *Conn) Rewind(begins bool) bool {
	switch {
	case !c.Tx.InTransaction(): // it was its own transaction
	case !c.Tx.Failed():
		return false
	case begins:
		c.Control(false, c.Tx.Abort())
	case c.Tx.Guarded():
		c.Control(false, c.Tx.Unguard()...)
	default:
		return false
	}
	return true
}

// checkStatus compares the remote's transaction status with what it has to be
// after the exchange. A session that is not in the transaction we think it is
// in would answer from another snapshot, without any error.
func (c *Conn) checkStatus(ex *exchange, status byte) {
	switch {
	case !ex.failed() && status != ex.want:
		c.protocolError("transaction status is %q where %q was expected", status, ex.want)
	case !ex.failed() || len(c.queue) > 0:
		// what was sent after it fails or succeeds for itself
	case status == 'E':
		if ex.sink != nil && ex.controls > 0 {
			c.Tx = ex.entering.after(ex.missing())
		}
		if !c.Tx.Failed() {
			c.failure = ex.err
		}
		c.Tx.MarkFailed()
	case status == 'I' && ex.begins:
		c.Tx = txn.State{}
	case status == 'I' && ex.want == 'T':
		c.protocolError("the transaction has ended without being asked to")
	}
}

// controlFailed handles a transaction command that was refused: the two ends
// no longer agree on the state, so the connection is not used again.
func (c *Conn) controlFailed(ex *exchange) {
	if ex.quiet {
		c.tell(LevelWarning, ex.err, "could not end a transaction on server \"%s\"", c.Server)
	}
	c.Fail(ex.err)
}

// unsolicited handles a message outside any exchange: a server that goes away
// says so first.
func (c *Conn) unsolicited(typ byte, body []byte) {
	if typ == 'E' {
		if m, err := c.report(body); err == nil {
			c.Fail(c.lastWords(sqlerr.FromResponse(m)))
			return
		}
	}
	c.protocolError("message type %q came unasked", typ)
}
