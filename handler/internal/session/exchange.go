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

// exchange is what was sent up to one Sync (or one simple query): transaction
// commands and what else stands in front, then statements, in this order.
type exchange struct {
	phase    phase
	controls int     // CommandCompletes still to come of what is in front of the statements
	front    []front // what that is, nil: transaction commands only
	frontRow bool    // the row of the one being answered has come
	entering entering
	steps    []step    // none: transaction commands only
	at       int       // the one that is being answered
	sql      string    // for error messages
	begins   bool      // starts the remote transaction
	commits  bool      // ... and ends it, on a connection that was up when it was sent
	answered bool      // something has come back
	writer   bool      // its sinks take whatever comes, so that others of the kind may follow
	unsynced bool      // its Sync is still to be sent: it is a COPY
	want     byte      // transaction status expected at its end when nothing failed
	quiet    bool      // a failure is a warning: nobody waits for it
	keptFrom time.Time // when KeepOuter first asked for the rest of them
	err      *sqlerr.Error
}

// step is a statement of an exchange, executed once or, with one set of values
// after another, several times.
type step struct {
	sink    Sink
	then    phase // where its answer begins
	times   int   // executions that are not complete
	rows    int64 // of the present one
	stmt    *statement
	name    string        // that it was sent under
	reused  bool          // stmt is one that the remote has confirmed before
	portal  string        // of a statement that is run in portions
	limit   int64         // rows asked for, 0: all
	writes  bool          // may have changed something: it is not sent again
	columns int           // of the rows that a COPY takes
	err     *sqlerr.Error // what its sink has found wrong
}

// phase is where the answer to an exchange stands.
type phase uint8

const (
	controlling phase = iota // completions of what is in front of the statements are to come
	describing               // the description of a statement's rows is
	modifying                // the same, of one that need not have any
	starting                 // COPY: the word that data can be sent is
	copying                  // COPY: data is sent; what comes is an error, or what has become of it
	streaming                // rows, and their end
	refused                  // an error has come: only ReadyForQuery may
	completed                // the same, and the sinks have been told how it ended
	late                     // ... but then an error has come, of the commit that Sync is
	phases
)

// following are the phases that a message may lead to ("Message Flow" of the
// protocol, Extended Query and COPY Operations); what is not listed breaks the
// protocol. A 'C' of one command among several leaves the phase as it is, or goes
// on with the next one's.
var following = [phases]map[byte]phase{
	controlling: {'C': controlling, 'E': refused},
	describing:  {'T': streaming, 'E': refused},
	modifying:   {'T': streaming, 'n': streaming, 'E': refused},
	starting:    {'G': copying, 'E': refused},
	copying:     {'C': completed, 'E': refused},
	streaming:   {'C': completed, 'I': completed, 's': completed, 'E': refused},
	refused:     {'Z': refused},
	completed:   {'E': late, 'Z': completed},
	late:        {'Z': late},
}

// statement is the step that is being answered, or the last.
func (ex *exchange) statement() *step { return &ex.steps[min(ex.at, len(ex.steps)-1)] }

// last is the step that is answered last.
func (ex *exchange) last() *step { return &ex.steps[len(ex.steps)-1] }

// open reports whether a sink still waits to be told how its statement ended.
func (ex *exchange) open() bool { return len(ex.steps) > 0 && ex.phase <= refused }

// writes reports whether a statement of it may have changed something.
func (ex *exchange) writes() bool {
	for i := range ex.steps {
		if ex.steps[i].writes {
			return true
		}
	}
	return false
}

// failed reports whether an ErrorResponse has come.
func (ex *exchange) failed() bool { return ex.phase == refused || ex.phase == late }

// start puts the exchange, which has just been sent, into its first phase, or
// when what is in front of the statements is through, into the next.
func (ex *exchange) start() {
	switch {
	case ex.controls > 0:
	case ex.at < len(ex.steps):
		ex.phase = ex.steps[ex.at].then
	default:
		ex.phase = completed
	}
}

