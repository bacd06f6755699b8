// Package deparse writes the SQL text of what package ship has passed. Its
// style is that of postgres_fdw: fully parenthesised, types of constants and
// parameters spelled out, names qualified unless they are of pg_catalog. The
// search path of the remote session is pg_catalog, and pg_temp behind it; why
// that is certain is said in ARCHITECTURE.md, "What names mean there".
package deparse

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"pgwire_fdw/handler/internal/ir"
)

// MaxParams is how many parameters a statement can have: Bind counts them in
// an Int16 that PostgreSQL reads as unsigned.
const MaxParams = 65535

// ErrTooManyParams says that the statement would need more than MaxParams.
var ErrTooManyParams = errors.New("statement for the remote server needs more than 65535 parameters")

// MaxSize bounds the text in bytes: it lies in Go's heap. What is written twice, as
// keys are, can be large where its description was not.
const MaxSize = 64 << 20

// ErrTooLong says that the statement would be longer than MaxSize.
var ErrTooLong = errors.New("statement for the remote server is too long")

// Statement is SQL text and what belongs to it.
type Statement struct {
	SQL string
	// Params are the expressions whose values are $1, $2 ...
	Params []*ir.Local
}

// Query writes a query that ship.Query has passed:
//
//	SELECT c1, c2, ctid FROM s.t WHERE ((c1 = $1::integer)) FOR UPDATE
//	SELECT r1.a, count(r2.b) FROM s.t r1 LEFT JOIN s.u r2 ON ((r1.a = r2.a)) GROUP BY r1.a
//
// Items have the aliases r1, r2 ... in their order, WITH queries w1, w2 ..., columns
// of nested queries c1, c2 ... A query of one table has no aliases where none is
// needed. An error means a column without a name or too many parameters.
func Query(q *ir.Query) (Statement, error) { return write(q, false) }

// Explain writes the EXPLAIN by which the remote estimates a query. There are no
// parameters: where one would be stands a value that its planner does not know.
//
//	EXPLAIN (FORMAT JSON) SELECT c1 FROM s.t WHERE ((c1 = ((SELECT NULL::integer)::integer)))
func Explain(q *ir.Query) (Statement, error) { return write(q, true) }

func write(q *ir.Query, explain bool) (Statement, error) {
	w := writer{explain: explain, items: map[uint32]*source{}, ctes: map[uint32]string{}, aliases: map[any]int{}, sql: make([]byte, 0, 256)}
	if explain {
		w.put("EXPLAIN (FORMAT JSON) ")
	}
	w.query(q, outermost)
	if len(w.list) > MaxParams {
		return Statement{}, ErrTooManyParams
	}
	return Statement{SQL: string(w.sql), Params: w.list}, w.err
}

// place says where a query stands.
type place int

const (
	outermost place = iota
	nested          // its columns need no names
	named           // its columns are c1, c2 ...
)

// query writes all of a query.
func (w *writer) query(q *ir.Query, p place) {
	outer := w.level
	w.level = q
	defer func() { w.level = outer }()
	w.register(q, p == outermost && !needsAliases(q))
	w.with(q)
	switch {
	case q.Write != nil:
		w.modification(q)
	case q.SetOp != nil:
		w.setOp(q, q.SetOp, false)
	default:
		w.selection(q, p)
	}
	w.orderBy(" ORDER BY ", q.OrderBy)
	w.limit(q)
	for _, l := range q.Locks {
		w.put(locking(l.Strength, w.items[l.Item].alias, l.Wait))
	}
	if q.Write != nil {
		w.afterRows(q)
	}
}

// needsAliases: not for a query of one table. But a bare name in ORDER BY is
// first looked for among the outputs, and count(*) is one called count.
func needsAliases(q *ir.Query) bool {
	if len(q.Items) != 1 || q.Items[0].Kind != ir.ItemTable || q.Nests() {
		return true
	}
	if len(q.OrderBy) == 0 && q.Distinct != ir.DistinctOn {
		return false
	}
	for _, t := range q.Targets {
		if _, column := t.Expr.(*ir.Var); !column && !t.Junk {
			return true
		}
	}
	return false
}

