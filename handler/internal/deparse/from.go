package deparse

import (
	"slices"

	"pgwire_fdw/handler/internal/ir"
)

// condition is an expression, or the existence of rows of the right side of a
// semi or anti join.
type condition struct {
	expr   ir.Expr
	exists *ir.Join
}

func exprs(all []ir.Expr) []condition {
	conditions := make([]condition, len(all))
	for i, e := range all {
		conditions[i].expr = e
	}
	return conditions
}

// condition writes a condition. Of a semi or anti join it is
//
//	EXISTS (SELECT NULL FROM right WHERE ((left.a = right.a)))
func (w *writer) condition(c condition) {
	if c.exists == nil {
		w.expr(c.expr)
		return
	}
	if c.exists.Type == ir.AntiJoin {
		w.put("NOT ")
	}
	w.put("EXISTS (SELECT NULL FROM ")
	this := &ir.Join{Type: c.exists.Type, Right: c.exists.Right}
	w.setAbsent(this, false)
	w.setAbsent(c.exists.Right, true)
	where := w.from(c.exists.Right, topmost)
	w.conditions(" WHERE ", append(where, exprs(c.exists.On)...))
	w.setAbsent(this, true)
	w.put(")")
}

// position says how much a part of FROM is bound by what is around it.
type position int

const (
	topmost position = iota // commas need no parentheses
	left                    // of a join: joins need none
	right
)

// from writes a part of FROM. It answers the conditions that could not be written
// there and must hold besides: whoever writes them sees the columns.
func (w *writer) from(from ir.From, p position) []condition {
	switch from := from.(type) {
	case ir.FromItem:
		w.item(uint32(from))
		return nil
	case *ir.FromList:
		return w.fromList(from, p)
	case *ir.Join:
		return w.join(from, p)
	}
	return nil
}

func (w *writer) fromList(list *ir.FromList, p position) []condition {
	separator := ", "
	if len(list.List) == 1 {
		p = left
	} else if p != topmost {
		separator = " CROSS JOIN "
	}
	parenthesized := p == right
	if parenthesized {
		w.put("(")
	}
	var more []condition
	for i, part := range list.List {
		inner := p
		if i > 0 {
			w.put(separator)
			if p != topmost {
				inner = right
			}
		}
		if p == right && i == 0 {
			inner = left
		}
		more = append(more, w.from(part, inner)...)
	}
	if parenthesized {
		w.put(")")
	}
	return append(more, exprs(list.Where)...)
}

// join writes a join. What else must hold of a side that keeps all its rows is
// checked above the join, of one that does not with the condition of the join.
// That of the right side of a semi or anti join is checked within.
func (w *writer) join(j *ir.Join, p position) []condition {
	if j.Type == ir.SemiJoin || j.Type == ir.AntiJoin {
		return append(w.from(j.Left, p), condition{exists: j})
	}
	if p == right {
		w.put("(")
	}
	var above, on []condition
	switch j.Type {
	case ir.InnerJoin:
		on = w.from(j.Left, left)
		w.put(" INNER JOIN ")
		on = append(on, w.from(j.Right, right)...)
	case ir.LeftJoin:
		above = w.from(j.Left, left)
		w.put(" LEFT JOIN ")
		on = w.from(j.Right, right)
	case ir.RightJoin:
		on = w.from(j.Left, left)
		w.put(" RIGHT JOIN ")
		above = w.from(j.Right, right)
	case ir.FullJoin:
		w.filtered(j.Left, left)
		w.put(" FULL JOIN ")
		w.filtered(j.Right, right)
	}
	on = append(exprs(j.On), on...)
	w.conditions(" ON ", on)
	if len(on) == 0 {
		w.put(" ON (true)")
	}
	if p == right {
		w.put(")")
	}
	return above
}

