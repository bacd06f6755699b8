// Package fetch turns the answer to one statement into batches of rows: it is
// the sink of a session's connection, decodes rows as the executor asks for
// them, and keeps them aside when somebody else needs the connection.
package fetch

import (
	"errors"
	"slices"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/spool"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// Spec is what a scan is made of; it does not change while the scan lives.
type Spec struct {
	Umid        uint32
	Superuser   bool
	SQL         string
	Columns     []wire.Column
	Options     wire.Options
	TempDir     string
	FetchMemory int64  // bytes of rows kept in memory when they have to be set aside
	Expected    int64  // the planner's guess of the result's bytes, <0 unknown
	LocksRows   bool   // the statement locks rows
	FetchSize   int    // rows of the first portion, where read in portions
	MayStop     bool   // may be left before its end, and before Bound
	Bound       int64  // no more rows will be asked for; 0: not known
	Writes      bool   // may write: sent once, as a whole, and may have no rows
	Verb        string // how its command tag has to begin; empty: in any way
}

// Bind is what changes from one execution to the next.
type Bind struct {
	Serializable bool
	ReadOnly     bool
	Alone        bool            // may run without a remote transaction
	Together     Together        // with which others it is waited for
	Params       []session.Param // copied
}

// Together says with which other scans a scan is waited for.
type Together struct {
	Group   uint64 // the same for all of them; 0: with none
	Several bool   // more than one of them is for this user mapping
	MayOpen bool   // a further descriptor may be had
}

// Outcome is what Next has come to.
type Outcome int

const (
	// Rows: Batch holds at least one row.
	Rows Outcome = iota
	// End: there are no more rows.
	End
	// Wait: poll what Waiting says, then ask again.
	Wait
	// Connect: open the user mapping's connection, then ask again.
	Connect
	// Behind: ask again when another scan of the group has come further.
	Behind
)

// Stats counts what a scan has done since it was opened.
type Stats struct {
	Rows, Bytes, Batches, RoundTrips, Executions int64
	Portions                                     int64 // asked for with a row limit
	Spooled, SpoolFile                           int64
	ConnectTime                                  time.Duration
	Affected                                     int64 // by the statement, as it says; -1: not known
}

// mode is what Row does with a row.
type mode int

const (
	hold    mode = iota // leave it unread
	decode              // into the current block
	keep                // into the spool
	discard             // nowhere
)

// phase is where an execution stands.
type phase int

const (
	idle     phase = iota // nothing bound
	bound                 // to be sent
	running               // sent
	finished              // all rows are here or the statement failed
)

// Scan is one statement and its current result. Only the backend's thread
// uses it.
type Scan struct {
	spec   Spec
	pool   *pool.Pool
	phase  phase
	bind   Bind // Params are those of params
	params params
	level  int // local nest level of the current call of Next
	conn   *session.Conn
	cur    *result
	block  *block
	// together: the current call of Next may have to wait for several scans
	together bool
	beside   bool // may have a connection by Together
	fit      fit
	tries    int  // times this execution was sent again
	filled   bool // a block has been filled
	// portion is how many rows to ask for next, 0: all
	portion int

	// kept from one execution to the next, so that a rebind costs little
	req     session.Request
	types   []uint32 // of the parameters that req was made for
	usual   []int16
	fields  []wire.RemoteColumn // what decoder was made for
	decoder *wire.Decoder

	Stats Stats
}

// result is the sink of one execution. It outlives the scan's interest in it:
// a discarded result stays with the connection until its last row is read.
type result struct {
	scan    *Scan
	mode    mode
	decoder *wire.Decoder
	formats []int16
	spool   spool.Spool
	done    bool
	err     *sqlerr.Error
	again   []int16 // formats to ask for instead
	begins  bool    // the execution began the remote transaction
	alone   bool    // ... and was all of it
	portal  string  // suspended: the rest is to be asked for
	rows    int64   // that have come
	bytes   int64   // of these
	cut     bool    // alone: has come as far as was asked for, and no further
	dropped bool    // nobody will read it
}

// guardAbove is the expected size from which a statement gets a savepoint, so
// that it can be cancelled when its rows are no longer wanted. A smaller rest
// is read faster than a cancel request takes.
const guardAbove = 64 << 10

// New makes a scan. Nothing is sent.
func New(pool *pool.Pool, spec Spec) *Scan { return &Scan{spec: spec, pool: pool} }

// Bind starts the statement anew with these parameters; the rest of an earlier
// result is dropped. The statement is sent by the first Next.
func (s *Scan) Bind(b Bind) *sqlerr.Error {
	s.Reset()
	if err := s.params.set(b.Params); err != nil {
		return err
	}
	b.Params = s.params.list
	s.bind, s.phase, s.tries = b, bound, 0
	s.Stats.Affected = -1
	s.Stats.Executions++
	return nil
}

// Reset drops the result.
func (s *Scan) Reset() {
	s.drop()
	s.phase, s.bind = idle, Bind{}
	s.params.free()
}

// Close gives back what the scan holds, and reports whether it may be reopened:
// then nothing refers to it any more, and it keeps what it has learnt of its
// statement, but for texts that are large.
func (s *Scan) Close() (reusable bool) {
	reusable = s.phase == finished && s.cur != nil && s.cur.done && s.cur.err == nil && len(s.spec.SQL) <= keepText
	s.Reset()
	s.fit.close()
	s.block.release()
	s.block = nil
	s.params.values.Reset(keepText)
	if !reusable {
		s.req, s.decoder = session.Request{}, nil
	}
	return reusable
}

// keepText bounds what a closed scan keeps: its statement, its parameters.
const keepText = 4 << 10

// Reopen makes a closed scan one of spec, if it is the same statement with the
// same columns for the same user mapping. Of spec, which is not kept, all else may
// differ.
func (s *Scan) Reopen(spec *Spec) bool {
	if s.spec.Umid != spec.Umid || s.spec.SQL != spec.SQL || s.spec.Options != spec.Options ||
		!slices.Equal(s.spec.Columns, spec.Columns) {
		return false
	}
	sql, columns := s.spec.SQL, s.spec.Columns
	s.spec = *spec
	s.spec.SQL, s.spec.Columns = sql, columns
	s.filled, s.portion, s.Stats = false, 0, Stats{}
	return true
}

// drop loses interest in the current result.
func (s *Scan) drop() {
	if s.cur != nil {
		s.cur.Discard()
		s.conn.ClosePortal(s.cur.portal)
		s.cur, s.conn = nil, nil
	}
	s.release()
}

// Batch is the rows of the last Next that answered Rows. It is valid until the
// next call of Next, Bind, Reset or Close.
func (s *Scan) Batch() (arena *wire.Arena, formats []wire.ValueFormat) {
	return s.block.arena, s.cur.decoder.ValueFormats()
}

// Last reports whether no rows follow those of the last Next.
func (s *Scan) Last() bool { return s.phase == finished }

// Next makes the next batch, as far as it can without waiting. level is the
// local nest level (>= 1) of whoever asks for it: a cursor may be fetched from in
// a sub-transaction that it was not declared in, and what is sent then must be
// undone with that one.
//
// together: what is waited for is one of several things (Bind.Together). Then what
// Waiting says fits (FitsWaitEventSet), or it is "ask again at once"; and no
// two scans wait for one descriptor, as Behind is answered to the second one.
func (s *Scan) Next(level int, together bool) (Outcome, *session.Waiting, *sqlerr.Error) {
	s.level, s.together = level, together && s.bind.Together.Group != 0
	out, w, err := s.next()
	if s.together && w != nil {
		w, err = s.fit.wait(w)
	}
	return out, w, err
}

func (s *Scan) next() (Outcome, *session.Waiting, *sqlerr.Error) {
	if err := s.recycle(); err != nil {
		return End, nil, err
	}
	for {
		switch s.phase {
		case bound:
			if out, w, err := s.start(); out != Rows || err != nil {
				return out, w, err
			}
			if !s.cur.ended() {
				// the remote has hardly got it: a look would be in vain
				return Wait, s.readable(), nil
			}
		case running:
			if out, w, err, decided := s.read(); decided {
				return out, w, err
			}
		default:
			return End, nil, nil
		}
	}
}

// recycle makes the block ready for the next batch: a scan that has filled one
// gets a larger one, and the room of a single large value is given back.
func (s *Scan) recycle() *sqlerr.Error {
	b := s.block
	if b == nil {
		return nil
	}
	if size := len(b.mem); size < largeArena && s.filled || size > 4*largeArena {
		b.release()
		var err *sqlerr.Error
		s.block, err = newBlock(largeArena)
		return err
	}
	b.arena.Reset()
	return nil
}

// start sends the statement once the connection is free. Rows means: sent.
func (s *Scan) start() (Outcome, *session.Waiting, *sqlerr.Error) {
	conn, out, w, err := s.connection()
	if conn == nil {
		return out, w, err
	}
	r := &result{scan: s, spool: spool.Spool{Dir: s.spec.TempDir, Limit: int(s.spec.FetchMemory)}, begins: !conn.Tx.InTransaction()}
	// what functions of a remote view write is then kept even if the local
	// statement fails, so who wants commits to be certain gets none of it
	r.alone = s.bind.Alone && !s.beside && r.begins && !s.bind.ReadOnly && !s.spec.LocksRows && !s.spec.Writes && !s.spec.MayStop && s.pool.LazyCommit(s.spec.Umid)
	s.portion = s.spec.firstPortion()
	s.conn = conn
	req := s.request(r)
	req.Formats = conn.Formats(req, s.usualFormats())
	r.formats = req.Formats
	s.cur, s.phase = r, running
	s.Stats.RoundTrips++
	s.Stats.ConnectTime = s.pool.ConnectTime(s.spec.Umid)
	err = conn.Execute(req)
	req.Sink = nil // the connection has it for as long as it lives
	if err != nil {
		s.finish()
		return End, nil, err
	}
	return Rows, nil, nil
}

// connection is one that is free for the statement; nil: not yet.
func (s *Scan) connection() (*session.Conn, Outcome, *session.Waiting, *sqlerr.Error) {
	if s.together {
		return s.oneOfSeveral()
	}
	conn := s.pool.Lookup(s.spec.Umid)
	if conn == nil {
		return nil, Connect, nil, nil
	}
	if err := s.pool.Authorize(s.spec.Umid, s.spec.Superuser); err != nil {
		return nil, End, nil, err
	}
	if s.spec.Writes {
		conn.LookAlive()
	}
	w, err := conn.SetAside()
	switch {
	case err != nil && err.SendAgain && s.tries == 0:
		s.tries++
		return nil, Connect, nil, nil
	case err != nil:
		return nil, End, nil, err
	case w != nil:
		return nil, Wait, w, nil
	}
	return conn, Rows, nil, nil
}

// request is what the connection is asked for. It is made anew only when the
// types of the parameters change, with which it is remembered.
func (s *Scan) request(r *result) *session.Request {
	if !slices.EqualFunc(s.types, s.bind.Params, func(oid uint32, p session.Param) bool { return oid == p.TypeOID }) {
		s.req, s.types = session.Request{}, s.types[:0]
		for _, p := range s.bind.Params {
			s.types = append(s.types, p.TypeOID)
		}
	}
	req := &s.req
	req.SQL, req.Params, req.Sink = s.spec.SQL, s.bind.Params, r
	req.Level, req.Serializable, req.ReadOnly = s.level, s.bind.Serializable, s.bind.ReadOnly
	req.LocksRows, req.Writes = s.spec.LocksRows || s.spec.Writes, s.spec.Writes
	req.Alone = r.alone
	req.MaxRows = s.portion
	if s.portion > 0 {
		s.Stats.Portions++
	}
	// what stops by itself needs no way back, nor may locks of rows that were
	// returned be given away by one
	req.Guard = s.portion == 0 && !r.alone && !s.spec.Writes && !s.readsSnapshot() && (s.spec.Expected < 0 || s.spec.Expected > guardAbove)
	return req
}

func (s *Scan) usualFormats() []int16 {
	if s.usual == nil && len(s.spec.Columns) > 0 {
		s.usual = wire.Formats(s.spec.Columns, s.spec.Options.Encoding)
		if s.spec.Writes {
			clear(s.usual) // text, which is right whatever the remote's types are: there is no second try
		}
	}
	return s.usual
}

// read fills a batch: from what was set aside first, then from the wire.
func (s *Scan) read() (out Outcome, w *session.Waiting, err *sqlerr.Error, decided bool) {
	r := s.cur
	if r.decoder != nil && s.block == nil {
		if s.block, err = newBlock(smallArena); err != nil {
			return End, nil, err, true
		}
	}
	if full, err := r.replay(); err != nil {
		s.finish()
		return End, nil, err, true
	} else if full {
		s.filled = true
		return s.deliver()
	}
	if r.dropped && (r.err == nil || r.err.SQLState == sqlstate.QueryCanceled) {
		// the end of a transaction has taken the rest, and may have cancelled the
		// statement for it: going on would lose rows
		r.err = sqlerr.New(sqlstate.InvalidCursorState, "rows of a remote statement are gone: the transaction or savepoint in which it was started has ended")
	}
	yielded := false
	if !r.done && r.err == nil && r.portal == "" {
		yielded = s.pump(r)
	}
	if s.block != nil && s.block.arena.Rows() > 0 {
		if r.done && r.err == nil && r.again == nil && !r.cut {
			s.end()
		}
		return s.deliver()
	}
	switch {
	case r.again != nil || r.done && s.recoverable():
		return s.restart()
	case r.err != nil:
		s.finish()
		return End, nil, r.err, true
	case r.cut:
		s.finish()
		return End, nil, sqlerr.New(sqlstate.InternalError, "more rows of a remote statement are wanted than its plan had said"), true
	case r.done:
		s.end()
		return End, nil, nil, true
	case r.portal != "":
		if out, w, err = s.resume(); out == Rows && err == nil {
			return out, nil, nil, false
		}
		return out, w, err, true
	case yielded:
		return Wait, &session.Waiting{FD: -1}, nil, true
	}
	return Wait, s.readable(), nil, true
}

func (s *Scan) readable() *session.Waiting {
	if s.together {
		return s.conn.AnyByte()
	}
	return s.conn.Readable()
}

// end notes that all rows are here.
func (s *Scan) end() {
	s.finish()
	s.cur.spool.Close()
}

// pump decodes what the connection has; yielded: there may be more.
func (s *Scan) pump(r *result) (yielded bool) {
	r.mode = decode
	before := s.conn.BytesRead
	pr := s.conn.Pump(r.ended)
	s.Stats.Bytes += s.conn.BytesRead - before
	s.filled = pr == session.Stopped
	if r.mode == decode {
		r.mode = hold
	}
	return pr == session.Yielded
}

func (s *Scan) deliver() (Outcome, *session.Waiting, *sqlerr.Error, bool) {
	s.Stats.Batches++
	s.Stats.Rows += int64(s.block.arena.Rows())
	return Rows, nil, nil, true
}

// restart sends the statement again: with other formats, or because what was
// known of the connection or the prepared statement turned out to be old.
func (s *Scan) restart() (Outcome, *session.Waiting, *sqlerr.Error, bool) {
	r := s.cur
	if r.again != nil {
		s.conn.Override(&session.Request{SQL: s.spec.SQL, Params: s.bind.Params}, r.again)
	}
	s.drop()
	s.tries++
	s.phase = bound
	return End, nil, nil, false
}

// ended stops the pumping for this result.
func (r *result) ended() bool {
	return r.done || r.err != nil || r.again != nil || r.portal != ""
}

// recoverable reports whether a failed execution may be sent once more, and
// brings the remote transaction to where it can be.
func (s *Scan) recoverable() bool {
	r := s.cur
	if r.err == nil || !r.err.SendAgain || s.spec.Writes || s.tries > 0 || r.rows > 0 {
		return false
	}
	return s.conn.Broken() != nil || s.conn.Rewind(r.begins)
}

// Fields implements session.Sink: it settles how each column is decoded.
func (r *result) Fields(fields []wire.RemoteColumn) *sqlerr.Error {
	if r.mode == discard && r.decoder == nil {
		return nil
	}
	cols := r.scan.spec.Columns
	if len(cols) == 0 {
		fields = nil // rows are only counted
	}
	s := r.scan
	if s.decoder != nil && slices.Equal(fields, s.fields) {
		r.decoder = s.decoder
		return nil
	}
	d, err := wire.NewDecoder(cols, fields, s.spec.Options)
	if err != nil {
		return r.mismatched(err)
	}
	r.decoder, s.decoder, s.fields = d, d, slices.Clone(fields)
	return nil
}

// mismatched asks again for text where binary values cannot be used.
func (r *result) mismatched(err error) *sqlerr.Error {
	r.mode = discard
	var mismatch *wire.FormatMismatch
	if !errors.As(err, &mismatch) || r.scan.tries >= 2 || r.scan.spec.Writes {
		r.err = valueError(err, r.scan.spec)
		return r.err
	}
	r.again = append([]int16(nil), r.formats...)
	for _, i := range mismatch.Columns {
		r.again[i] = 0
	}
	return nil
}

// Row implements session.Sink.
func (r *result) Row(body []byte) (taken bool, err *sqlerr.Error) {
	switch r.mode {
	case hold:
		return false, nil
	case decode:
		if taken, err = r.decode(body); err != nil {
			r.mode, r.err = discard, err
		}
		if !taken {
			return false, err
		}
	case keep:
		r.scan.Stats.Bytes += int64(len(body)) + 5 // read by another scan's call
		err = r.setRowAside(body)
	}
	r.rows++
	r.bytes += int64(len(body))
	return true, err
}

func (r *result) setRowAside(body []byte) *sqlerr.Error {
	filed := r.spool.Filed
	if err := r.spool.Add(nil, body); err != nil {
		r.mode, r.err = discard, spoolError(err)
		return r.err
	}
	r.scan.Stats.Spooled += int64(len(body))
	r.scan.Stats.SpoolFile += r.spool.Filed - filed
	return nil
}

func spoolError(err error) *sqlerr.Error { return spool.Error(err, "rows set aside") }

// decode appends a row to the scan's block, exchanging an empty block that is
// too small for the row. taken false: the block is full.
func (r *result) decode(body []byte) (taken bool, _ *sqlerr.Error) {
	if r.decoder == nil {
		return true, sqlerr.New(sqlstate.ProtocolViolation, "a row came before its description")
	}
	s := r.scan
	if s.block == nil {
		var err *sqlerr.Error
		if s.block, err = newBlock(smallArena); err != nil {
			return true, err
		}
	}
	err := r.decoder.Decode(s.block.arena, body)
	if err == nil {
		return true, nil
	}
	if err == wire.ErrFull {
		if s.block.arena.Rows() > 0 {
			return false, nil
		}
		s.block.release()
		b, e := newBlock(r.decoder.Need(body))
		s.block = b
		if e != nil {
			return true, e
		}
		if err = r.decoder.Decode(b.arena, body); err == nil {
			return true, nil
		}
	}
	return true, valueError(err, s.spec)
}

// replay decodes rows that were set aside; full: a batch is ready.
func (r *result) replay() (full bool, _ *sqlerr.Error) {
	for {
		body, err := r.spool.Peek()
		if err != nil {
			return false, spoolError(err)
		}
		if body == nil {
			return false, nil
		}
		taken, e := r.decode(body)
		if e != nil {
			return false, e
		}
		if !taken {
			return true, nil
		}
		r.spool.Next(body)
	}
}

// Done implements session.Sink.
func (r *result) Done(err *sqlerr.Error) {
	r.done = true
	if r.err == nil {
		r.err = err
	}
}

// Completed implements session.TagSink.
func (r *result) Completed(tag []byte) *sqlerr.Error {
	if r.mode == discard {
		return nil
	}
	spec := &r.scan.spec
	if said, _, _ := strings.Cut(string(tag), " "); spec.Verb != "" && !strings.EqualFold(said, spec.Verb) {
		e := sqlerr.New(sqlstate.CardinalityViolation, "server \"%s\" has answered %q", r.scan.conn.Server, tag)
		e.RemoteSQL = spec.SQL
		return e
	}
	if n, ok := session.TagCount(tag); ok {
		r.scan.Stats.Affected = n
	}
	return nil
}

// Discard implements session.Sink.
func (r *result) Discard() {
	r.mode, r.dropped = discard, true
	r.spool.Close()
}

// Keep implements session.Sink.
func (r *result) Keep() bool {
	if r.mode == discard {
		return false
	}
	r.mode = keep
	return true
}

func valueError(err error, spec Spec) *sqlerr.Error {
	e := *sqlerr.From(err)
	var v *wire.ValueError
	if errors.As(err, &v) {
		e.SQLState, e.ColumnIndex = v.SQLState, v.Column
	}
	e.RemoteSQL = spec.SQL
	return &e
}
