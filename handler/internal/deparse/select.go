// Package deparse writes the SQL text of what package ship has passed. Its
// style is that of postgres_fdw: fully parenthesised, types of constants and
// parameters spelled out, names qualified unless they are of pg_catalog. The
// search path of the remote session is pg_catalog, and pg_temp behind it; why
// that is certain is said in ARCHITECTURE.md, "What names mean there".
package deparse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

// MaxParams is how many parameters a statement can have: Bind counts them in
// an Int16 that PostgreSQL reads as unsigned.
const MaxParams = 65535

// ErrTooManyParams says that the statement would need more than MaxParams.
var ErrTooManyParams = errors.New("statement for the remote server needs more than 65535 parameters")

// Select is the scan of one base relation.
type Select struct {
	Schema, Table string    // of the remote relation
	Columns       []string  // remote name of every column used, by local number; else empty
	Fetch         []int32   // local numbers of the columns to answer, in order
	Where         []ir.Expr // answers of ship.Clause
	Lock          ir.LockStrength
	Wait          ir.WaitPolicy
}

// Statement is SQL text and what belongs to it.
type Statement struct {
	SQL string
	// Params are the expressions whose values are $1, $2 ...
	Params []*ir.Local
}

// Deparse writes the statement
//
//	SELECT c1, c2, ctid FROM s.t WHERE ((c1 = $1::integer)) FOR UPDATE
//
// An error means a column without a name or too many parameters.
func (s *Select) Deparse() (Statement, error) {
	w := writer{columns: s.Columns}
	w.sql.Grow(256)
	w.put("SELECT ")
	for i, attno := range s.Fetch {
		if i > 0 {
			w.put(", ")
		}
		w.column(attno)
	}
	if len(s.Fetch) == 0 {
		w.put("NULL")
	}
	w.put(" FROM ", Ident(s.Schema), ".", Ident(s.Table))
	for i, clause := range s.Where {
		if i == 0 {
			w.put(" WHERE (")
		} else {
			w.put(" AND (")
		}
		w.expr(clause)
		w.put(")")
	}
	w.put(locking(s.Lock, s.Wait))
	if len(w.list) > MaxParams {
		return Statement{}, ErrTooManyParams
	}
	return Statement{SQL: w.sql.String(), Params: w.list}, w.err
}

func locking(lock ir.LockStrength, wait ir.WaitPolicy) string {
	var clause string
	switch lock {
	case ir.LockShare:
		clause = " FOR SHARE"
	case ir.LockUpdate:
		clause = " FOR UPDATE"
	default:
		return ""
	}
	switch wait {
	case ir.WaitSkip:
		clause += " SKIP LOCKED"
	case ir.WaitError:
		clause += " NOWAIT"
	}
	return clause
}

// writer collects one statement.
type writer struct {
	sql     strings.Builder
	columns []string
	list    []*ir.Local
	params  map[uint32]int // number of a parameter by ir.Node.Equal
	err     error          // the first one; the text is then of no use
}

func (w *writer) put(parts ...string) {
	for _, p := range parts {
		w.sql.WriteString(p)
	}
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *writer) column(attno int32) {
	if attno == ir.CtidAttno {
		w.put("ctid")
		return
	}
	if attno < 1 || int(attno) >= len(w.columns) || w.columns[attno] == "" {
		w.fail("column number %d has no name", attno)
		return
	}
	w.put(Ident(w.columns[attno]))
}

// param writes a value that is computed here: $n::type. Equal expressions share
// a parameter; none of them is volatile.
func (w *writer) param(e *ir.Local) {
	n, ok := w.params[e.Equal]
	if !ok {
		if w.params == nil {
			w.params = map[uint32]int{}
		}
		w.list = append(w.list, e)
		n = len(w.list)
		w.params[e.Equal] = n
	}
	w.put("$", strconv.Itoa(n), "::", e.Type.Name)
}
