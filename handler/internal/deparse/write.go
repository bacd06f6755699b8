package deparse

import "pgwire_fdw/handler/internal/ir"

// modification writes a query that writes:
//
//	UPDATE s.t r1 SET a = (r1.a + 1), b = 'x' FROM s.u r2 WHERE ((r1.a = r2.a)) RETURNING r1.a, r2.b
//	DELETE FROM s.t WHERE ((a = 1))
//	INSERT INTO s.t (a, b) SELECT a, b FROM s.u r1 ON CONFLICT DO NOTHING RETURNING a
//
// The rest of the query, from ORDER BY on, is written by whoever calls this, then
// what is behind it.
func (w *writer) modification(q *ir.Query) {
	switch q.Write.Op {
	case ir.Insert:
		w.put("INSERT INTO ")
		w.written(q)
		for i, attno := range q.Write.Columns {
			w.put(separator(i, " ("))
			w.assignedColumn(q, attno)
		}
		if len(q.Write.Columns) > 0 {
			w.put(")")
		}
		w.inserted(q)
	case ir.Update:
		w.put("UPDATE ")
		w.written(q)
		for i, t := range q.Outputs() {
			w.put(separator(i, " SET "))
			w.assignedColumn(q, q.Write.Columns[i])
			w.put(" = ")
			w.assigned(t.Expr)
		}
		w.affected(q, " FROM ")
	case ir.Delete:
		w.put("DELETE FROM ")
		w.written(q)
		w.affected(q, " USING ")
	}
}

// inserted writes the rows that are to be inserted: a query, or one row.
func (w *writer) inserted(q *ir.Query) {
	outputs := q.Outputs()
	if q.From != nil || q.SetOp != nil || len(q.Where) > 0 || len(q.Having) > 0 || q.Limit != nil || q.Offset != nil || len(outputs) == 0 {
		w.put(" ")
		w.selection(q, nested)
		return
	}
	for i, t := range outputs {
		w.put(separator(i, " VALUES ("))
		w.assigned(t.Expr)
	}
	w.put(")")
}

// afterRows writes what stands behind ORDER BY and LIMIT.
func (w *writer) afterRows(q *ir.Query) {
	if q.Write.DoNothing {
		w.put(" ON CONFLICT DO NOTHING")
	}
	for i, t := range q.Write.Returning {
		w.put(separator(i, " RETURNING "))
		w.expr(t.Expr)
	}
}

// separator is what stands in front of entry i of a list.
func separator(i int, first string) string {
	if i == 0 {
		return first
	}
	return ", "
}

// written writes the table that is modified, with its alias.
func (w *writer) written(q *ir.Query) { w.item(q.Write.Item) }

// affected writes which rows are to be updated or deleted.
func (w *writer) affected(q *ir.Query, word string) {
	rest, ok := ir.Apart(q.From, q.Write.Item)
	if !ok {
		w.fail("table that is modified is in an outer join")
		return
	}
	var where []condition
	if rest.From != nil {
		w.put(word)
		where = w.from(rest.From, topmost)
	}
	where = append(where, exprs(rest.On)...)
	for _, j := range rest.Exists {
		where = append(where, condition{exists: j})
	}
	w.conditions(" WHERE ", append(where, exprs(q.Where)...))
}

// assignedColumn writes the name of a column of the table, which is not qualified.
func (w *writer) assignedColumn(q *ir.Query, attno int32) {
	name := w.items[q.Write.Item].columns[attno]
	if name == "" {
		w.fail("column number %d has no name", attno)
		return
	}
	w.put(Ident(name))
}

// assigned writes the value of a column. A literal takes the type that the column
// has there.
func (w *writer) assigned(e ir.Expr) {
	if c, constant := e.(*ir.Const); constant && ir.Collated(c) == nil {
		w.constant(c, bare)
		return
	}
	w.expr(e)
}