// tell tells the sinks that wait for it how their statements have ended.
func (ex *exchange) tell(err *sqlerr.Error) {
	for i := ex.at; i < len(ex.steps); i++ {
		st := &ex.steps[i]
		if st.err == nil {
			st.err = err
		}
		st.sink.Done(st.err)
	}
	ex.at = len(ex.steps)
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
	st := ex.statement()
	if st.limit > 0 && st.rows == st.limit {
		c.protocolError("more than the %d rows came that had been asked for", st.limit)
		return true
	}
	ex.answered = true
	taken, err := st.sink.Row(body)
	if taken {
		st.rows++
	}
	st.note(err)
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
	case 'n':
		ex.described([]wire.RemoteColumn{})
	case 'G':
		c.copyInResponse(ex, body)
	case 'C':
		c.commandComplete(ex, body)
	case 'I':
		c.emptyQuery(ex)
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
	ex.described(fields)
}

// described takes the description of a statement's rows; none: it has no rows.
func (ex *exchange) described(fields []wire.RemoteColumn) {
	ex.phase = streaming
	st := ex.statement()
	st.stmt.fields = fields
	st.note(st.sink.Fields(fields))
}

// note keeps the first thing that the sink has found wrong.
func (st *step) note(err *sqlerr.Error) {
	if err != nil && st.err == nil {
		st.err = err
	}
}

func (c *Conn) commandComplete(ex *exchange, body []byte) {
	if ex.phase == controlling {
		c.controlComplete(ex, body)
		return
	}
	st := ex.statement()
	switch {
	case ex.unsynced:
		c.protocolError("a COPY was completed as %q before its end", body[:len(body)-1])
		return
	case !countIs(body, st.rows):
		c.protocolError("a query was completed as %q after %d rows", body[:len(body)-1], st.rows)
		return
	}
	c.executed(ex, body)
}

// controlComplete counts off what is in front of the statements.
func (c *Conn) controlComplete(ex *exchange, body []byte) {
	if ex.frontRow != ex.running().answers() {
		c.protocolError("the question for a session's settings was completed without an answer")
		return
	}
	ex.frontRow = false
	if ex.controls--; ex.controls == 0 {
		ex.start()
	}
	if ex.controls == 0 && strings.HasSuffix(ex.sql, "COMMIT") && string(body) == "ROLLBACK\x00" && ex.err == nil {
		// the answer to COMMIT in a transaction that had failed
		ex.err = sqlerr.New(sqlstate.TransactionRollback, "remote transaction on server \"%s\" was rolled back", c.Server)
	}
}

// emptyQuery ends a statement that says nothing.
func (c *Conn) emptyQuery(ex *exchange) {
	if st := ex.statement(); !st.writes || st.rows > 0 {
		c.protocolError("a query was found to be empty")
		return
	}
	c.executed(ex, nil)
}

// executed ends one execution of a statement, with the body of its
// CommandComplete, and goes on with what comes next.
func (c *Conn) executed(ex *exchange, tag []byte) {
	st := ex.statement()
	st.confirm()
	if sink, ok := st.sink.(TagSink); ok {
		st.note(sink.Completed(bytes.TrimSuffix(tag, []byte{0})))
	}
	st.rows = 0
	if st.times--; st.times > 0 {
		return
	}
	c.ClosePortal(st.portal)
	ex.at++
	ex.start()
	st.sink.Done(st.err)
}

// confirm notes that the remote knows the statement under its name.
func (st *step) confirm() {
	if st.stmt != nil && st.name != "" && st.stmt.name == st.name {
		st.stmt.prepared = true
	}
}

