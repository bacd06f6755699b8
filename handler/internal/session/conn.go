package session

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/txn"
	"pgwire_fdw/handler/internal/wire"
)

// Sink receives the answer to one statement. Its methods are called from
// inside Pump, on the backend's thread, and must not call the Conn.
type Sink interface {
	// Fields takes the result's row description, before any row.
	Fields(fields []wire.RemoteColumn) *sqlerr.Error
	// Row takes the body of a DataRow, valid during the call. taken false
	// means "not now": the message stays unread and Pump returns Stopped.
	Row(body []byte) (taken bool, err *sqlerr.Error)
	// Done tells that no more rows come: all are there (nil), or the
	// statement failed.
	Done(err *sqlerr.Error)
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

	est    *Established
	stream io.ReadWriter
	rbuf   []byte
	r, w   int
	enc    []byte
	queue  []*exchange
	stmts  statements
	notify func(Notice)

	encoding string // client_encoding asked for; "" not checked
	broken   *sqlerr.Error
	used     bool // has finished a transaction: a failure now may be an old one
	cancel   *cancelling
	sentAt   time.Time // when the last request went out

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
	controls int  // CommandCompletes of transaction commands still to come
	sink     Sink // nil: transaction commands only
	open     bool // sink has not been told Done
	stmt     *statement
	sql      string // for error messages
	begins   bool   // starts the remote transaction
	answered bool   // something has come back
	want     byte   // transaction status expected at its end; 0 any
	quiet    bool   // a failure is a warning: nobody waits for it
	err      *sqlerr.Error
}

// Notice is something the remote (or the end of a transaction) says that is no error.
type Notice struct {
	Level int // as PGWIRE_LEVEL_ of bridge.h
	Err   *sqlerr.Error
}

// Notice levels, as in bridge.h.
const (
	LevelDebug   = 0
	LevelNotice  = 1
	LevelWarning = 2
)

const initialReadBuffer = 64 << 10

// NewConn takes over an established connection. notify receives notices.
func NewConn(est *Established, server string, umid uint32, encoding string, notify func(Notice)) *Conn {
	est.Sock.SetNonblocking(true)
	c := &Conn{Server: server, Umid: umid, est: est, stream: est.Stream, notify: notify,
		encoding: encoding, rbuf: make([]byte, initialReadBuffer)}
	c.w = copy(c.rbuf, est.Buffered)
	if len(est.Buffered) > len(c.rbuf) {
		c.rbuf = append([]byte(nil), est.Buffered...)
		c.w = len(c.rbuf)
	}
	c.stmts.init()
	invariant.Track("connection", 1)
	return c
}

// Established returns what connecting has learnt.
func (c *Conn) Established() *Established { return c.est }

// Broken returns why the connection cannot be used any more, or nil.
func (c *Conn) Broken() *sqlerr.Error { return c.broken }

// Quiet reports whether every answer has been read.
func (c *Conn) Quiet() bool { return len(c.queue) == 0 && c.cancel == nil }

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
)

// Pump reads and dispatches what there is, without blocking, until done()
// holds, the active sink refuses a row, or there is nothing more to read.
func (c *Conn) Pump(done func() bool) Progress {
	for {
		if c.broken != nil {
			return Failed
		}
		if done() {
			return Finished
		}
		typ, body, n, need, err := wire.Frame(c.rbuf[c.r:c.w])
		if err != nil {
			c.protocolError("%v", err)
			continue
		}
		if n == 0 {
			if !c.fill(need) {
				if c.broken != nil {
					return Failed
				}
				return Blocked
			}
			continue
		}
		if typ == 'D' && !c.row(body) {
			return Stopped
		} else if typ != 'D' {
			c.message(typ, body)
		}
		c.r += n
	}
}

// fill reads more into the buffer, making room for a message of need bytes.
// False: nothing came (would block), or the connection broke.
func (c *Conn) fill(need int) bool {
	if c.r == c.w {
		c.r, c.w = 0, 0
		if len(c.rbuf) > 1<<20 && need <= initialReadBuffer {
			c.rbuf = make([]byte, initialReadBuffer) // give a large value's buffer back
		}
	}
	if len(c.rbuf)-c.r < need || c.w == len(c.rbuf) {
		buf := c.rbuf
		if need > len(buf) {
			buf = make([]byte, grow(need))
		}
		c.w = copy(buf, c.rbuf[c.r:c.w])
		c.r, c.rbuf = 0, buf
	}
	if c.est.Sock.Pending() > 0 {
		if err := c.est.Sock.Flush(); err != nil {
			c.lost(err)
			return false
		}
	}
	n, err := c.stream.Read(c.rbuf[c.w:])
	c.w += n
	c.BytesRead += int64(n)
	if n > 0 {
		return true
	}
	if err != nil && !errors.Is(err, ErrWouldBlock) {
		c.lost(err)
	}
	return false
}

// grow rounds up so that a message which arrives in pieces is not copied often.
func grow(need int) int {
	if need < 1<<20 {
		return (need + 64<<10) &^ (64<<10 - 1)
	}
	return need + need/8
}

// Poll returns the socket and whether to wait for writability too.
func (c *Conn) Poll() (fd int, write bool) {
	return c.est.Sock.Fd(), c.est.Sock.Pending() > 0
}

