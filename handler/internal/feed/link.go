package feed

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

const (
	// bufferBytes is how much is read ahead of whoever takes the changes; a message that is larger takes what it takes.
	bufferBytes = 1 << 20
	readBytes   = 64 << 10
	// A walsender sends each change by itself. While they come one after the other, they are let gather for a moment, so
	// that not each of them wakes this side, and through it the backend's thread; a socket holds some hundred.
	smallRead = 16 << 10
	gather    = time.Millisecond
	// maxOther bounds every message that is not CopyData, in which values travel.
	maxOther = 1 << 20
	// leaveTimeout is how long the server may take to end a stream, before the connection is closed instead.
	leaveTimeout = 700 * time.Millisecond
	// dropTimeout is how long a slot is waited for that an earlier connection has just let go of.
	dropTimeout = 5 * time.Second
)

// link is what replication connections are used through, one after the other: each serves for one stream of a slot, or
// for commands. While there is one that connects, asks or reads, it belongs to a goroutine, which keeps it alive however slow the reader of the changes is; the backend's thread takes what has come
// and polls the signal. The fields behind mu are shared.
type link struct {
	sig  *dial.Signal
	ctx  context.Context
	stop context.CancelFunc
	room chan struct{} // something was taken, or the stream is to end

	est   *dial.Established // of the goroutine, while there is one
	in    mem.Buffer        // of the goroutine: read, not yet published
	due   time.Time         // of the goroutine: when the server has to hear of us
	every time.Duration
	ask   bool      // for a keepalive each time
	came  time.Time // when something was read

	mu      sync.Mutex
	buf     mem.Buffer // whole CopyData messages, as they came
	facts   *facts     // nil until they are known
	running bool       // a goroutine has the connection
	ended   bool       // it will publish no more
	err     *sqlerr.Error
	result  *result // of a command
	leaving bool    // nobody wants more of this stream
	closed  bool
	waiting bool // the backend's thread wants the signal
	full    bool // the goroutine wants room
	held    bool // there is a socket
	sock    *dial.Sock
}

func newLink() (*link, *sqlerr.Error) {
	sig, err := dial.NewSignal(1)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InsufficientResources, "could not make an eventfd: %w", err)
	}
	l := &link{sig: sig, room: make(chan struct{}, 1)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	invariant.Track("feedlink", 1)
	return l, nil
}

// ---- the backend's side ----

// begin starts the goroutine for one order. The link is idle.
func (l *link) begin(o *order) {
	l.mu.Lock()
	l.facts, l.running, l.ended, l.err, l.leaving = nil, true, false, nil, false
	l.buf.Reset(bufferBytes)
	l.mu.Unlock()
	select {
	case <-l.room: // from the stream before
	default:
	}
	invariant.Go("feed", func() { l.finish(l.work(o)) }, func(err error) { l.finish(sqlerr.From(err)) })
}

// idle reports whether no goroutine has the link; broken: nor will it be of use again.
func (l *link) idle() (idle, broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running {
		l.await()
	}
	return !l.running, !l.running && (l.closed || l.err != nil)
}

// await asks for the signal. mu is held.
func (l *link) await() {
	if !l.waiting {
		l.waiting = true
		l.sig.Clear()
	}
}

// known returns what was learnt before the stream; nil: not yet, and the signal will tell.
func (l *link) known() (*facts, *sqlerr.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.facts != nil:
		return l.facts, nil
	case l.ended:
		return nil, l.err
	}
	l.await()
	return nil, nil
}

// take exchanges into, which is empty, for what has come. Nothing came: either ended, with the reason, or the signal
// will tell.
func (l *link) take(into *mem.Buffer) (ended bool, err *sqlerr.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() > 0 {
		*into, l.buf = l.buf, *into
		l.buf.Reset(2 * bufferBytes)
		if l.full {
			l.full = false
			l.poke()
		}
		return false, nil
	}
	if l.ended {
		return true, l.err
	}
	l.await()
	return false, nil
}

func (l *link) poke() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// leave ends the stream: what has not been taken is dropped.
func (l *link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running || l.leaving {
		return
	}
	l.leaving = true
	l.buf.Reset(0)
	l.poke()
	if l.sock != nil {
		l.sock.Interrupt(dial.ErrWouldBlock)
	}
}

// sockets is how many descriptors of sockets the link has, or may soon have.
func (l *link) sockets() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held || l.running {
		return 1
	}
	return 0
}

