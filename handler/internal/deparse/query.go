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

// Statement is SQL text and what belongs to it.
type Statement struct {
	SQL string
	// Params are the expressions whose values are $1, $2 ...
	Params []*ir.Local
}

// Query writes a query that ship.Query has passed:
//
//	SELECT c1, c2, ctid FROM s.t WHERE ((c1 = $1::integer)) FOR UPDATE
//
// An error means a column without a name or too many parameters.
func Query(q *ir.Query) (Statement, error) {
	w := writer{items: map[uint32]*source{}}
	w.sql.Grow(256)
	w.query(q)
	if len(w.list) > MaxParams {
		return Statement{}, ErrTooManyParams
	}
	return Statement{SQL: w.sql.String(), Params: w.list}, w.err
}

// source is what is known of an item.
type source struct {
	columns map[int32]string // of a table: remote names by number
}

func (w *writer) query(q *ir.Query) {
	if len(q.Items) != 1 || q.Items[0].Kind != ir.ItemTable {
		w.fail("no SQL text for a query of %d items", len(q.Items))
		return
	}
	item := &q.Items[0]
	table := &source{columns: make(map[int32]string, len(item.Columns))}
	for _, c := range item.Columns {
		table.columns[c.Attno] = c.Name
	}
	w.items[item.Number] = table
	w.put("SELECT ")
	for i := range q.Targets {
		if i > 0 {
			w.put(", ")
		}
		w.expr(q.Targets[i].Expr)
	}
	if len(q.Targets) == 0 {
		w.put("NULL")
	}
	w.put(" FROM ", Ident(item.Schema), ".", Ident(item.Name))
	for i, clause := range q.Where {
		if i == 0 {
			w.put(" WHERE (")
		} else {
			w.put(" AND (")
		}
		w.expr(clause)
		w.put(")")
	}
	for _, l := range q.Locks {
		w.put(locking(l.Strength, l.Wait))
	}
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
	sql    strings.Builder
	items  map[uint32]*source // by number
	list   []*ir.Local
	params map[uint32]int // number of a parameter by ir.Node.Equal
	err    error          // the first one; the text is then of no use
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

func (w *writer) column(v *ir.Var) {
	if v.Attno == ir.CtidAttno {
		w.put("ctid")
		return
	}
	name := ""
	if s := w.items[v.Item]; s != nil {
		name = s.columns[v.Attno]
	}
	if name == "" {
		w.fail("column number %d has no name", v.Attno)
		return
	}
	w.put(Ident(name))
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
