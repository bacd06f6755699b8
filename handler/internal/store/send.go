package store

import (
	"encoding/binary"
	"strings"

	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// request tells the connection of the transaction.
func (w *Writer) request(sql string) *session.Request {
	return &session.Request{SQL: sql, Level: w.mode.Level, Serializable: w.mode.Serializable, ReadOnly: w.mode.ReadOnly}
}

// send sends all that is held back, in one packet.
func (w *Writer) send() {
	if err := w.split(); err != nil {
		w.fail(err)
		w.release()
		return
	}
	parts := w.parts()
	req := w.request(w.spec.SQL)
	w.Stats.Exchanges++
	w.flight.bytes += w.unsent.Len()
	w.flight.answers += len(parts)
	err := w.conn.Write(req, parts)
	clear(w.values)
	clear(w.list)
	w.values = w.values[:0]
	w.sent += int64(w.count)
	w.count = 0
	w.unsent.Reset(keepUnsent)
	w.release()
	if err != nil {
		w.fail(err)
	}
}

// split finds the values of each row in what is held back.
func (w *Writer) split() *sqlerr.Error {
	in := w.unsent.Bytes()
	for range w.count {
		size, ok := imageSize(in, len(w.spec.Types))
		if !ok {
			return sqlerr.New(sqlstate.InternalError, "a row to be written is malformed")
		}
		w.values = append(w.values, in[2:size])
		in = in[size:]
	}
	if len(in) != 0 {
		return sqlerr.New(sqlstate.InternalError, "there are more rows to be written than was said")
	}
	return nil
}

// imageSize is the length of the image of n values at the beginning of in.
func imageSize(in []byte, n int) (int, bool) {
	if len(in) < 2 || int(binary.BigEndian.Uint16(in)) != n {
		return 0, false
	}
	at := 2
	for range n {
		if len(in)-at < 4 {
			return 0, false
		}
		length := int(int32(binary.BigEndian.Uint32(in[at:])))
		at += 4
		if length < -1 || length > len(in)-at {
			return 0, false
		}
		at += max(length, 0)
	}
	return at, true
}

// parts are the statements for w.values.
func (w *Writer) parts() []session.Part {
	w.prepare()
	parts := w.list[:0]
	bytes, rows := w.unsent.Len(), w.values
	if per := w.rowsPerStatement(); per > 1 && len(rows) >= per {
		n := len(rows) / per * per
		parts = append(parts, w.part(w.partOfSeveral(per), rows[:n], 0))
		rows = rows[n:]
	}
	if len(rows) > 0 {
		parts = append(parts, w.part(w.single, rows, len(w.values)-len(rows)))
	}
	parts[len(parts)-1].Sink.(*answer).bytes = bytes
	w.list = parts
	return parts
}

// part is one statement for rows; so many of this packet come before them.
func (w *Writer) part(p session.Part, rows [][]byte, before int) session.Part {
	p.Rows = rows
	p.Sink = &answer{w: w, first: w.sent + int64(before), rows: len(rows), per: p.PerBind}
	return p
}

// prepare makes what the statement is sent with. Rows it returns come as text
// as long as their types are not known: it cannot be sent again in other formats.
func (w *Writer) prepare() {
	p := &w.single
	if p.SQL == "" {
		*p = session.Part{SQL: w.spec.SQL, Types: w.spec.Types, ParamFormats: w.spec.Formats,
			Returns: len(w.spec.Columns) > 0, PerBind: 1}
	}
	if p.Returns && !w.returned.binary {
		p.Formats = make([]int16, len(w.spec.Columns))
		w.returned.binary = w.returned.formats(p.Formats, w.spec.Columns, w.spec.Options)
	}
}

// answer is the sink of one statement and its executions.
type answer struct {
	w       *Writer
	first   int64 // number of rows sent before it
	rows    int
	per     int // of one execution
	at      int // of rows, those that are through
	got     int64
	bytes   int
	dropped bool
}

// Fields implements session.Sink.
func (a *answer) Fields(fields []wire.RemoteColumn) *sqlerr.Error {
	if a.dropped {
		return nil
	}
	return a.w.returned.describe(fields, &a.w.spec)
}

// Row implements session.Sink.
func (a *answer) Row(body []byte) (bool, *sqlerr.Error) {
	a.got++
	switch {
	case a.dropped:
		return true, nil
	case len(a.w.spec.Columns) == 0:
		return true, a.wrong("rows came from server \"%s\" for a statement that returns none", a.w.conn.Server)
	}
	return true, a.w.returned.add(body)
}

// Completed implements session.TagSink: the remote says how many rows an
// execution has changed.
func (a *answer) Completed(tag []byte) *sqlerr.Error {
	n, counted := session.TagCount(tag)
	got := a.got
	a.at, a.got = a.at+a.per, 0
	if a.dropped {
		return nil
	}
	spec := &a.w.spec
	switch {
	case spec.Any:
	case !sameVerb(tag, spec.SQL):
		return a.wrong("server \"%s\" has answered %q", a.w.conn.Server, tag)
	case !counted:
		return a.wrong("server \"%s\" has not said how many rows it has changed (%q)", a.w.conn.Server, tag)
	case n > int64(a.per):
		return a.wrong("a statement that is to change %d rows has changed %d on server \"%s\"", a.per, n, a.w.conn.Server)
	case spec.Exact && n != int64(a.per):
		return a.wrong("a statement that is to change %d rows has changed %d on server \"%s\"", a.per, n, a.w.conn.Server)
	}
	if len(spec.Columns) > 0 && got != n {
		return a.wrong("a statement that has changed %d rows has returned %d on server \"%s\"", n, got, a.w.conn.Server)
	}
	a.w.affected += n
	return nil
}

// sameVerb reports whether a command tag begins as the statement does.
func sameVerb(tag []byte, sql string) bool {
	verb, _, _ := strings.Cut(sql, " ")
	said, _, _ := strings.Cut(string(tag), " ")
	return strings.EqualFold(verb, said)
}

// wrong is the error of an answer that cannot be. Whatever it was that the remote
// has done must not be committed.
func (a *answer) wrong(format string, args ...any) *sqlerr.Error {
	e := sqlerr.New(sqlstate.CardinalityViolation, format, args...)
	e.RemoteSQL = a.w.spec.SQL
	return e
}

// Done implements session.Sink.
func (a *answer) Done(err *sqlerr.Error) {
	a.w.flight.answers--
	a.w.flight.bytes -= a.bytes
	if err == nil || a.dropped {
		return
	}
	err = a.place(err)
	a.w.conn.MarkWriteFailed(err)
	a.w.fail(err)
}

// place says which of several rows an error is about.
func (a *answer) place(err *sqlerr.Error) *sqlerr.Error {
	if a.rows == 1 && a.first == 0 {
		return err
	}
	e := *err
	where := rowsFrom(a.first+int64(min(a.at, a.rows-1)), a.per)
	if e.Context != "" {
		where = e.Context + "\n" + where
	}
	e.Context = where
	return &e
}

// Suspended implements session.Sink; nothing here has a row limit.
func (a *answer) Suspended(string) bool { return false }

// Keep implements session.Sink: rows are kept in any case.
func (a *answer) Keep() bool { return !a.dropped }

// Discard implements session.Sink.
func (a *answer) Discard() { a.dropped = true }
