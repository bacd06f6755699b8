package deparse

import "pgwire_fdw/handler/internal/ir"

// collated writes an expression and its COLLATE, if it needs one.
func (w *writer) collated(e ir.Expr, write func()) {
	c := ir.Collated(e)
	if c == nil {
		write()
		return
	}
	w.put("(")
	write()
	w.put(" COLLATE ")
	if c.Schema != "pg_catalog" {
		w.put(Ident(c.Schema), ".")
	}
	w.put(Ident(c.Name), ")")
}

// relabel: the planner relabels collations too, which no cast expresses.
func (w *writer) relabel(e *ir.Relabel) {
	w.expr(e.Arg)
	if e.Type.OID != e.Arg.Base().Type.OID ||
		e.Form != ir.CoerceImplicitCast && ir.Collated(e) == nil {
		w.put("::", e.Type.Name)
	}
}

// rowCompare writes (ROW(a, b) < ROW(c, d)).
func (w *writer) rowCompare(e *ir.RowCompare) {
	side := func(of func(ir.RowPair) ir.Expr) {
		args := make([]ir.Expr, len(e.Pairs))
		for i, p := range e.Pairs {
			args[i] = of(p)
		}
		w.commas("ROW(", args, ")")
	}
	w.put("(")
	side(func(p ir.RowPair) ir.Expr { return p.Left })
	w.put(" ", operator(e.Pairs[0].Operator), " ")
	side(func(p ir.RowPair) ir.Expr { return p.Right })
	w.put(")")
}

// row writes ROW(a, b)::record: two bare ones beside an operator the parser
// would compare field by field, where a NULL makes the result NULL.
func (w *writer) row(e *ir.Row) { w.commas("ROW(", e.Args, ")::record") }
