// Package session drives one connection to a remote server without blocking:
// frames, exchanges, statements, settings, cancelling. How a connection is made
// is package dial's business, which connections there are package pool's.
package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/txn"
	"pgwire_fdw/handler/internal/wire"
)

// Sink receives the answer to one statement. Its methods are called from
// inside Pump, on the backend's thread, and must not call the Conn.
type Sink interface {
	// Fields takes the result's row description, before any row. The slice
	// belongs to the connection: it is not to be kept or changed.
	Fields(fields []wire.RemoteColumn) *sqlerr.Error
	// Row takes the body of a DataRow, valid during the call. taken false
	// means "not now": the message stays unread and Pump returns Stopped.
	Row(body []byte) (taken bool, err *sqlerr.Error)
	// Done tells that no more rows come: all are there (nil), or the
	// statement failed.
	Done(err *sqlerr.Error)
	// Suspended tells that the server has stopped at the row limit; the rest
	// comes after Resume. false: nobody wants it, the portal may go.
	Suspended(portal string) bool
	// Discard makes Row drop everything from now on: nobody will read it.
	Discard()
}

// Conn is one session on a remote server. It never blocks: what cannot be read
// or written now is left for the next call, and Poll says what to wait for.
// Only the backend's thread uses it.
//
// Requests are pipelined: answers come in the order of the exchanges in queue,
// each of which ends with a ReadyForQuery. At most one exchange, the last, has
// a sink that still expects rows.
type Conn struct {
	Server string
	Umid   uint32
	Tx     txn.State

	est    *dial.Established
	stream io.ReadWriter
	in     readBuffer
	enc    []byte
	queue  []*exchange
	stmts  statements
	notify func(Notice)

	serial   uint32
	settings map[string]string // what the session was asked to run with
	broken   *sqlerr.Error
	failure  *sqlerr.Error // what put the remote transaction in its failed state
	used     bool          // has finished a transaction: a failure now may be an old one
	busy     bool          // inside Pump or Execute: still set when that has panicked
	cancel   *cancelling
	portals  int       // made so far, for their names
	closing  []string  // portals to close with the next request
	sentAt   time.Time // when the last request went out
	// resultFrom is BytesRead when it did
	resultFrom int64
	water      watermark

	// FailedEarly tells, once the connection is broken, that the statement then
	// running may be sent again on a new one: it was to begin a transaction on a
	// connection kept from earlier, and nothing had come back.
	FailedEarly bool

	// counters for EXPLAIN and tests
	BytesRead int64
	Exchanges int64
}

// exchange is what was sent up to one Sync (or one simple query).
type exchange struct {
	controls  int // CommandCompletes of transaction commands still to come
	entrance  entrance
	sink      Sink // nil: transaction commands only
	open      bool // sink has not been told Done
	described bool // sink knows its fields
	rows      int64
	stmt      *statement
	sql       string // for error messages
	begins    bool   // starts the remote transaction
	answered  bool   // something has come back
	refused   bool   // an ErrorResponse has come
	want      byte   // transaction status expected at its end when nothing failed
	quiet     bool   // a failure is a warning: nobody waits for it
	portal    string // of a statement that is run in portions
	err       *sqlerr.Error
}

// Bounds on what a server can make one call do or one message cost.
const (
	// pumpBytes is how much one Pump reads: the backend's thread must get back
	// to where it can be interrupted.
	pumpBytes = 4 << 20
	// maxMessage bounds every message but DataRow, whose size is that of values.
	maxMessage = 16 << 20
)

// serial numbers connections, so that C can recognise a socket it knows.
var serial uint32

// NewConn takes over an established connection. notify receives notices.
func NewConn(est *dial.Established, server string, umid uint32, settings map[string]string, notify func(Notice)) *Conn {
	serial++
	c := &Conn{Server: server, serial: serial, Umid: umid, est: est, stream: est.Stream, notify: notify, settings: settings}
	c.in.load(est.Buffered)
	c.stmts.init()
	invariant.Track("connection", 1)
	if err := est.Sock.SetNonblocking(true); err != nil {
		c.lost(err)
	}
	return c
}

// Established returns what connecting has learnt.
func (c *Conn) Established() *dial.Established { return c.est }