// filtered writes a side of a full join with all its conditions: the condition of
// the join is no place for them. A join with one row of no columns has one.
func (w *writer) filtered(from ir.From, p position) {
	start := len(w.sql)
	where := w.from(from, left)
	_, join := from.(*ir.Join)
	if len(where) == 0 {
		if p == right && join {
			w.enclose(start)
		}
		return
	}
	w.put(" INNER JOIN (SELECT) ", w.alias(from))
	w.conditions(" ON ", where)
	w.enclose(start)
}

// enclose puts what was written from start on into parentheses.
func (w *writer) enclose(start int) {
	if w.err == nil {
		w.sql = append(slices.Insert(w.sql, start, '('), ')')
	}
}

// item writes an item with its alias.
func (w *writer) item(number uint32) {
	i := slices.IndexFunc(w.level.Items, func(item ir.Item) bool { return item.Number == number })
	if i < 0 {
		w.fail("item %d is of another query", number)
		return
	}
	item := &w.level.Items[i]
	alias := w.items[number].alias
	columns := 0
	switch item.Kind {
	case ir.ItemTable:
		w.put(Ident(item.Schema), ".", Ident(item.Name))
	case ir.ItemQuery:
		w.lateral(item)
		w.put("(")
		w.query(item.Query, named)
		w.put(")")
	case ir.ItemCTE:
		w.put(w.ctes[item.CTE])
	case ir.ItemFunction:
		columns = w.functions(item)
	case ir.ItemValues:
		w.lateral(item)
		columns = w.values(item)
	default:
		w.fail("no SQL text for item %d", number)
	}
	if alias != "" {
		w.put(" ", alias)
	}
	for n := range columns {
		if n == 0 {
			w.put("(")
		} else {
			w.put(", ")
		}
		w.put(columnName(int32(n + 1)))
	}
	if columns > 0 {
		w.put(")")
	}
}

// lateral writes the word where an item uses columns of other ones beside it.
func (w *writer) lateral(item *ir.Item) {
	used := false
	item.Vars(func(v *ir.Var) {
		used = used || slices.ContainsFunc(w.level.Items, func(i ir.Item) bool { return i.Number == v.Item })
	})
	if used {
		w.put("LATERAL ")
	}
}

// functions writes f(a) or ROWS FROM (f(a), g(b)), and answers how many columns
// they have.
func (w *writer) functions(item *ir.Item) int {
	columns := 0
	call, plain := item.Functions[0].Expr.(*ir.Func)
	if !plain || call.Form != ir.CoerceExplicitCall {
		w.lateral(item)
		w.put("(SELECT ")
		w.expr(item.Functions[0].Expr)
		w.put(")")
		return 1
	}
	several := len(item.Functions) > 1 || len(item.Functions[0].Definitions) > 0
	if several {
		w.put("ROWS FROM (")
	}
	for i := range item.Functions {
		f := &item.Functions[i]
		if i > 0 {
			w.put(", ")
		}
		w.expr(f.Expr)
		w.definitions(f.Definitions)
		columns += int(f.Columns)
	}
	if several {
		w.put(")")
	}
	if item.Ordinality {
		w.put(" WITH ORDINALITY")
		columns++
	}
	return columns
}

// definitions writes AS (c1 integer, c2 text).
func (w *writer) definitions(columns []ir.ColumnType) {
	for i, c := range columns {
		if i == 0 {
			w.put(" AS (")
		} else {
			w.put(", ")
		}
		w.put(columnName(int32(i+1)), " ", c.Type.Name)
	}
	if len(columns) > 0 {
		w.put(")")
	}
}

// values writes (VALUES (1, 'a'::text), (2, 'b'::text)).
func (w *writer) values(item *ir.Item) int {
	w.put("(VALUES ")
	for i, row := range item.Rows {
		if i > 0 {
			w.put(", ")
		}
		w.put("(")
		for j, e := range row {
			if j > 0 {
				w.put(", ")
			}
			w.expr(e)
			if t := item.Types[j].Type; t.OID != e.Base().Type.OID {
				w.put("::", t.Name)
			}
		}
		w.put(")")
	}
	w.put(")")
	return len(item.Types)
}