// source is what is known of an item.
type source struct {
	alias   string           // empty: none
	columns map[int32]string // of a table: remote names by number; nil: c1, c2 ...
	absent  bool             // on the right side of an anti join, and this is above it
	outer   bool             // an outer join may make its rows NULL
}

// register gives the items of a query their aliases.
func (w *writer) register(q *ir.Query, bare bool) {
	for i := range q.Items {
		item := &q.Items[i]
		s := &source{}
		if alias := w.alias(item.Number); !bare && !isInserted(q, item) {
			s.alias = alias
		}
		if item.Kind == ir.ItemTable {
			s.columns = make(map[int32]string, len(item.Columns))
			for _, c := range item.Columns {
				s.columns[c.Attno] = c.Name
			}
		}
		w.items[item.Number] = s
	}
	w.setAbsent(q.From, true)
	ir.Nullable(q.From, func(item uint32) { w.items[item].outer = true })
	for i := range q.CTEs {
		if n := q.CTEs[i].Number; w.ctes[n] == "" {
			w.ctes[n] = "w" + strconv.Itoa(len(w.ctes)+1)
		}
	}
}

// isInserted: rows are inserted into the table, which nothing but RETURNING sees.
func isInserted(q *ir.Query, item *ir.Item) bool {
	return q.Write != nil && q.Write.Op == ir.Insert && q.Write.Item == item.Number
}

// alias answers the alias of an item, or of something else, the same one each
// time: an expression that is written twice has to be the same text.
func (w *writer) alias(of any) string {
	n, ok := w.aliases[of]
	if !ok {
		n = len(w.aliases) + 1
		w.aliases[of] = n
	}
	return "r" + strconv.Itoa(n)
}

// setAbsent marks what is on the right side of anti joins.
func (w *writer) setAbsent(from ir.From, absent bool) {
	ir.Hidden(from, func(item uint32, in ir.JoinType) {
		if s := w.items[item]; s != nil && in == ir.AntiJoin {
			s.absent = absent
		}
	})
}

func (w *writer) with(q *ir.Query) {
	for i := range q.CTEs {
		c := &q.CTEs[i]
		switch {
		case i > 0:
			w.put(", ")
		case anyRecursive(q.CTEs):
			w.put("WITH RECURSIVE ")
		default:
			w.put("WITH ")
		}
		w.put(w.ctes[c.Number], " AS ")
		switch c.Materialized {
		case ir.MaterializeAlways:
			w.put("MATERIALIZED ")
		case ir.MaterializeNever:
			w.put("NOT MATERIALIZED ")
		}
		w.put("(")
		w.query(c.Query, named)
		w.put(")")
	}
	if len(q.CTEs) > 0 {
		w.put(" ")
	}
}

func anyRecursive(ctes []ir.CTE) bool {
	for i := range ctes {
		if ctes[i].Recursive {
			return true
		}
	}
	return false
}

// selection writes SELECT up to HAVING.
func (w *writer) selection(q *ir.Query, p place) {
	w.put("SELECT ")
	switch q.Distinct {
	case ir.DistinctAll:
		w.put("DISTINCT ")
	case ir.DistinctOn:
		w.put("DISTINCT ON (")
		w.keys(q.DistinctKeys)
		w.put(") ")
	}
	outputs := q.Outputs()
	for i, t := range outputs {
		if i > 0 {
			w.put(", ")
		}
		if q.Write != nil && t.Ref == 0 {
			w.assigned(t.Expr)
		} else {
			w.expr(t.Expr)
		}
		if p == named {
			w.put(" AS ", columnName(int32(i+1)))
		}
	}
	if len(outputs) == 0 {
		w.put("NULL")
	}
	var where []condition
	if q.From != nil {
		w.put(" FROM ")
		where = w.from(q.From, topmost)
	}
	w.conditions(" WHERE ", append(where, exprs(q.Where)...))
	w.groupBy(q)
	w.conditions(" HAVING ", exprs(q.Having))
}

func columnName(n int32) string { return "c" + strconv.Itoa(int(n)) }