// TagCount is the number of rows in a command tag ("INSERT 0 3", "UPDATE 3",
// "COPY 3"); false: it has none.
func TagCount(tag []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(tag[bytes.LastIndexByte(tag, ' ')+1:]), 10, 64)
	return n, err == nil && n >= 0
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
	c.endFailedCopy(ex)
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
	if ex.failed() && len(ex.steps) > 0 {
		c.statementFailed(ex)
	}
	c.importFailed(ex)
	c.checkStatus(ex, body[0])
	switch {
	case ex.open():
		ex.phase = completed
		ex.tell(ex.err)
	case ex.err != nil && len(ex.steps) == 0:
		c.controlFailed(ex, body[0])
	case ex.phase == late && ex.want == 'I':
		// a statement that is its own transaction: its rows have been read
		c.tell(LevelWarning, ex.err, "could not end a transaction on server \"%s\"", c.Server)
	}
}

// statementFailed forgets what was known of a statement that has failed, and
// says whether it may be sent again: the remote may not know it any more (a
// pooler's DISCARD ALL, another session behind it), or have altered what it
// returns.
func (c *Conn) statementFailed(ex *exchange) {
	st := ex.statement()
	unknown := st.reused && st.rows == 0 && ex.err.SQLState == sqlstate.InvalidSQLStatementName
	altered := st.reused && st.rows == 0 && ex.err.SQLState == sqlstate.FeatureNotSupported
	ex.err.SendAgain = (unknown || altered) && !ex.writes()
	if st.stmt != nil {
		c.stmts.failed(st.stmt)
	}
	if unknown {
		c.sharing.doubt()
		c.stmts.unname() // it will not be the only one
	}
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
	case !ex.failed() || len(c.queue) > 0 && !c.onlyWrites():
		// what was sent after it fails or succeeds for itself
	case status == 'E':
		if len(ex.steps) > 0 && ex.controls > 0 {
			c.Tx = ex.entering.after(ex.missing())
		}
		if ex.writer {
			c.MarkWriteFailed(ex.err)
		} else {
			c.MarkFailed(ex.err)
		}
	case status == 'I' && ex.begins:
		c.Tx = txn.State{}
	case status == 'I' && ex.want == 'T':
		c.protocolError("the transaction has ended without being asked to")
	}
}

// onlyWrites reports whether what is still to be answered are modifications
// sent behind one another: they fail with the first of them.
func (c *Conn) onlyWrites() bool {
	for _, ex := range c.queue {
		if !ex.open() || !ex.writer || ex.controls > 0 {
			return false
		}
	}
	return true
}

// MarkFailed puts the remote transaction in its failed state, because of err
// unless it has failed before: what it has done must not be committed, even if
// the remote would.
func (c *Conn) MarkFailed(err *sqlerr.Error) {
	if !c.Tx.Failed() {
		c.failure, c.ofWrite = err, false
	}
	c.Tx.MarkFailed()
}

// MarkWriteFailed is MarkFailed for a modification. Its rows may go out because
// another statement is to use the connection; what that is refused with is then
// the failure itself, which nobody has heard of yet.
func (c *Conn) MarkWriteFailed(err *sqlerr.Error) {
	first := !c.Tx.Failed()
	c.MarkFailed(err)
	c.ofWrite = c.ofWrite || first
}

// controlFailed handles a transaction command that was refused. After a COMMIT
// the remote has rolled back, and is idle as it was to be. Else the two ends no
// longer agree on the state, so the connection is not used again.
func (c *Conn) controlFailed(ex *exchange, status byte) {
	if ex.quiet {
		c.tell(LevelWarning, ex.err, "could not end a transaction on server \"%s\"", c.Server)
	}
	switch {
	case status != 'I' || ex.want != 'I':
		c.Fail(ex.err)
	case !ex.quiet:
		c.uncommitted = ex.err
	}
}

// TakeUncommitted returns why the remote has refused the COMMIT that was sent
// last, once, or nil.
func (c *Conn) TakeUncommitted() *sqlerr.Error {
	err := c.uncommitted
	c.uncommitted = nil
	return err
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
