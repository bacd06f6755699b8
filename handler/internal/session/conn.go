// Package session drives one connection to a remote server without blocking:
// frames, exchanges, statements, settings, cancelling. How a connection is made
// is package dial's business, which connections there are package pool's.
package session

import (
	"errors"
	"fmt"
	"io"
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
	// comes after Resume. false: nobody wants it, the portal may go. portal is
	// empty when it has gone already, with a transaction that was the statement's.
	Suspended(portal string) bool
	// Keep makes Row take everything from now on, to be read later; false: nobody
	// will read it.
	Keep() bool
	// Discard makes Row drop everything from now on: nobody will read it.
	Discard()
}

// TagSink is a Sink that wants to know what its statement has done: Completed
// takes the command tag of each execution ("UPDATE 3"), before Done.
type TagSink interface {
	Sink
	Completed(tag []byte) *sqlerr.Error
}

// Conn is one session on a remote server. It never blocks: what cannot be read
// or written now is left for the next call, and Poll says what to wait for.
// Only the backend's thread uses it.
//
// Requests are pipelined: answers come in the order of the exchanges in queue,
// each of which ends with a ReadyForQuery. At most one exchange, the last, has
// a sink that still expects rows, but for modifications (see Write).
type Conn struct {
	Server string
	Umid   uint32
	Tx     txn.State

	est    *dial.Established
	stream io.ReadWriter
	in     readBuffer
	skip   int // bytes at the front of what comes that belong to a report cut short
	enc    []byte
	large  []piece // of what is encoded, not copied into it
	queue  []*exchange
	stmts  statements
	notify func(Notice)

	serial      uint32
	unsent      []Unsent          // what writers hold back
	settings    map[string]string // what the session is to run with
	sharing     sharing
	snapshot    snapshot
	state       state
	broken      *sqlerr.Error // why, when the state is broken
	failure     *sqlerr.Error // what put the remote transaction in its failed state
	ofWrite     bool          // failure is a writer's
	uncommitted *sqlerr.Error // see TakeUncommitted
	used        bool          // has finished a transaction: a failure now may be an old one
	ended       bool          // the server has said that it ends the session
	cancel      *cancelling
	portals     portals
	sentAt      time.Time // when the last request went out
	// resultFrom is BytesRead when it did
	resultFrom int64
	water      watermark

	// counters for EXPLAIN and tests
	BytesRead int64
	Exchanges int64
}

// state is what a connection can be used for.
type state uint8

const (
	usable  state = iota
	working       // inside a call: what is found so later has been left by a panic
	broken        // nothing can be sent or read any more
	closed        // and its resources are given back
	states
)

// transitions are the states that may follow each one.
var transitions = [states][states]bool{
	usable:  {working: true, broken: true},
	working: {usable: true, broken: true},
	broken:  {closed: true},
}

// to changes the state, where that is a transition.
func (c *Conn) to(next state) bool {
	if !transitions[c.state][next] {
		return false
	}
	c.state = next
	return true
}

// Bounds on what a server can make one call do or one message cost.
const (
	// pumpBytes is how much one Pump reads: the backend's thread must get back
	// to where it can be interrupted.
	pumpBytes = 4 << 20
	// maxMessage bounds every message but DataRow, whose size is that of values,
	// and reports (see report.go).
	maxMessage = 1 << 20
)

// serial numbers connections, so that C can recognise a socket it knows.
var serial uint32

// NewConn takes over an established connection. settings are what statements
// run with, whether they were sent with the start-up or not; pooled is the option
// of that name. notify receives notices.
func NewConn(est *dial.Established, server string, umid uint32, settings map[string]string, pooled string, notify func(Notice)) *Conn {
	serial++
	c := &Conn{Server: server, serial: serial, Umid: umid, est: est, stream: est.Stream, notify: notify, settings: settings}
	loaded := c.in.load(est.Buffered)
	c.stmts.init()
	c.sharing.init(pooled)
	invariant.Track("connection", 1)
	if err := est.Sock.SetNonblocking(true); err != nil {
		c.lost(err)
	}
	if loaded != nil {
		c.Fail(c.noMemory(loaded))
	}
	return c
}

// Established returns what connecting has learnt.
func (c *Conn) Established() *dial.Established { return c.est }

// Failure returns what has put the remote transaction in its failed state: the
// first error of those that can have come since it was last sound.
func (c *Conn) Failure() *sqlerr.Error {
	if c.failure == nil {
		return sqlerr.New(sqlstate.InFailedSQLTransaction, "the transaction on server \"%s\" has failed", c.Server)
	}
	return c.failure
}

// Broken returns why the connection cannot be used any more, or nil.
func (c *Conn) Broken() *sqlerr.Error { return c.broken }

// Quiet reports whether every answer has been read.
func (c *Conn) Quiet() bool { return len(c.queue) == 0 && c.cancel == nil }

// InUse reports whether the current local transaction depends on the
// connection: by a remote transaction, or by a statement that is one of its own.
func (c *Conn) InUse() bool {
	return len(c.unsent) > 0 || c.Tx.InTransaction() || c.Active() != nil || c.cancel != nil
}

