package deparse

import "pgwire_fdw/handler/internal/ir"

// queryNode writes the expressions that occur in queries only.
func (w *writer) queryNode(e ir.Expr) {
	switch e := e.(type) {
	case *ir.Aggref:
		w.aggregate(e)
	case *ir.WindowFunc:
		w.windowFunc(e)
	case *ir.GroupingFunc:
		w.commas("GROUPING(", e.Args, ")")
	case *ir.SubLink:
		w.subLink(e)
	case *ir.SubOutput:
		w.put(w.tests, ".", columnName(int32(e.Column)))
	default:
		w.fail("no SQL text for an expression of type %T", e)
	}
}

func (w *writer) functionName(f *ir.Function) {
	if f.Schema != "pg_catalog" {
		w.put(Ident(f.Schema), ".")
	}
	w.put(Ident(f.Name))
}

// aggregate writes
//
//	name(DISTINCT a, b ORDER BY b ASC NULLS LAST) FILTER (WHERE c)
//	name(a) WITHIN GROUP (ORDER BY b ASC NULLS LAST)
func (w *writer) aggregate(e *ir.Aggref) {
	w.functionName(e.Function)
	w.put("(")
	if len(e.Distinct) > 0 {
		w.put("DISTINCT ")
	}
	var args []ir.Expr
	for _, a := range e.Args {
		if !a.Junk {
			args = append(args, a.Expr)
		}
	}
	if e.WithinGroup {
		args = e.Direct
	}
	w.arguments(args, e.Star, e.Variadic)
	if !e.WithinGroup {
		w.argumentOrder(" ORDER BY ", e)
		w.put(")")
	} else {
		w.put(") WITHIN GROUP (")
		w.argumentOrder("ORDER BY ", e)
		w.put(")")
	}
	w.filter(e.Filter)
}

func (w *writer) arguments(args []ir.Expr, star, variadic bool) {
	if star {
		w.put("*")
	}
	for i, a := range args {
		if i > 0 {
			w.put(", ")
		}
		if variadic && i == len(args)-1 {
			w.put("VARIADIC ")
		}
		w.expr(a)
	}
}

func (w *writer) argumentOrder(word string, e *ir.Aggref) {
	for i := range e.OrderBy {
		if i > 0 {
			word = ", "
		}
		w.put(word)
		for _, a := range e.Args {
			if a.Ref == e.OrderBy[i].Ref {
				w.sortedBy(a.Expr)
				break
			}
		}
		w.order(&e.OrderBy[i])
	}
}

func (w *writer) filter(e ir.Expr) {
	if e != nil {
		w.put(" FILTER (WHERE ")
		w.expr(e)
		w.put(")")
	}
}

// windowFunc writes name(a) OVER (PARTITION BY b ORDER BY c ASC NULLS LAST ...).
func (w *writer) windowFunc(e *ir.WindowFunc) {
	w.functionName(e.Function)
	w.put("(")
	w.arguments(e.Args, e.Star, false)
	w.put(")")
	w.filter(e.Filter)
	w.put(" OVER (")
	for i := range w.level.Windows {
		if w.level.Windows[i].Ref == e.Window {
			w.window(&w.level.Windows[i])
			w.put(")")
			return
		}
	}
	w.fail("window %d is not there", e.Window)
}

func (w *writer) window(win *ir.Window) {
	space := ""
	if len(win.Partition) > 0 {
		w.put("PARTITION BY ")
		w.keys(win.Partition)
		space = " "
	}
	if len(win.OrderBy) > 0 {
		w.orderBy(space+"ORDER BY ", win.OrderBy)
		space = " "
	}
	if win.Frame&ir.FrameNonDefault != 0 {
		w.put(space)
		w.frame(win)
	}
}

func (w *writer) frame(win *ir.Window) {
	has := func(bit uint32) bool { return win.Frame&bit != 0 }
	switch {
	case has(ir.FrameRange):
		w.put("RANGE BETWEEN ")
	case has(ir.FrameRows):
		w.put("ROWS BETWEEN ")
	case has(ir.FrameGroups):
		w.put("GROUPS BETWEEN ")
	}
	bound := func(e ir.Expr, unbounded, current, preceding bool, outermost string) {
		switch {
		case unbounded:
			w.put("UNBOUNDED ", outermost)
		case current:
			w.put("CURRENT ROW")
		case e == nil:
			w.fail("frame of a window without its offset")
		case preceding:
			w.expr(e)
			w.put(" PRECEDING")
		default:
			w.expr(e)
			w.put(" FOLLOWING")
		}
	}
	bound(win.Start, has(ir.FrameStartUnbounded), has(ir.FrameStartCurrent), has(ir.FrameStartPreceding), "PRECEDING")
	w.put(" AND ")
	bound(win.End, has(ir.FrameEndUnbounded), has(ir.FrameEndCurrent), has(ir.FrameEndPreceding), "FOLLOWING")
	switch {
	case has(ir.FrameExcludeCurrentRow):
		w.put(" EXCLUDE CURRENT ROW")
	case has(ir.FrameExcludeGroup):
		w.put(" EXCLUDE GROUP")
	case has(ir.FrameExcludeTies):
		w.put(" EXCLUDE TIES")
	}
}

// subLink writes a query in an expression: EXISTS (query), (query), ARRAY(query),
// (a = ANY (query)), (ROW(a, b) = (query)).
func (w *writer) subLink(e *ir.SubLink) {
	switch e.Kind {
	case ir.ExistsSubLink:
		w.put("EXISTS (")
		w.query(e.Query, nested)
		w.put(")")
		return
	case ir.ExprSubLink, ir.ArraySubLink:
		if e.Kind == ir.ArraySubLink {
			w.put("ARRAY")
		}
		w.put("(")
		w.query(e.Query, nested)
		w.put(")")
		return
	}
	lefts := make([]ir.Expr, len(e.Tests))
	rights := make([]ir.Expr, len(e.Tests))
	var symbol string
	for i, t := range e.Tests {
		op := t.(*ir.Op)
		lefts[i], rights[i] = op.Args[0], op.Args[1]
		symbol = operator(op.Operator)
	}
	w.put("(")
	if len(lefts) == 1 {
		w.expr(lefts[0])
	} else {
		w.commas("ROW(", lefts, ")")
	}
	w.put(" ", symbol)
	switch e.Kind {
	case ir.AnySubLink:
		w.put(" ANY")
	case ir.AllSubLink:
		w.put(" ALL")
	}
	w.put(" (")
	w.tested(e.Query, rights)
	w.put("))")
}

// tested writes the query that a SubLink compares with. Where its columns are cast
// for that, this is done around it.
func (w *writer) tested(q *ir.Query, rights []ir.Expr) {
	cast := false
	for _, r := range rights {
		_, as := r.(*ir.SubOutput)
		cast = cast || !as
	}
	if !cast {
		w.query(q, nested)
		return
	}
	alias := w.alias(q)
	w.tests = alias
	w.commas("SELECT ", rights, " FROM (")
	w.query(q, named)
	w.put(") ", alias)
}