// Broken returns why the connection cannot be used any more, or nil.
func (c *Conn) Broken() *sqlerr.Error { return c.broken }

// Quiet reports whether every answer has been read.
func (c *Conn) Quiet() bool { return len(c.queue) == 0 && c.cancel == nil }

// InUse reports whether the current local transaction depends on the
// connection: by a remote transaction, or by a statement that is one of its own.
func (c *Conn) InUse() bool { return c.Tx.InTransaction() || c.Active() != nil || c.cancel != nil }

// Cancelling reports whether a statement is being cancelled.
func (c *Conn) Cancelling() bool { return c.cancel != nil }

// Active returns the sink that still expects rows, or nil.
func (c *Conn) Active() Sink {
	if n := len(c.queue); n > 0 && c.queue[n-1].open {
		return c.queue[n-1].sink
	}
	return nil
}

// Progress is how Pump ended.
type Progress int

const (
	// Finished: the condition that was pumped for holds.
	Finished Progress = iota
	// Blocked: nothing more can be read now; see Poll.
	Blocked
	// Stopped: the active sink does not take its next row.
	Stopped
	// Failed: the connection is broken.
	Failed
	// Yielded: a good deal was read and there may be more; call again after a
	// look at what else wants attention.
	Yielded
)

// Pump reads and dispatches what there is, without blocking, until done()
// holds, the active sink refuses a row, there is nothing more to read, or
// enough was read for one call.
func (c *Conn) Pump(done func() bool) Progress {
	c.begin()
	pr := c.pump(done)
	if c.Active() == nil {
		c.in.shrink() // a large value is through
	}
	c.busy = false
	return pr
}

// begin marks the start of work that leaves the Conn inconsistent if it
// panics. Who finds the mark still set must not go on with such a connection.
func (c *Conn) begin() {
	if c.busy {
		c.Fail(sqlerr.New(sqlstate.InternalError, "connection to server \"%s\" cannot be used after an internal error", c.Server))
	}
	c.busy = true
}

func (c *Conn) pump(done func() bool) Progress {
	end := c.BytesRead + pumpBytes
	for {
		if c.broken != nil {
			return Failed
		}
		if done() {
			return Finished
		}
		typ, body, n, need, err := wire.Frame(c.in.unread())
		switch {
		case err != nil:
			c.protocolError("%v", err)
		case n == 0 && need > maxMessage && typ != 'D':
			c.protocolError("message type %q is %d bytes long", typ, need)
		case n == 0:
			if c.BytesRead >= end {
				return Yielded
			}
			if !c.fill(need) && c.broken == nil {
				return Blocked
			}
		case typ == 'D':
			if !c.row(body) {
				return Stopped
			}
			c.in.r += n
		default:
			c.message(typ, body)
			c.in.r += n
		}
	}
}

// fill reads more into the buffer, where a message of need bytes begins.
// False: nothing came (would block), or the connection broke.
func (c *Conn) fill(need int) bool {
	room, err := c.in.room(need)
	if err != nil {
		c.Fail(sqlerr.New(sqlstate.OutOfMemory, "out of memory while reading from server \"%s\": %w", c.Server, err))
		return false
	}
	// what the server said before it stopped listening may still be read
	sendErr := c.est.Sock.Flush()
	n, err := c.stream.Read(room)
	c.in.w += n
	c.BytesRead += int64(n)
	if n > 0 {
		return true
	}
	if err == nil || errors.Is(err, dial.ErrWouldBlock) {
		err = sendErr
	}
	if err != nil {
		c.lost(err)
	}
	return false
}

// Poll returns the socket and whether to wait for writability too.
func (c *Conn) Poll() (fd int, write bool) {
	return c.est.Sock.Fd(), c.est.Sock.Pending() > 0
}

// Readable is the wait for more from the server (and for what is still to be
// written to go out).
func (c *Conn) Readable() *Waiting {
	fd, write := c.Poll()
	w := &Waiting{FD: fd, Write: write, Timeout: -1, Socket: c.serial}
	if c.mark() {
		w.Timeout = streamTimeout
	}
	return w
}

