package session

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Values of the server option pooled.
const (
	PooledAuto  = "auto"  // found out with the first statement
	PooledTrue  = "true"  // another session may serve each transaction
	PooledFalse = "false" // one session of the server serves the connection as long as it lives
)

// sharing is what is known of the sessions of the server that a connection
// reaches. With no pooler in between it is one session, and ours. A pooler may
// give each transaction another one, and give ours to other clients in between:
// then nothing may outlive a transaction, neither what we leave nor what we rely
// on.
//
// It is found out in front of the first statement, in the same packet: the
// server is asked for the session's process and its settings. Because that
// statement runs before the answer is known, it gets its settings as if there
// were a pooler.
type sharing struct {
	pooled string
	known  bool
	// shared: no prepared statement is given a name.
	shared bool
	// unset: the settings that were asked for at the start did not arrive, so that
	// each transaction has to set them.
	unset bool
	// changed are the settings that the server has last reported with another value
	// than was asked for, where that may be undone by the end of the transaction.
	changed map[string]string
	// names are the settings in the order of question and settings, the
	// statements that ask for them and set them; both are made when first needed.
	names              []string
	question, settings string
}

// front is what an exchange runs in front of its statement.
type front uint8

const (
	frontCommand  front = iota // a transaction command
	frontQuestion              // one row: the process and the settings
	frontSettings              // one row: the settings, set for this transaction
	frontImport                // what takes a snapshot over
	frontInstance              // one row: which server it is
)

// answers reports whether a row comes back.
func (f front) answers() bool { return f == frontQuestion || f == frontSettings || f == frontInstance }

func (s *sharing) init(pooled string) {
	s.pooled = pooled
	if pooled == PooledTrue {
		s.known, s.shared, s.unset = true, true, true
	}
}

// prepares reports whether a statement may be given a name.
func (s *sharing) prepares() bool { return s.known && !s.shared }

// doubt tells that the server does not know a statement which it has prepared:
// another session serves us now, or somebody else has cleared ours. Unless
// we were told otherwise it is not ours any more.
func (s *sharing) doubt() {
	if s.pooled != PooledFalse {
		s.shared, s.unset = true, true
	}
}

// write makes the two statements. They run under any search_path, so each name
// has its schema and no operator is used. set_config takes effect before what
// follows in the packet is parsed, and until the transaction ends: the one that
// the client has begun, or the implicit one that ends at the Sync.
func (s *sharing) write(asked map[string]string) {
	s.names = slices.Sorted(maps.Keys(asked))
	var question, settings strings.Builder
	question.WriteString("SELECT pg_catalog.pg_backend_pid()")
	for i, name := range s.names {
		question.WriteString(", pg_catalog.current_setting(" + literal(name) + ")")
		settings.WriteString([]string{"SELECT ", ", "}[min(i, 1)])
		settings.WriteString("pg_catalog.set_config(" + literal(name) + ", " + literal(asked[name]) + ", true)")
	}
	s.question, s.settings = question.String(), settings.String()
}

// literal quotes a string that has no backslash.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// appendSharing appends what the first packet of a transaction needs. It goes
// before any savepoint, because going back to one would undo it.
func (c *Conn) appendSharing(buf []byte, ex *exchange) (_ []byte, err error) {
	if c.snapshot.id == "" {
		return c.appendSettings(buf, ex)
	}
	if buf, err = c.appendImport(buf, ex); err != nil {
		return buf, err
	}
	if buf, err = c.appendSettings(buf, ex); err != nil {
		return buf, err
	}
	return c.appendInstance(buf, ex)
}

// appendSettings appends the question for the session and its settings, as far as
// they are needed.
func (c *Conn) appendSettings(buf []byte, ex *exchange) (_ []byte, err error) {
	s := &c.sharing
	if s.known && !s.unset {
		return buf, nil
	}
	if s.question == "" {
		s.write(c.settings)
	}
	if !s.known {
		if buf, err = appendControl(buf, s.question); err != nil {
			return buf, err
		}
		ex.addTyped(frontQuestion)
	}
	if s.settings != "" {
		if buf, err = appendControl(buf, s.settings); err != nil {
			return buf, err
		}
		ex.addTyped(frontSettings)
	}
	return buf, nil
}