// conditions writes conditions that must all hold: WHERE (a) AND (b).
func (w *writer) conditions(word string, all []condition) {
	for i, c := range all {
		if i > 0 {
			word = " AND "
		}
		w.put(word, "(")
		w.condition(c)
		w.put(")")
	}
}

func (w *writer) groupBy(q *ir.Query) {
	if len(q.Group) == 0 && len(q.Sets) == 0 {
		return
	}
	w.put(" GROUP BY ")
	if q.GroupDistinct {
		w.put("DISTINCT ")
	}
	if len(q.Sets) == 0 {
		w.keys(q.Group)
		return
	}
	w.groupingSets(q, q.Sets)
}

func (w *writer) groupingSets(q *ir.Query, sets []ir.GroupingSet) {
	for i := range sets {
		s := &sets[i]
		if i > 0 {
			w.put(", ")
		}
		switch s.Kind {
		case ir.GroupingSetEmpty:
			w.put("()")
			continue
		case ir.GroupingSetSimple:
			w.refs(q, s.Refs)
			continue
		case ir.GroupingSetRollup:
			w.put("ROLLUP (")
		case ir.GroupingSetCube:
			w.put("CUBE (")
		case ir.GroupingSets:
			w.put("GROUPING SETS (")
		}
		w.groupingSets(q, s.Sets)
		w.put(")")
	}
}

// refs writes (a, b): what is grouped by together.
func (w *writer) refs(q *ir.Query, refs []uint32) {
	w.put("(")
	for i, ref := range refs {
		if i > 0 {
			w.put(", ")
		}
		w.key(q, ref)
	}
	w.put(")")
}

// keys writes what is grouped by.
func (w *writer) keys(keys []ir.Key) {
	for i := range keys {
		if i > 0 {
			w.put(", ")
		}
		w.key(w.level, keys[i].Ref)
	}
}

// key writes the expression of a key. A constant is never bare: an integer would
// be the position of an output.
func (w *writer) key(q *ir.Query, ref uint32) {
	t := q.Target(ref)
	if t == nil {
		w.fail("key refers to no output")
		return
	}
	w.sortedBy(t.Expr)
}

func (w *writer) sortedBy(e ir.Expr) {
	if c, constant := e.(*ir.Const); constant {
		w.collated(c, func() { w.constant(c, always) })
		return
	}
	w.expr(e)
}

// orderBy writes ORDER BY with all it might leave out. A set operation is sorted
// by the names of its columns, which are those of the first operand.
func (w *writer) orderBy(word string, keys []ir.Key) {
	for i := range keys {
		if i > 0 {
			word = ", "
		}
		w.put(word)
		if n := w.resultColumn(keys[i].Ref); w.level.SetOp != nil && n > 0 {
			w.put(columnName(n))
		} else {
			w.key(w.level, keys[i].Ref)
		}
		w.order(&keys[i])
	}
}

// resultColumn is the number of the result column that a key refers to; 0: none.
func (w *writer) resultColumn(ref uint32) int32 {
	for i, t := range w.level.Outputs() {
		if t.Ref == ref {
			return int32(i + 1)
		}
	}
	return 0
}

func (w *writer) order(k *ir.Key) {
	switch {
	case k.Less:
		w.put(" ASC")
	case k.Greater:
		w.put(" DESC")
	case k.Order != nil:
		w.put(" USING ", operator(k.Order))
	}
	if k.NullsFirst {
		w.put(" NULLS FIRST")
	} else {
		w.put(" NULLS LAST")
	}
}

// limit writes LIMIT and OFFSET. NULL stands for no limit.
func (w *writer) limit(q *ir.Query) {
	if q.Limit != nil && !isNull(q.Limit) {
		if q.WithTies {
			w.put(" FETCH FIRST (")
			w.expr(q.Limit)
			w.put(") ROWS WITH TIES")
		} else {
			w.put(" LIMIT ")
			w.expr(q.Limit)
		}
	}
	if q.Offset != nil && !isNull(q.Offset) {
		w.put(" OFFSET ")
		w.expr(q.Offset)
	}
}

