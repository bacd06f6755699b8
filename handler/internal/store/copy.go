package store

import (
	"fmt"
	"strconv"
	"strings"

	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// copyHeader begins a COPY in binary format, copyTrailer ends it ("File Formats"
// of COPY).
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// advanceCopy begins a COPY, or sends it what is held back.
func (w *Writer) advanceCopy() {
	if !w.copying {
		if w.count > 0 && w.conn.Pipelines() {
			w.startCopy()
		}
		return
	}
	if w.count == 0 || !w.conn.CopyStarted() {
		return
	}
	w.copyData(w.unsent.Bytes(), w.count)
	w.unsent.Reset(keepUnsent)
	w.count = 0
}

// copyData sends the COPY, which has started, images of n rows.
func (w *Writer) copyData(images []byte, n int) {
	if !w.headed {
		w.headed = true
		if err := w.conn.CopyData(copyHeader); err != nil {
			w.fail(err)
		}
	}
	if err := w.conn.CopyData(images); err != nil {
		w.fail(err)
	}
	w.sent += int64(n)
}

// endCopy ends the COPY, to which everything has been sent.
func (w *Writer) endCopy() {
	if err := w.conn.CopyData(copyTrailer); err != nil {
		w.fail(err)
	}
	w.conn.EndCopy()
	w.copy.rows = w.sent - w.copy.first
	w.copying = false
}

// startCopy begins a COPY that ends when something else is to be sent.
func (w *Writer) startCopy() {
	req := w.request(w.copySQL)
	req.Columns = len(w.spec.Types)
	a := &copied{w: w, first: w.sent}
	req.Sink, w.copy = a, a
	w.Stats.Copies++
	w.copying, w.headed = true, false
	w.flight.answers++
	w.conn.Hold(w)
	if err := w.conn.StartCopy(req); err != nil {
		w.fail(err)
	}
}

// copied is the sink of a COPY.
type copied struct {
	w       *Writer
	first   int64 // rows sent before it
	rows    int64 // sent to it, once it has ended
	dropped bool
}

// Fields implements session.Sink; a COPY returns no rows.
func (a *copied) Fields([]wire.RemoteColumn) *sqlerr.Error { return nil }

// Row implements session.Sink.
func (a *copied) Row([]byte) (bool, *sqlerr.Error) { return true, nil }

// Completed implements session.TagSink.
func (a *copied) Completed(tag []byte) *sqlerr.Error {
	n, counted := session.TagCount(tag)
	if !a.dropped && (!counted || n != a.rows || !sameVerb(tag, "COPY")) {
		e := sqlerr.New(sqlstate.CardinalityViolation, "server \"%s\" was sent %d rows and says that it has copied %q", a.w.conn.Server, a.rows, tag)
		e.RemoteSQL = a.w.copySQL
		return e
	}
	a.w.affected += n
	return nil
}

// Done implements session.Sink.
func (a *copied) Done(err *sqlerr.Error) {
	a.w.flight.answers--
	if a.w.copy == a {
		a.w.copying = false
	}
	if err == nil || a.dropped {
		return
	}
	e := *err
	e.Context = countOn(e.Context, a.first)
	a.w.conn.MarkWriteFailed(&e)
	a.w.fail(&e)
	a.w.release()
}

// Suspended implements session.Sink.
func (a *copied) Suspended(string) bool { return false }

// Keep implements session.Sink.
func (a *copied) Keep() bool { return !a.dropped }

// Discard implements session.Sink.
func (a *copied) Discard() { a.dropped = true }

// countOn makes the line number of COPY's context ("COPY t, line 3, column a")
// one that counts the rows before it, too.
func countOn(context string, before int64) string {
	const mark = ", line "
	at := strings.Index(context, mark)
	if at < 0 || before == 0 {
		return context
	}
	at += len(mark)
	end := at
	for end < len(context) && context[end] >= '0' && context[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(context[at:end], 10, 64)
	if err != nil {
		return context
	}
	return context[:at] + strconv.FormatInt(n+before, 10) + context[end:]
}

// rowsFrom names rows by their numbers, of which before come before them.
func rowsFrom(before int64, n int) string {
	if n == 1 {
		return fmt.Sprintf("row %d of those written", before+1)
	}
	return fmt.Sprintf("rows %d to %d of those written", before+1, before+int64(n))
}
