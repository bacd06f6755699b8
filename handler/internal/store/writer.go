// Package store sends rows to a remote table: it buffers them, keeps several
// packets of statements, or a COPY, under way, and counts what the remote says it
// has done.
package store

import (
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// Spec is what a writer is made of.
type Spec struct {
	Umid      uint32
	Superuser bool
	SQL       string   // for one row
	Types     []uint32 // of its parameters; 0: inferred by the remote
	Formats   []int16  // the same
	// Values is where in SQL the row of VALUES stands, which may be repeated; empty: it may not.
	Values  Span
	Columns []wire.Column // of RETURNING
	Options wire.Options
	Exact   bool // each row has to change one, else one or none
	Any     bool // ... or any number
}

// Span is a part of a text.
type Span struct{ At, Len int }

// Mode is what the local transaction is like at the time of a call.
type Mode struct {
	Level                  int // nest level
	Serializable, ReadOnly bool
}

// Outcome is what a call has come to.
type Outcome int

const (
	// Done: it did what was asked for.
	Done Outcome = iota
	// Wait: poll what Waiting says, then ask again.
	Wait
	// Connect: open the user mapping's connection, then ask again.
	Connect
)

// Stats counts what a writer has done.
type Stats struct {
	Rows, Bytes, Exchanges, Copies, RoundTrips int64
}

// Writer is one modification. Only the backend's thread uses it.
type Writer struct {
	spec Spec
	pool *pool.Pool
	conn *session.Conn
	mode Mode

	// What is not sent. In between, rows are sent at once while nothing is under
	// way, so that the remote has something to do, then packet by packet.
	unsent mem.Buffer
	count  int // rows of it

	copySQL string // "": by statements
	copying bool   // a COPY is under way, and its end not sent
	headed  bool   // ... and its beginning is
	copy    *copied
	unseen  int // bytes taken since the last look at what the remote says
	flight  flight
	err     *sqlerr.Error
	closed  bool

	total    int64 // rows handed over
	sent     int64 // rows sent
	affected int64
	returned returned
	single   session.Part
	several  session.Part
	values   [][]byte
	list     []session.Part

	Stats Stats
}

// flight is what is sent and not answered.
type flight struct {
	answers int
	bytes   int
}

// Bounds on what is held back and under way.
const (
	// packetBytes of rows are worth a packet of their own.
	packetBytes = 64 << 10
	// lookBytes of rows are worth a look at what the remote has said.
	lookBytes = 8 << 10
	// maxUnsent is from where on no more is taken.
	maxUnsent = 256 << 10
	// maxFlight is the same for what is not answered.
	maxFlight = 1 << 20
	// keepUnsent is how much memory stays between packets.
	keepUnsent = 128 << 10
)

// New makes a writer. Nothing is sent.
func New(p *pool.Pool, spec Spec) *Writer { return &Writer{spec: spec, pool: p} }

// Copy makes rows go by a COPY from now on; "": by the statement.
func (w *Writer) Copy(sql string) { w.copySQL = sql }

// Rows takes n images (see bridge.h), all or none of them.
func (w *Writer) Rows(mode Mode, images []byte, n int) (Outcome, *session.Waiting, *sqlerr.Error) {
	if w.err != nil {
		return Done, nil, w.err
	}
	if out, wait, err := w.acquire(mode); out != Done || err != nil {
		return out, wait, err
	}
	if wait := w.makeRoom(); wait != nil || w.err != nil {
		return w.answer(wait)
	}
	w.mode = mode
	w.total += int64(n)
	w.Stats.Rows += int64(n)
	w.Stats.Bytes += int64(len(images))
	w.unseen += len(images)
	if w.copying && w.conn.CopyStarted() && w.count == 0 && len(images) >= packetBytes {
		w.copyData(images, n)
		w.look()
		return w.answer(nil)
	}
	if err := w.unsent.Append(images); err != nil {
		return Done, nil, sqlerr.New(sqlstate.OutOfMemory, "out of memory for rows to be written: %w", err)
	}
	w.count += n
	w.conn.Hold(w)
	w.advance()
	return w.answer(nil)
}

// answer is that of a call which may have to wait, or has failed.
func (w *Writer) answer(wait *session.Waiting) (Outcome, *session.Waiting, *sqlerr.Error) {
	switch {
	case w.err != nil:
		return Done, nil, w.err
	case wait != nil:
		return Wait, wait, nil
	}
	return Done, nil, nil
}

// acquire makes the connection this writer's. It is while something of it is
// under way or held back.
func (w *Writer) acquire(mode Mode) (Outcome, *session.Waiting, *sqlerr.Error) {
	if w.busy() {
		if w.mode == mode {
			return Done, nil, nil
		}
		// what belongs to another level goes first
		if wait := w.settle(); wait != nil || w.err != nil {
			return w.answer(wait)
		}
	}
	conn := w.pool.Lookup(w.spec.Umid)
	if conn == nil {
		return Connect, nil, nil
	}
	if err := w.pool.Authorize(w.spec.Umid, w.spec.Superuser); err != nil {
		return Done, nil, err
	}
	if conn.OnlyWriters(mode.Level) {
		w.conn = conn
		return Done, nil, nil
	}
	conn.LookAlive()
	wait, err := conn.SetAside()
	if err != nil && err.SendAgain && w.total == 0 {
		return Connect, nil, nil
	}
	if err != nil || wait != nil {
		return Wait, wait, err
	}
	w.conn = conn
	return Done, nil, nil
}

// busy reports whether the connection is this writer's.
func (w *Writer) busy() bool {
	return w.conn != nil && (w.flight.answers > 0 || w.copying || w.count > 0)
}

// makeRoom sees to it that no more is under way than may be.
func (w *Writer) makeRoom() *session.Waiting {
	for w.full() {
		wait := w.pump(func() bool { return !w.full() })
		if w.advance(); w.err != nil {
			return nil
		}
		if wait != nil && w.full() {
			return wait
		}
	}
	return nil
}

// look sees what the remote has to say about a COPY, now and then.
func (w *Writer) look() {
	if w.unseen >= lookBytes {
		w.unseen = 0
		w.conn.Pump(func() bool { return !w.copying })
	}
}

func (w *Writer) full() bool {
	return w.unsent.Len() >= maxUnsent || w.flight.bytes >= maxFlight ||
		w.copying && w.conn.Unwritten() >= maxUnsent
}

// advance sends what is worth it.
func (w *Writer) advance() {
	if w.count == 0 || w.err != nil {
		return
	}
	n := w.unsent.Len()
	if w.copying {
		if n >= packetBytes {
			w.advanceCopy()
		}
		w.look()
		return
	}
	if w.flight.answers > 0 && w.unseen >= lookBytes && n < packetBytes {
		w.unseen = 0
		w.conn.Pump(func() bool { return w.flight.answers == 0 })
	}
	// what another writer copies is not ended for less than a packet
	worth := n >= packetBytes || w.flight.answers == 0 && !w.conn.Copying()
	if !worth || w.conn.EndOthersCopy(w) != nil {
		return
	}
	if w.copySQL != "" {
		w.advanceCopy()
	} else if w.conn.Pipelines() {
		w.send()
	}
}

// Flush implements session.Unsent.
func (w *Writer) Flush() *session.Waiting {
	for w.err == nil && w.count > 0 && !w.copying {
		if wait := w.conn.EndOthersCopy(w); wait != nil {
			return wait
		}
		switch {
		case w.copySQL != "":
			w.advanceCopy()
		case w.conn.Pipelines():
			w.send()
		}
		if w.count == 0 || w.copying {
			break
		}
		if wait := w.pump(w.conn.Pipelines); wait != nil {
			return wait
		}
	}
	if wait := w.EndCopy(); wait != nil {
		return wait
	}
	w.release()
	return nil
}

// EndCopy implements session.Unsent.
func (w *Writer) EndCopy() *session.Waiting {
	for w.copying && w.err == nil {
		if w.conn.CopyStarted() {
			w.advanceCopy()
			w.endCopy()
			w.release()
			break
		}
		if wait := w.pump(func() bool { return !w.copying || w.conn.CopyStarted() }); wait != nil {
			return wait
		}
	}
	return nil
}

// pump takes answers until done holds; else it says what to wait for.
func (w *Writer) pump(done func() bool) *session.Waiting {
	switch pr := w.conn.Pump(done); pr {
	case session.Blocked, session.Yielded:
		return w.conn.WaitAfter(pr)
	case session.Failed:
		w.fail(w.conn.Broken())
	}
	return nil
}

// release tells that nothing is held back any more.
func (w *Writer) release() {
	if w.conn != nil {
		w.conn.Release(w)
	}
	w.unsent.Reset(keepUnsent)
	w.count, w.copying = 0, false
	if w.closed {
		w.unsent.Free()
	}
}

// Level implements session.Unsent.
func (w *Writer) Level() int { return w.mode.Level }

// SubCommit implements session.Unsent.
func (w *Writer) SubCommit(level int) { w.mode.Level = min(w.mode.Level, max(level-1, 1)) }

// Drop implements session.Unsent.
func (w *Writer) Drop() {
	w.fail(sqlerr.New(sqlstate.InFailedSQLTransaction, "rows that were to be written are gone: the transaction or savepoint they belong to has been rolled back"))
	w.unsent.Free()
	w.count, w.copying = 0, false
}

// fail keeps the first error. Where another writer's statement has failed in front
// of this one's, it is that one's.
func (w *Writer) fail(err *sqlerr.Error) {
	if err.SQLState == sqlstate.InFailedSQLTransaction && w.conn != nil && w.conn.Tx.Failed() {
		err = w.conn.Failure()
	}
	if w.err == nil {
		w.err = err
	}
}

// settle sends all and takes the answers.
func (w *Writer) settle() *session.Waiting {
	if wait := w.Flush(); wait != nil {
		return wait
	}
	if w.flight.answers > 0 {
		pr := w.conn.Pump(func() bool { return w.flight.answers == 0 })
		if pr == session.Blocked || pr == session.Yielded {
			return w.conn.WaitAfter(pr)
		}
	}
	return nil
}

// Finish sends what is left and takes the answers. With Done come the number of
// rows changed since the last Finish, and whether rows are left that Batch is to
// be asked for.
func (w *Writer) Finish() (affected int64, out Outcome, wait *session.Waiting, err *sqlerr.Error) {
	if w.busy() && w.err == nil {
		if wait = w.settle(); wait != nil {
			w.Stats.RoundTrips++
			return 0, Wait, wait, nil
		}
	}
	if w.err != nil {
		return 0, Done, nil, w.err
	}
	if err = w.returned.decode(w); err != nil {
		w.fail(err)
		return 0, Done, nil, err
	}
	affected = w.affected
	if w.returned.last() {
		w.affected = 0
	}
	return affected, Done, nil, nil
}

// Close gives back what the writer holds. What it has not sent is sent when the
// connection is next used, or when the transaction commits, unless it is rolled back.
func (w *Writer) Close() {
	w.closed = true
	w.returned.free()
	if w.count == 0 && !w.copying {
		w.unsent.Free()
	}
}