func isNull(e ir.Expr) bool {
	c, constant := e.(*ir.Const)
	return constant && c.Null
}

// setOp writes (left) UNION (right); inner, in parentheses.
func (w *writer) setOp(q *ir.Query, op *ir.SetOp, inner bool) {
	if op.Op == ir.SetOpItem {
		for i := range q.Items {
			if q.Items[i].Number == op.Item {
				w.put("(")
				w.query(q.Items[i].Query, named)
				w.put(")")
			}
		}
		return
	}
	if inner {
		w.put("(")
	}
	w.setOp(q, op.Left, true)
	w.put(map[ir.SetOpKind]string{ir.Union: " UNION ", ir.Intersect: " INTERSECT ", ir.Except: " EXCEPT "}[op.Op])
	if op.All {
		w.put("ALL ")
	}
	w.setOp(q, op.Right, true)
	if inner {
		w.put(")")
	}
}

func locking(lock ir.LockStrength, alias string, wait ir.WaitPolicy) string {
	var clause string
	switch lock {
	case ir.LockKeyShare:
		clause = " FOR KEY SHARE"
	case ir.LockShare:
		clause = " FOR SHARE"
	case ir.LockNoKeyUpdate:
		clause = " FOR NO KEY UPDATE"
	case ir.LockUpdate:
		clause = " FOR UPDATE"
	default:
		return ""
	}
	if alias != "" {
		clause += " OF " + alias
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
	sql     []byte
	explain bool               // for an estimate
	items   map[uint32]*source // by number
	ctes    map[uint32]string  // names by number
	aliases map[any]int        // numbers of aliases
	level   *ir.Query          // the one that is being written
	tests   string             // alias of the query whose columns are cast to be compared
	list    []*ir.Local
	params  map[uint32]int // number of a parameter by ir.Node.Equal
	err     error          // the first one; the text is then of no use
}

func (w *writer) put(parts ...string) {
	if len(w.sql) > MaxSize {
		w.sql, w.err = w.sql[:0], ErrTooLong
	}
	if w.err != nil {
		return
	}
	for _, p := range parts {
		w.sql = append(w.sql, p...)
	}
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// column writes a column: its alias and its name, where there is an alias.
func (w *writer) column(v *ir.Var) {
	s := w.items[v.Item]
	name := ""
	switch {
	case s == nil:
	case s.columns != nil && v.Attno == 0 && !s.absent:
		w.wholeRow(s)
		return
	case s.columns == nil && v.Attno > 0:
		name = columnName(v.Attno)
	case v.Attno == ir.CtidAttno:
		name = "ctid"
	case v.Attno == ir.RemoteTableoidAttno:
		name = "tableoid"
	default:
		name = s.columns[v.Attno]
	}
	if name == "" {
		w.fail("column number %d has no name", v.Attno)
		return
	}
	if s.absent {
		w.put("NULL::", v.Type.Name)
		return
	}
	if s.alias != "" {
		w.put(s.alias, ".")
	}
	w.put(Ident(name))
}

// wholeRow writes the row of a table's columns as they are known here. A row that
// an outer join has made is NULL, which a row of NULLs is not.
func (w *writer) wholeRow(s *source) {
	if s.outer {
		w.put("CASE WHEN ((", s.alias, ".*)::text IS NOT NULL) THEN ")
	}
	w.put("ROW(")
	separator := ""
	for _, attno := range slices.Sorted(maps.Keys(s.columns)) {
		if attno <= 0 {
			continue
		}
		w.put(separator)
		if s.alias != "" {
			w.put(s.alias, ".")
		}
		w.put(Ident(s.columns[attno]))
		separator = ", "
	}
	w.put(")")
	if s.outer {
		w.put(" END")
	}
}

// param writes a value that is computed here: $n::type. Equal expressions share
// a parameter; none of them is volatile.
func (w *writer) param(e *ir.Local) {
	if w.explain {
		w.put("((SELECT NULL::", e.Type.Name, ")::", e.Type.Name, ")") // a bare one would be a sub-query behind ANY
		return
	}
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