// row dispatches a DataRow; false when the sink does not take it.
func (c *Conn) row(body []byte) bool {
	if len(c.queue) == 0 || !c.queue[0].open || c.queue[0].controls > 0 || c.queue[0].refused {
		c.protocolError("a row came that nothing had asked for")
		return true
	}
	if !c.queue[0].described {
		c.protocolError("a row came before its description")
		return true
	}
	ex := c.queue[0]
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
	ex.answered = ex.answered || typ != 'E' // a farewell is no answer
	switch typ {
	case '1', '2', '3', 'n', 't': // ParseComplete, BindComplete, CloseComplete, NoData, ParameterDescription
	case 'T':
		c.rowDescription(ex, body)
	case 'C', 'I':
		c.commandComplete(ex, body)
	case 's':
		c.portalSuspended(ex)
	case 'E':
		c.errorResponse(ex, body)
	case 'Z':
		c.readyForQuery(ex, body)
	default:
		c.protocolError("message type %q came in answer to a query", typ)
	}
}

func (c *Conn) rowDescription(ex *exchange, body []byte) {
	var m pgproto3.RowDescription
	if err := m.Decode(body); err != nil {
		c.protocolError("bad row description: %v", err)
		return
	}
	if !ex.open || ex.controls > 0 || ex.described || ex.refused {
		// a second one would change the meaning of rows under way
		c.protocolError("a row description came that nothing had asked for")
		return
	}
	ex.described = true
	fields := make([]wire.RemoteColumn, len(m.Fields))
	for i, f := range m.Fields {
		fields[i] = wire.RemoteColumn{TypeOID: f.DataTypeOID, Typmod: f.TypeModifier, Format: f.Format}
	}
	if ex.stmt != nil {
		ex.stmt.fields = fields
	}
	if err := ex.sink.Fields(fields); err != nil && ex.err == nil {
		ex.err = err
	}
}

func (c *Conn) commandComplete(ex *exchange, body []byte) {
	switch {
	case ex.refused:
		c.protocolError("a command was completed that had failed")
	case ex.controls > 0:
		ex.controls--
		if ex.sql == "COMMIT" && string(body) == "ROLLBACK\x00" && ex.err == nil {
			// the answer to COMMIT in a transaction that had failed
			ex.err = sqlerr.New(sqlstate.TransactionRollback, "remote transaction on server \"%s\" was rolled back", c.Server)
		}
	case !ex.open:
		c.protocolError("a command was completed that was not sent")
	case !ex.described:
		c.protocolError("a query was completed without a description of its rows")
	case !countIs(body, ex.rows):
		c.protocolError("a query was completed as %q after %d rows", body[:len(body)-1], ex.rows)
	default:
		if ex.stmt != nil && ex.stmt.name != "" {
			ex.stmt.prepared = true
		}
		ex.open = false
		c.ClosePortal(ex.portal)
		ex.sink.Done(ex.err)
	}
}

// portalSuspended ends an exchange as a command's completion does, but more
// rows can be had.
func (c *Conn) portalSuspended(ex *exchange) {
	if ex.portal == "" || !ex.open || !ex.described || ex.controls > 0 || ex.refused {
		c.protocolError("a portal was suspended that had no row limit")
		return
	}
	if ex.stmt != nil && ex.stmt.name != "" {
		ex.stmt.prepared = true
	}
	ex.open = false
	if ex.err != nil {
		ex.sink.Done(ex.err)
	} else if ex.sink.Suspended(ex.portal) {
		return
	}
	c.ClosePortal(ex.portal)
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

func (c *Conn) errorResponse(ex *exchange, body []byte) {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		c.protocolError("bad error response: %v", err)
		return
	}
	e := sqlerr.FromResponse(&m)
	if e.Fatal {
		e = c.farewell(e)
	}
	e.RemoteSQL = ex.sql
	ex.refused = true
	if ex.err == nil {
		ex.err = e
	}
	if e.Fatal {
		c.Fail(e)
		return
	}
	ex.answered = true
}

// readyForQuery ends the oldest exchange.
func (c *Conn) readyForQuery(ex *exchange, body []byte) {
	if len(body) != 1 || body[0] != 'I' && body[0] != 'T' && body[0] != 'E' {
		c.protocolError("bad transaction status")
		return
	}
	if !ex.refused && (ex.open || ex.controls > 0) {
		c.protocolError("a query ended without completing")
		return
	}
	n := copy(c.queue, c.queue[1:])
	c.queue[n] = nil
	c.queue = c.queue[:n]
	c.used = c.used || body[0] == 'I'
	if ex.refused && ex.stmt != nil {
		c.stmts.failed(ex.stmt)
	}
	c.checkStatus(ex, body[0])
	if ex.open {
		ex.open = false
		ex.sink.Done(ex.err)
	} else if ex.err != nil && ex.sink == nil {
		c.controlFailed(ex)
	}
}