// close gives the link up, whatever it does. Its goroutine ends by itself, within leaveTimeout: it lets the server end
// the stream, which frees the slot sooner than a broken connection does.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed, l.leaving = true, true
	l.stop()
	l.poke()
	l.buf.Free()
	l.sig.Release()
	invariant.Track("feedlink", -1)
	if !l.running {
		l.drop()
	} else if l.sock != nil {
		l.sock.Interrupt(dial.ErrWouldBlock)
	}
}

// drop lets the connection go, with a goodbye where there is nobody in the middle of something. No goroutine has it,
// or it is the one that calls.
func (l *link) drop() {
	if l.est != nil {
		_ = l.est.Sock.SetNonblocking(true)
		_ = l.est.Close()
		l.est = nil
	}
	l.held, l.sock = false, nil
	l.in.Free()
}

// ---- the goroutine's side ----

// finish is the end of the goroutine.
func (l *link) finish(err *sqlerr.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running, l.ended = false, true
	if l.err == nil {
		l.err = err
	}
	if err != nil || l.closed {
		l.drop()
	}
	l.signal()
}

// signal tells the backend's thread, if it waits. mu is held.
func (l *link) signal() {
	if l.waiting {
		l.waiting = false
		l.sig.Set()
	}
}

// left reports whether the stream is to end.
func (l *link) left() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leaving
}

// work does what the order says, on the connection that there is or a new one.
func (l *link) work(o *order) *sqlerr.Error {
	if l.est == nil {
		if err := l.connect(o); err != nil {
			return err
		}
	}
	f, err := l.learn(o)
	if err != nil {
		return o.explain(err)
	}
	if err := l.startStream(o, f); err != nil {
		return o.explain(err)
	}
	l.mu.Lock()
	l.facts = f
	l.signal()
	l.mu.Unlock()
	if err := l.stream(); err != nil {
		return o.explain(err)
	}
	// a walsender remembers that its stream has ended (streamingDoneReceiving of walsender.c), and would end the next
	// one at once
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
	return nil
}