// row dispatches a DataRow; false when the sink does not take it.
func (c *Conn) row(body []byte) bool {
	if len(c.queue) == 0 || !c.queue[0].open || c.queue[0].controls > 0 {
		c.protocolError("a row came that nothing had asked for")
		return true
	}
	ex := c.queue[0]
	ex.answered = true
	taken, err := ex.sink.Row(body)
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
		c.commandComplete(ex)
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
	if !ex.open || ex.controls > 0 {
		c.protocolError("a row description came that nothing had asked for")
		return
	}
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

func (c *Conn) commandComplete(ex *exchange) {
	if ex.controls > 0 {
		ex.controls--
		return
	}
	if !ex.open {
		return
	}
	if ex.stmt != nil && ex.stmt.name != "" {
		ex.stmt.prepared = true
	}
	ex.open = false
	ex.sink.Done(ex.err)
}

func (c *Conn) errorResponse(ex *exchange, body []byte) {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		c.protocolError("bad error response: %v", err)
		return
	}
	e := sqlerr.FromResponse(&m)
	e.RemoteSQL = ex.sql
	if ex.err == nil {
		ex.err = e
	}
	if e.Fatal {
		c.fail(e)
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
	copy(c.queue, c.queue[1:])
	c.queue = c.queue[:len(c.queue)-1]
	failed := ex.err != nil
	if ex.open && !failed {
		c.queue = append(c.queue, ex) // so that its sink is told
		c.protocolError("a query ended without completing")
		return
	}
	if failed && ex.stmt != nil {
		c.stmts.forget(ex.stmt)
	}
	if len(c.queue) == 0 {
		c.checkStatus(ex, body[0])
	}
	if ex.open {
		ex.open = false
		ex.sink.Done(ex.err)
	} else if failed && ex.sink == nil {
		c.controlFailed(ex)
	}
}

// checkStatus compares the remote's transaction status with ours.
func (c *Conn) checkStatus(ex *exchange, status byte) {
	switch {
	case status == 'E':
		c.Tx.MarkFailed()
	case ex.err != nil && status == 'I':
		c.Tx = txn.State{}
	case ex.want != 0 && status != ex.want && ex.err == nil:
		c.protocolError("transaction status is %q where %q was expected", status, ex.want)
	}
}

// controlFailed handles a transaction command that was refused: the two ends
// no longer agree on the state, so the connection is not used again.
func (c *Conn) controlFailed(ex *exchange) {
	if ex.quiet {
		c.warn(ex.err, "could not end a transaction on server \"%s\"", c.Server)
	}
	c.fail(ex.err)
}

// unsolicited handles a message outside any exchange: a server that goes away
// says so first.
func (c *Conn) unsolicited(typ byte, body []byte) {
	if typ == 'E' {
		var m pgproto3.ErrorResponse
		if m.Decode(body) == nil {
			c.fail(sqlerr.FromResponse(&m))
			return
		}
	}
	c.protocolError("message type %q came unasked", typ)
}

func (c *Conn) notice(body []byte) {
	var m pgproto3.NoticeResponse
	if err := m.Decode(body); err != nil {
		c.protocolError("bad notice: %v", err)
		return
	}
	e := sqlerr.FromResponse((*pgproto3.ErrorResponse)(&m))
	if m.Code != "" {
		e.SQLState = m.Code
	}
	level := LevelDebug
	switch m.SeverityUnlocalized {
	case "WARNING":
		level = LevelWarning
	case "NOTICE", "INFO":
		level = LevelNotice
	}
	c.notify(Notice{Level: level, Err: e})
}

// parameterStatus watches the one setting that decides what text means.
func (c *Conn) parameterStatus(body []byte) {
	var m pgproto3.ParameterStatus
	if err := m.Decode(body); err != nil {
		c.protocolError("bad parameter status: %v", err)
		return
	}
	if m.Name == "client_encoding" && c.encoding != "" && !sameEncoding(m.Value, c.encoding) {
		c.protocolError("client_encoding has been changed to %q", m.Value)
	}
}

func (c *Conn) warn(cause *sqlerr.Error, format string, args ...any) {
	w := sqlerr.New(sqlerr.ConnectionFailure, format, args...)
	w.Detail = cause.Message
	if cause.Detail != "" {
		w.Detail += "\n" + cause.Detail
	}
	c.notify(Notice{Level: LevelWarning, Err: w})
}

func (c *Conn) protocolError(format string, args ...any) {
	e := sqlerr.New(sqlerr.ProtocolViolation, "protocol error from server \"%s\"", c.Server)
	e.Detail = fmt.Sprintf(format, args...)
	e.Fatal = true
	c.fail(e)
}

func (c *Conn) lost(err error) {
	e := *sqlerr.From(err)
	e.SQLState, e.Fatal = sqlerr.ConnectionFailure, true
	e.Message = fmt.Sprintf("lost the connection to server \"%s\"", c.Server)
	c.fail(&e)
}

// fail marks the connection broken and tells everyone who waits for it. The
// transaction state stays: who asks for the connection again within the same
// transaction must hear that it is lost, not be given another snapshot.
func (c *Conn) fail(e *sqlerr.Error) {
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
		} else if ex.sink == nil && ex.quiet && !ex.answered {
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
	c.fail(sqlerr.New(sqlerr.ConnectionFailure, "connection to server \"%s\" was closed", c.Server))
	c.dropCancel(false)
	_ = c.est.Sock.Close()
	c.est, c.rbuf = nil, nil
	invariant.Track("connection", -1)
}

// Peek looks without blocking for a message that came while nobody read, such
// as the farewell of a server that shuts down. Only for a quiet connection.
func (c *Conn) Peek() {
	if c.broken == nil && c.est != nil {
		c.Pump(func() bool { return false })
	}
}
