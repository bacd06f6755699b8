package feed

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// quoteName writes an identifier of the replication grammar, which knows quoted ones as SQL does.
func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// quoteText writes a string constant. Backslashes mean themselves: standard_conforming_strings is on, and the
// replication grammar has no others.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// queryMessage is a command as a Query message. A zero byte, which no name has, would end it early.
func queryMessage(sql string) []byte {
	m := be.AppendUint32([]byte{'Q'}, uint32(4+len(sql)+1))
	return append(append(m, sql...), 0)
}

// answer is the rows of a command, in text; nil is NULL.
type answer struct {
	names []string
	rows  [][]*string
}

// maxAnswerRows bounds what a server can make an answer cost.
const maxAnswerRows = 100_000

// command runs one command by the simple protocol.
func (l *link) command(sql string) (*answer, *sqlerr.Error) {
	if err := l.send(queryMessage(sql)); err != nil {
		return nil, err
	}
	a := &answer{}
	var refused *sqlerr.Error
	for {
		typ, body, err := l.message()
		if err != nil {
			return nil, err
		}
		switch typ {
		case 'T':
			err = a.describe(body)
		case 'D':
			err = a.row(body)
		case 'E':
			refused = errorResponse(body)
			refused.RemoteSQL = sql
		case 'C', 'N', 'S', 'A', 'I':
		case 'Z':
			return a, refused
		default:
			err = protocolError("message type %q in answer to a command", typ)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (a *answer) describe(body []byte) *sqlerr.Error {
	var m pgproto3.RowDescription
	if err := m.Decode(body); err != nil {
		return protocolError("malformed row description")
	}
	a.names = a.names[:0]
	for _, f := range m.Fields {
		a.names = append(a.names, string(f.Name))
	}
	return nil
}

func (a *answer) row(body []byte) *sqlerr.Error {
	var m pgproto3.DataRow
	if err := m.Decode(body); err != nil || len(m.Values) != len(a.names) || len(a.rows) >= maxAnswerRows {
		return protocolError("malformed row in answer to a command")
	}
	row := make([]*string, len(m.Values))
	for i, v := range m.Values {
		if v != nil {
			s := string(v)
			row[i] = &s
		}
	}
	a.rows = append(a.rows, row)
	return nil
}

// one is the only row, by column names; NULLs are left out.
func (a *answer) one() (map[string]string, *sqlerr.Error) {
	if len(a.rows) != 1 {
		return nil, protocolError("%d rows in answer to a command", len(a.rows))
	}
	m := map[string]string{}
	for i, v := range a.rows[0] {
		if v != nil {
			m[a.names[i]] = *v
		}
	}
	return m, nil
}

// parseLSN reads 16/B374D848.
func parseLSN(s string) (uint64, bool) {
	high, low, found := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	return h<<32 | l, found && err1 == nil && err2 == nil
}

// formatLSN writes what parseLSN reads.
func formatLSN(lsn uint64) string { return fmt.Sprintf("%X/%X", lsn>>32, uint32(lsn)) }

// parseDuration reads a setting that the server counts in milliseconds: 0, 60000ms, 30s, 1min.
func parseDuration(s string) (time.Duration, bool) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseInt(digits, 10, 32)
	unit, known := map[string]time.Duration{"": time.Millisecond, "ms": time.Millisecond, "s": time.Second,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[s[len(digits):]]
	return time.Duration(n) * unit, err == nil && known && n >= 0
}

// epoch is 2000-01-01 00:00 UTC, from which PostgreSQL counts microseconds.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// statusUpdate is a standby status update: what was written and applied is not told, position is what was flushed; ask: the server is to
// answer with a keepalive.
func statusUpdate(position uint64, now time.Time, ask bool) []byte {
	m := []byte{'d', 0, 0, 0, 4 + 34, 'r'}
	m = be.AppendUint64(m, 0)
	m = be.AppendUint64(m, position)
	m = be.AppendUint64(m, 0)
	m = be.AppendUint64(m, uint64(now.Sub(epoch).Microseconds()))
	if ask {
		return append(m, 1)
	}
	return append(m, 0)
}

// startStream begins to read the slot.
func (l *link) startStream(o *order, f *facts) *sqlerr.Error {
	options := []string{"proto_version '1'", "publication_names " + quoteText(publicationList(f.publications)), "messages 'true'"}
	if !f.text {
		options = append(options, "binary 'true'")
	}
	sql := fmt.Sprintf("START_REPLICATION SLOT %s LOGICAL %s (%s)", quoteName(o.Slot), formatLSN(f.position), strings.Join(options, ", "))
	if err := l.enterStream(sql); err != nil {
		return err
	}
	l.every, l.ask = f.interval, f.torn
	if f.torn {
		l.every = tornInterval
	}
	if o.Confirmed != 0 {
		if err := l.tell(o.Confirmed); err != nil {
			return err
		}
	}
	return l.tell(0)
}

// enterStream sends START_REPLICATION. A slot that an earlier connection has just let go of is waited for.
func (l *link) enterStream(sql string) *sqlerr.Error {
	pause, deadline := 5*time.Millisecond, time.Now().Add(dropTimeout)
	for {
		err := l.tryStream(sql)
		if err == nil || err.SQLState != sqlstate.ObjectInUse || time.Now().After(deadline) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.room:
			timer.Stop()
		}
		if l.left() {
			return err
		}
		pause = min(2*pause, 250*time.Millisecond)
	}
}

// tryStream sends it once: nil when CopyBoth has begun.
func (l *link) tryStream(sql string) *sqlerr.Error {
	if err := l.send(queryMessage(sql)); err != nil {
		return err
	}
	var refused *sqlerr.Error
	for {
		typ, body, err := l.message()
		switch {
		case err != nil:
			return err
		case typ == 'W' && refused == nil:
			return nil
		case typ == 'E':
			refused = errorResponse(body)
			refused.RemoteSQL = sql
		case typ == 'Z' && refused != nil:
			return refused
		case typ != 'N' && typ != 'S' && typ != 'A':
			return protocolError("message type %q in answer to START_REPLICATION", typ)
		}
	}
}