func (l *link) connect(o *order) *sqlerr.Error {
	est, err := dial.Dial(l.ctx, o.Params)
	if err != nil {
		return o.unconnected(err)
	}
	if err := est.Sock.SetNonblocking(false); err != nil {
		_ = est.Sock.Close()
		return sqlerr.From(err)
	}
	l.est = est
	if err := l.in.Append(est.Buffered); err != nil {
		return sqlerr.From(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.sock = true, est.Sock
	if l.closed {
		return sqlerr.New(sqlstate.QueryCanceled, "the replication connection was given up")
	}
	return nil
}

// send writes one message, or several.
func (l *link) send(messages ...[]byte) *sqlerr.Error {
	for _, m := range messages {
		if _, err := l.est.Stream.Write(m); err != nil {
			return sqlerr.From(err)
		}
	}
	return nil
}

// message reads the next message, whatever it is; its body is valid until the next call.
func (l *link) message() (typ byte, body []byte, _ *sqlerr.Error) {
	for {
		typ, body, n, need, err := wire.Frame(l.in.Bytes())
		switch {
		case err != nil:
			return 0, nil, protocolError("%v", err)
		case n > 0:
			l.in.Take(n)
			return typ, body, nil
		case need > maxOther:
			return 0, nil, protocolError("message type %q is %d bytes long", typ, need)
		}
		if _, err := l.fill(need); err != nil {
			return 0, nil, sqlerr.From(err)
		}
	}
}

// fill reads more, where a message of need bytes begins.
func (l *link) fill(need int) (int, error) {
	room, err := l.in.Room(max(readBytes, need-l.in.Len()))
	if err != nil {
		return 0, err
	}
	n, err := l.est.Stream.Read(room)
	l.in.Added(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// stream reads until nobody wants more, and has the server end the stream, so that the slot is free.
func (l *link) stream() *sqlerr.Error {
	for !l.left() {
		need, err := l.dispatch()
		if err != nil {
			return err
		}
		if err := l.receive(need); err != nil {
			return err
		}
	}
	return l.endStream()
}

// receive reads more of the stream, and tells the server of us when it is due.
func (l *link) receive(need int) *sqlerr.Error {
	if !time.Now().Before(l.due) {
		if err := l.tell(0); err != nil {
			return err
		}
	}
	_ = l.est.Sock.SetReadDeadline(l.due)
	n, err := l.fill(need)
	if now := time.Now(); err == nil {
		if n < smallRead && now.Sub(l.came) < gather {
			time.Sleep(gather) // more is on its way; what is read at once wakes whoever waits for it once
			now = time.Now()
		}
		l.came = now
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, dial.ErrWouldBlock) {
		return nil
	}
	return sqlerr.From(err)
}

// tell sends a status update: position is what the slot may forget, 0 for nothing new. Of what was merely received
// nothing is said: then the server reports, each time it has come to the end of WAL, that it has.
func (l *link) tell(position uint64) *sqlerr.Error {
	l.due = time.Now().Add(l.every)
	return l.send(statusUpdate(position, time.Now(), l.ask))
}

// dispatch publishes the CopyData that has come; what else comes is dealt with.
func (l *link) dispatch() (need int, _ *sqlerr.Error) {
	for {
		b, run := l.in.Bytes(), 0
		var typ byte
		var body []byte
		for {
			t, msg, n, more, err := wire.Frame(b[run:])
			if err != nil {
				return 0, protocolError("%v", err)
			}
			if n == 0 && more > maxOther && t != 'd' {
				return 0, protocolError("message type %q is %d bytes long", t, more)
			}
			if need = more; n == 0 {
				break
			}
			if t != 'd' {
				typ, body = t, msg
				break
			}
			if len(msg) == keepaliveSize && msg[0] == 'k' && msg[keepaliveSize-1] != 0 {
				l.due = time.Time{} // it wants to hear of us now
			}
			run += n
		}
		if err := l.publish(b[:run]); err != nil {
			return 0, err
		}
		if typ == 0 {
			l.in.Take(run)
			l.in.Shrink(4*bufferBytes, readBytes)
			return need, nil
		}
		if err := l.aside(typ, body); err != nil {
			return 0, err
		}
		l.in.Take(run + 5 + len(body))
	}
}

// aside deals with a message other than CopyData.
func (l *link) aside(typ byte, body []byte) *sqlerr.Error {
	switch typ {
	case 'N', 'S', 'A':
		return nil
	case 'E':
		return errorResponse(body)
	case 'c', 'C', 'Z':
		return sqlerr.New(sqlstate.AdminShutdown, "the server has ended the stream of changes")
	}
	return protocolError("message type %q among changes", typ)
}

func errorResponse(body []byte) *sqlerr.Error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return protocolError("malformed error")
	}
	return sqlerr.FromResponse(&m)
}

// publish hands whole messages over, waiting while there is no room for them.
func (l *link) publish(run []byte) *sqlerr.Error {
	for len(run) > 0 {
		l.mu.Lock()
		if l.leaving {
			l.mu.Unlock()
			return nil
		}
		if l.buf.Len() == 0 || l.buf.Len()+len(run) <= bufferBytes {
			err := l.buf.Append(run)
			l.signal()
			l.mu.Unlock()
			if err != nil {
				return sqlerr.From(err)
			}
			return nil
		}
		l.full = true
		l.mu.Unlock()
		if err := l.waitForRoom(); err != nil {
			return err
		}
	}
	return nil
}

// waitForRoom waits until something was taken, and tells the server of us meanwhile.
func (l *link) waitForRoom() *sqlerr.Error {
	timer := time.NewTimer(time.Until(l.due))
	defer timer.Stop()
	select {
	case <-l.room:
		return nil
	case <-timer.C:
		return l.tell(0)
	}
}

// endStream has the server end the stream, and passes over what is still on its way.
func (l *link) endStream() *sqlerr.Error {
	l.est.Sock.Interrupt(nil)
	deadline := time.Now().Add(leaveTimeout)
	_ = l.est.Sock.SetReadDeadline(deadline)
	_ = l.est.Sock.SetWriteDeadline(deadline)
	if err := l.send([]byte{'c', 0, 0, 0, 4}); err != nil {
		return err
	}
	for {
		typ, _, err := l.skip()
		if err != nil {
			return err
		}
		if typ == 'Z' {
			_ = l.est.Sock.SetReadDeadline(time.Time{})
			_ = l.est.Sock.SetWriteDeadline(time.Time{})
			return nil
		}
	}
}

// skip passes over the next message, however large.
func (l *link) skip() (typ byte, n int, _ *sqlerr.Error) {
	for {
		typ, _, n, need, err := wire.Frame(l.in.Bytes())
		if err != nil {
			return 0, 0, protocolError("%v", err)
		}
		if n > 0 {
			l.in.Take(n)
			return typ, n, nil
		}
		if _, err := l.fill(need); err != nil {
			return 0, 0, sqlerr.From(err)
		}
	}
}

func protocolError(format string, args ...any) *sqlerr.Error {
	e := sqlerr.New(sqlstate.ProtocolViolation, "protocol error on the replication connection").WithDetail(format, args...)
	e.Fatal = true
	return e
}