// checkStatus compares the remote's transaction status with what it has to be
// after the exchange. A session that is not in the transaction we think it is
// in would answer from another snapshot, without any error.
func (c *Conn) checkStatus(ex *exchange, status byte) {
	switch {
	case !ex.refused && status != ex.want:
		c.protocolError("transaction status is %q where %q was expected", status, ex.want)
	case !ex.refused || len(c.queue) > 0:
		// what was sent after it fails or succeeds for itself
	case status == 'E':
		if ex.sink != nil && ex.controls > 0 {
			c.Tx = ex.entrance.partly(ex.controls)
		}
		c.Tx.MarkFailed()
		c.failure = ex.err
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
		c.warn(ex.err, "could not end a transaction on server \"%s\"", c.Server)
	}
	c.Fail(ex.err)
}

// unsolicited handles a message outside any exchange: a server that goes away
// says so first.
func (c *Conn) unsolicited(typ byte, body []byte) {
	if typ == 'E' {
		var m pgproto3.ErrorResponse
		if m.Decode(body) == nil {
			c.Fail(c.farewell(sqlerr.FromResponse(&m)))
			return
		}
	}
	c.protocolError("message type %q came unasked", typ)
}

func (c *Conn) protocolError(format string, args ...any) {
	e := sqlerr.New(sqlstate.ProtocolViolation, "protocol error from server \"%s\"", c.Server)
	e.Detail = fmt.Sprintf(format, args...)
	e.Fatal = true
	c.Fail(e)
}

func (c *Conn) lost(err error) {
	e := *sqlerr.From(err)
	e.SQLState, e.Fatal = sqlstate.ConnectionFailure, true
	if e.Detail == "" {
		e.Detail = e.Message
	}
	e.Message = fmt.Sprintf("lost the connection to server \"%s\"", c.Server)
	c.Fail(&e)
}

// Fail marks the connection broken and tells everyone who waits for it. The
// transaction state stays: who asks for the connection again within the same
// transaction must hear that it is lost, not be given another snapshot.
func (c *Conn) Fail(e *sqlerr.Error) {
	if c.broken != nil {
		return
	}
	c.broken = e
	if n := len(c.queue); n > 0 {
		last := c.queue[n-1]
		c.FailedEarly = c.used && last.begins && !last.answered
	}
	for _, ex := range c.queue {
		err := ex.err
		if err == nil {
			own := *e
			own.RemoteSQL = ex.sql
			err = &own
		}
		if ex.open {
			ex.open = false
			ex.sink.Done(err)
		} else if ex.sink == nil && ex.quiet && !ex.answered && ex.sql != "ROLLBACK" {
			// (what a ROLLBACK would have done, the server has done by going away)
			c.warn(err, "could not end a transaction on server \"%s\"", c.Server)
		}
	}
	c.queue = nil
	if c.FailedEarly {
		c.Tx = txn.State{} // it never began
	}
}

// Close ends the session: a Terminate message if the connection is sound, and
// the socket. A cancel request still under way is left to end by itself.
func (c *Conn) Close() {
	if c.est == nil {
		return
	}
	if c.broken == nil {
		buf, _ := (&pgproto3.Terminate{}).Encode(nil)
		_, _ = c.stream.Write(buf)
	}
	for _, ex := range c.queue {
		ex.quiet = false // an answer that nobody waits for is not missed either
	}
	c.Fail(sqlerr.New(sqlstate.ConnectionFailure, "connection to server \"%s\" was closed", c.Server))
	c.dropCancel(false)
	_ = c.est.Sock.Close()
	c.est = nil
	c.in.free()
	invariant.Track("connection", -1)
}

// Gone reports whether the server has closed its end, whatever is still unread.
func (c *Conn) Gone() bool {
	fds := []unix.PollFd{{Fd: int32(c.est.Sock.Fd()), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}
