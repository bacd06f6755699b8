package feed

import (
	"encoding/binary"
	"errors"
	"slices"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/spool"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// Batch memory is mapped, not allocated: C reads it without a call.
const batchBytes = 256 << 10

// keepRow is how much memory stays from one row to the next.
const keepRow = 64 << 10

// phase is where a feed stands.
type phase int

const (
	opened  phase = iota // never started, or to be started anew
	joining              // started; a pass is to be found for it
	reading
	ended
)

// Feed is what one scan of a feed table reads.
type Feed struct {
	spec  Spec
	slot  *slot
	feeds *Feeds
	phase phase
	src   Source
	conds conditions

	pass   *pass // that has rows for it; also of one that has not started
	spool  spool.Spool
	marked bool   // the latest in spool is the end of a transaction
	over   bool   // the pass has come beyond what its conditions let through
	upto   uint64 // over: end of the last transaction before

	shapes  []*shape
	byRel   map[uint32]int // of relations in their present state
	block   []byte
	arena   *wire.Arena
	current int // shape of the rows in arena

	// what the last batch has brought, and has been given out once the next one is asked for
	pending  uint64
	replayed uint64 // end of the last transaction taken out of spool
	level    int
	deepest  int  // nest level at which rows were given out
	tainted  bool // rows were given to a sub-transaction that was rolled back

	row     mem.Buffer
	json    mem.Buffer
	vals    [][]byte
	small   []byte
	objects []object

	stats Stats
}

// Start makes the feed begin at its first row. Conditions are those that rows are going to be checked by.
func (f *Feed) Start(src Source, conds []Condition) {
	again := f.phase != opened
	if again {
		f.leave()
	}
	f.src, f.conds, f.phase = src, conditions{list: conds}, joining
	f.conds.settle()
	f.pending, f.replayed, f.deepest, f.tainted = 0, 0, 0, false
}

// leave drops what is left of a pass.
func (f *Feed) leave() {
	if f.pass != nil {
		f.pass.dismiss(f)
	}
	f.forget()
}

// forget drops all that came from a pass.
func (f *Feed) forget() {
	f.pass, f.shapes, f.byRel, f.over, f.upto, f.marked = nil, nil, nil, false, 0, false
	f.spool.Close()
}

// lose is the end of the transaction in which the feed was read.
func (f *Feed) lose() {
	f.forget()
	if f.phase != opened {
		f.phase = ended
	}
	f.pending = 0
}

// Close gives back what the feed holds.
func (f *Feed) Close() {
	f.leave()
	f.phase = ended
	f.release()
	f.row.Free()
	f.json.Free()
	f.slot.remove(f)
	if len(f.slot.feeds) == 0 && f.slot.pass != nil {
		f.slot.pass.abandon() // the slot is let go as soon as nobody reads it
	}
}

func (f *Feed) release() {
	if f.block != nil {
		mem.Unmap("arena", f.block)
		f.block, f.arena = nil, nil
	}
}

// Stats returns the counters.
func (f *Feed) Stats() Stats { return f.stats }

// Batch is the rows of the last Next that answered Rows, valid until the next call.
func (f *Feed) Batch() (*wire.Arena, []wire.ValueFormat) {
	return f.arena, f.shapes[f.current].decoder.ValueFormats()
}

// Next makes the next batch as far as it can without waiting. level is the local nest level (>= 1) of whoever asks.
func (f *Feed) Next(level int) (Outcome, *Wait, *sqlerr.Error) {
	f.given(level)
	if err := f.recycle(); err != nil {
		return End, nil, err
	}
	for {
		switch f.phase {
		case joining:
			w, err := f.slot.join(f)
			if err != nil {
				f.phase = ended
				return End, nil, err
			}
			if w != nil {
				return Waiting, w, nil
			}
		case reading:
			out, w, err := f.read()
			if err != nil {
				f.phase = ended
			}
			return out, w, err
		default:
			return End, nil, nil
		}
	}
}

// given notes that all rows of the last batch have been given out.
func (f *Feed) given(level int) {
	if f.pending != 0 && !f.tainted {
		f.slot.notes.add(f.spec.RelID, max(level, f.level), f.pending)
	}
	f.pending, f.level = 0, level
	f.deepest = max(f.deepest, level)
}

func (f *Feed) recycle() *sqlerr.Error {
	if len(f.block) == batchBytes {
		f.arena.Reset()
		return nil
	}
	f.release()
	return f.room(batchBytes)
}

func (f *Feed) room(size int) *sqlerr.Error {
	b, err := mem.Map("arena", max(size, batchBytes))
	if err != nil {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for rows: %w", err)
	}
	f.block, f.arena = b, wire.NewArena(b)
	return nil
}

// read fills a batch: from what was set aside first, then from the pass.
func (f *Feed) read() (Outcome, *Wait, *sqlerr.Error) {
	full, err := f.replay()
	if err != nil {
		return End, nil, err
	}
	p := f.pass
	var w *Wait
	if !full && !f.over {
		if w, err = p.pump(f); err != nil && f.arena.Rows() == 0 {
			return End, nil, err
		}
	}
	if f.arena.Rows() > 0 {
		f.pending = f.reached()
		f.stats.Rows += int64(f.arena.Rows())
		f.slot.notes.rows += int64(f.arena.Rows())
		return Rows, nil, nil
	}
	switch {
	case w != nil:
		return Waiting, w, nil
	case f.over:
		f.pending = f.upto
	default:
		f.pending = p.upto
	}
	f.phase = ended
	f.given(f.level)
	return End, nil, nil
}

// reached is the end of the last transaction all rows of which are in this batch or an earlier one.
func (f *Feed) reached() uint64 {
	if body, err := f.spool.Peek(); body != nil || err != nil {
		return f.replayed
	}
	return f.pass.last
}

// Kinds of records in a feed's spool.
const (
	spooledRow = iota // shape uint32, body of a DataRow
	spooledEnd        // end of a transaction, uint64
)

// replay decodes rows that were set aside; full: a batch is ready.
func (f *Feed) replay() (full bool, _ *sqlerr.Error) {
	for {
		rec, err := f.spool.Peek()
		if err != nil {
			return false, spoolError(err)
		}
		if rec == nil {
			return false, nil
		}
		if rec[0] == spooledEnd {
			f.replayed = binary.NativeEndian.Uint64(rec[1:])
		} else {
			taken, e := f.decode(int(binary.NativeEndian.Uint32(rec[1:])), rec[5:])
			if e != nil || !taken {
				return !taken, e
			}
		}
		f.spool.Next(rec)
	}
}

func spoolError(err error) *sqlerr.Error { return spool.Error(err, "changes set aside") }

// take puts a row of an event where its scan will find it: into the batch when it is the one that asks and there is
// room, else into the spool. full: no more fits in the batch.
func (f *Feed) take(e *event, direct bool) (full bool, _ *sqlerr.Error) {
	at, err := f.compose(e)
	if err != nil {
		return false, err
	}
	if direct {
		taken, err := f.decode(at, f.row.Bytes())
		if taken || err != nil {
			return false, err
		}
	}
	head := binary.NativeEndian.AppendUint32([]byte{spooledRow}, uint32(at))
	return true, f.setAside(head, f.row.Bytes())
}

func (f *Feed) setAside(head, body []byte) *sqlerr.Error {
	f.spool.Dir, f.spool.Limit = f.spec.TempDir, int(f.spec.FetchMemory)
	filed := f.spool.Filed
	if err := f.spool.Add(head, body); err != nil {
		return spoolError(err)
	}
	f.stats.Spooled += int64(len(head) + len(body))
	f.stats.SpoolFile += f.spool.Filed - filed
	f.marked = head[0] == spooledEnd
	return nil
}

// mark notes the end of a transaction among the rows set aside.
func (f *Feed) mark(end uint64) *sqlerr.Error {
	if f.marked {
		return nil
	}
	if body, err := f.spool.Peek(); body == nil && err == nil {
		return nil
	}
	return f.setAside(binary.NativeEndian.AppendUint64([]byte{spooledEnd}, end), nil)
}

// shapeOf finds how rows of the event's relation are made; errNeedText: not from binary values.
func (f *Feed) shapeOf(e *event) error {
	oid := uint32(0)
	if e.rel != nil {
		oid = e.rel.oid
	}
	p := f.pass
	at, known := f.byRel[oid]
	if !known || f.shapes[at].rel != e.rel {
		s, err := newShape(f.spec.Columns, e.rel, p.types, !p.text, f.spec.Options)
		if err != nil {
			return err
		}
		at = f.addShape(oid, s)
	}
	for _, t := range []tuple{e.new, e.old} {
		s, err := f.shapes[at].takes(t, f.spec.Columns, p.types, f.spec.Options, f.uses(at))
		if err != nil {
			return err
		}
		if s != f.shapes[at] {
			at = f.addShape(oid, s)
		}
	}
	return nil
}

func (f *Feed) addShape(oid uint32, s *shape) (at int) {
	if f.byRel == nil {
		f.byRel = map[uint32]int{}
	}
	f.shapes = append(f.shapes, s)
	f.byRel[oid] = len(f.shapes) - 1
	return f.byRel[oid]
}

// compose makes the body of a DataRow of the event, in f.row, and says which shape it has.
func (f *Feed) compose(e *event) (at int, _ *sqlerr.Error) {
	oid := uint32(0)
	if e.rel != nil {
		oid = e.rel.oid
	}
	at = f.byRel[oid]
	vals, err := f.values(e, f.shapes[at])
	if err != nil {
		return 0, err
	}
	size := 2
	for _, v := range vals {
		size += 4 + len(v)
	}
	f.row.Reset(keepRow)
	room, noRoom := f.row.Room(size)
	if noRoom != nil {
		return 0, sqlerr.New(sqlstate.OutOfMemory, "out of memory for a changed row: %w", noRoom)
	}
	be.PutUint16(room, uint16(len(vals)))
	out := 2
	for _, v := range vals {
		if v == nil {
			be.PutUint32(room[out:], 0xffffffff)
			out += 4
			continue
		}
		be.PutUint32(room[out:], uint32(len(v)))
		out += 4 + copy(room[out+4:], v)
	}
	f.row.Added(size)
	return at, nil
}

// decode appends a row to the batch. taken false: there is no room, or rows of another form are in it.
func (f *Feed) decode(at int, body []byte) (taken bool, _ *sqlerr.Error) {
	d := f.shapes[at].decoder
	if f.arena.Rows() > 0 && at != f.current {
		if !slices.Equal(d.ValueFormats(), f.shapes[f.current].decoder.ValueFormats()) {
			return false, nil
		}
	}
	err := d.Decode(f.arena, body)
	if err == wire.ErrFull {
		if f.arena.Rows() > 0 {
			return false, nil
		}
		f.release()
		if e := f.room(d.Need(body)); e != nil {
			return false, e
		}
		err = d.Decode(f.arena, body)
	}
	if err != nil {
		return false, f.valueError(err, f.shapes[at].rel)
	}
	f.current = at
	return true, nil
}

// valueError names table and column of a value that cannot be accepted.
func (f *Feed) valueError(err error, rel *relation) *sqlerr.Error {
	e := *sqlerr.From(err)
	var v *wire.ValueError
	if errors.As(err, &v) {
		e.SQLState, e.ColumnIndex = v.SQLState, v.Column
	}
	if rel != nil {
		e.Context = "change of remote table " + rel.String()
		if f.pass.tx.commit != 0 {
			e.Context += " committed at " + formatLSN(f.pass.tx.commit)
		}
	}
	return &e
}

// uses reports whether rows of a shape may still have to be decoded by it.
func (f *Feed) uses(at int) bool {
	body, err := f.spool.Peek()
	return body != nil || err != nil || f.arena != nil && f.arena.Rows() > 0 && f.current == at
}

// track counts a feed's pass.
func (f *Feed) track() {
	f.stats.Passes++
	invariant.MaybePanic("feed_pass")
}