// Cancelling reports whether a statement is being cancelled.
func (c *Conn) Cancelling() bool { return c.cancel != nil }

// Active returns the sink that still expects rows, or nil.
func (c *Conn) Active() Sink {
	if n := len(c.queue); n > 0 && c.queue[n-1].open() {
		return c.queue[n-1].last().sink
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
	c.end()
	return pr
}

// begin marks the start of work that leaves the Conn inconsistent if it
// panics, and end its end. Who finds the mark still set must not go on with
// such a connection.
func (c *Conn) begin() {
	if !c.to(working) && c.state == working {
		c.Fail(sqlerr.New(sqlstate.InternalError, "connection to server \"%s\" cannot be used after an internal error", c.Server))
	}
}

func (c *Conn) end() { c.to(usable) }

func (c *Conn) pump(done func() bool) Progress {
	end := c.BytesRead + pumpBytes
	for {
		if c.broken != nil {
			return Failed
		}
		if done() {
			return Finished
		}
		typ, body, n, need, err := c.frame()
		switch {
		case err != nil:
			c.protocolError("%v", err)
		case n == 0 && need > maxMessage && typ != 'D' && !isReport(typ):
			c.protocolError("message type %q is %d bytes long", typ, need)
		case n == 0 && need > maxReport && isReport(typ) && c.in.Len() >= maxReport:
			c.cutReport(typ, c.in.Bytes()[5:maxReport], need)
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
			c.in.Take(n)
		default:
			c.message(typ, body)
			c.in.Take(n)
		}
	}
}

// frame finds the next message; n 0: it is not all there. See wire.Frame.
func (c *Conn) frame() (typ byte, body []byte, n, need int, err error) {
	if c.skip > 0 && !c.skipped() {
		return 0, nil, 0, 1, nil
	}
	return wire.Frame(c.in.Bytes())
}

// fill reads more into the buffer, where a message of need bytes begins.
// False: nothing came (would block), or the connection broke.
func (c *Conn) fill(need int) bool {
	room, err := c.in.room(need)
	if err != nil {
		c.Fail(c.noMemory(err))
		return false
	}
	// what the server said before it stopped listening may still be read
	sendErr := c.est.Sock.Flush()
	n, err := c.stream.Read(room)
	c.in.Added(n)
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

func (c *Conn) noMemory(err error) *sqlerr.Error {
	return sqlerr.New(sqlstate.OutOfMemory, "out of memory while reading from server \"%s\": %w", c.Server, err)
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

func (c *Conn) protocolError(format string, args ...any) {
	e := sqlerr.New(sqlstate.ProtocolViolation, "protocol error from server \"%s\"", c.Server)
	e.Detail = fmt.Sprintf(format, args...)
	e.Fatal = true
	c.Fail(e)
}

func (c *Conn) lost(err error) {
	e := *sqlerr.From(err)
	if e.Fatal = true; e.SQLState != sqlstate.OutOfMemory {
		e.SQLState = sqlstate.ConnectionFailure
	}
	if e.Detail == "" {
		e.Detail = e.Message
	}
	e.Message = fmt.Sprintf("lost the connection to server \"%s\"", c.Server)
	c.Fail(&e)
}

// Fail marks the connection broken and tells everyone who waits for it. The
// transaction state stays: who asks for the connection again within the same
// transaction must hear that it is lost, not be given another snapshot. Unless
// it never began: the statement then running, which was to begin it on a
// connection kept from earlier, may be sent again on a new one, because nothing
// had come back. One that commits by itself may have done so before its answer
// was lost, and functions of views write; unless the connection was gone before,
// or the server says that it has ended it, which it would not in front of an answer.
func (c *Conn) Fail(e *sqlerr.Error) {
	if !c.to(broken) {
		return
	}
	if n := len(c.queue); n > 0 && c.used && c.queue[n-1].begins && !c.queue[n-1].answered &&
		(!c.queue[n-1].commits || c.ended) && !c.queue[n-1].writes() {
		again := *e
		again.SendAgain = true
		e = &again
		c.Tx = txn.State{}
	}
	c.broken = e
	for _, ex := range c.queue {
		err := ex.err
		if err == nil {
			own := *e
			own.RemoteSQL = ex.sql
			err = &own
		}
		if ex.open() {
			ex.tell(err)
		} else if len(ex.steps) == 0 && ex.quiet && !ex.answered && ex.sql != "ROLLBACK" {
			// What a ROLLBACK would have done, the server has done by going away. And of a
			// COMMIT without an answer, the statements had theirs from one snapshot.
			c.tell(LevelDebug, err, "could not end a transaction on server \"%s\"", c.Server)
		}
	}
	c.queue = nil
}

// Close ends the session: a Terminate message if the connection is sound, and
// the socket. A cancel request still under way is left to end by itself.
func (c *Conn) Close() {
	if c.state == closed {
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
	c.to(closed)
	c.dropCancel(false)
	_ = c.est.Sock.Close()
	c.in.Free()
	invariant.Track("connection", -1)
}

// Gone reports whether the server has closed its end, whatever is still unread.
func (c *Conn) Gone() bool {
	fds := []unix.PollFd{{Fd: int32(c.est.Sock.Fd()), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}