// addTyped counts one that is no transaction command: from then on what is in
// front is told apart.
func (ex *exchange) addTyped(f front) {
	if ex.front == nil {
		ex.front = make([]front, ex.controls)
	}
	ex.add(f)
}

// add counts one more thing in front of the statement.
func (ex *exchange) add(f front) {
	ex.controls++
	if ex.front != nil {
		ex.front = append(ex.front, f)
	}
}

// running is what the server answers next of what is in front of the statement.
func (ex *exchange) running() front {
	if len(ex.front) == 0 || ex.controls == 0 {
		return frontCommand
	}
	return ex.front[len(ex.front)-ex.controls]
}

// missing is the number of transaction commands that were not run.
func (ex *exchange) missing() int {
	n := ex.controls
	if len(ex.front) > 0 {
		for _, f := range ex.front[len(ex.front)-ex.controls:] {
			if f != frontCommand {
				n--
			}
		}
	}
	return n
}

// rowInFront takes the row of a question in front of a statement; false: nothing
// had asked for one.
func (c *Conn) rowInFront(ex *exchange, body []byte) bool {
	f := ex.running()
	if ex.frontRow || !f.answers() {
		return false
	}
	ex.frontRow, ex.answered = true, true
	switch f {
	case frontQuestion:
		c.learn(body)
	case frontInstance:
		c.checkInstance(body)
	}
	return true
}

// learn takes the answer to the question whose session this is.
func (c *Conn) learn(body []byte) {
	var row pgproto3.DataRow
	if err := row.Decode(body); err != nil || len(row.Values) != 1+len(c.sharing.names) {
		c.protocolError("bad answer to the question for a session's settings")
		return
	}
	s := &c.sharing
	why := ""
	pid := short(row.Values[0])
	if n, err := strconv.ParseInt(pid, 10, 64); err != nil || uint32(n) != c.est.PID {
		why = fmt.Sprintf("the session's process is %s, not %d", pid, c.est.PID)
	}
	for i, name := range s.names {
		if value := short(row.Values[i+1]); !agrees(c.settings, name, value) {
			s.unset = true
			why = fmt.Sprintf("%s is %q", name, value)
		}
	}
	s.known = true
	if why != "" && s.pooled != PooledFalse {
		s.shared, s.unset = true, true // the next session may be another
		c.notify(Notice{Level: LevelDebug, Err: sqlerr.New(sqlstate.SuccessfulCompletion,
			"server \"%s\" is reached through a pooler: %s", c.Server, why)})
	}
}

// short is the beginning of a value, long enough to tell it from what was asked
// for.
func short(value []byte) string { return string(value[:min(len(value), 80)]) }

// reported takes a value that the server reports for a setting (only some are).
// In a session that is ours and has its settings no other value is right.
// Elsewhere one is, between the end of a transaction and the settings of the
// next; from 14 on servers report what has changed just before ReadyForQuery.
// (Not the time zone: values are printed with their offset.)
func (c *Conn) reported(name, value string) {
	s := &c.sharing
	switch {
	case name == "TimeZone" || agrees(c.settings, name, value):
		delete(s.changed, name)
	case s.known && !s.unset || len(c.queue) > 0 && c.queue[0].afterSettings():
		c.settingChanged(name, value)
	default:
		if s.changed == nil {
			s.changed = map[string]string{}
		}
		s.changed[name] = value
	}
}

// afterSettings reports whether the server is past what is in front of the statement,
// and so past the settings, and not at the end of the statement yet.
func (ex *exchange) afterSettings() bool { return ex.phase == describing || ex.phase == streaming }

// checkReported looks at the settings reported when an exchange ends with this
// transaction status.
func (c *Conn) checkReported(status byte) {
	switch status {
	case 'I':
		clear(c.sharing.changed)
	case 'T':
		for name, value := range c.sharing.changed {
			c.settingChanged(name, value)
		}
	}
}

func (c *Conn) settingChanged(name, value string) {
	c.protocolError("%s has been changed to %q", name, value)
}
