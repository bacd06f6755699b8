package ship

import "pgwire_fdw/handler/internal/ir"

// write decides on what makes a query one that writes.
func (s *statement) write(q *ir.Query) {
	w := q.Write
	if w == nil {
		return
	}
	if w.Op != ir.Insert {
		if _, ok := ir.Apart(q.From, w.Item); !ok {
			s.refuse("table that is modified is in an outer join")
		}
		for i := range q.Items {
			q.Items[i].Vars(func(v *ir.Var) {
				if v.Item == w.Item {
					s.check(refuse(v, "column of the table that is modified, in FROM"))
				}
			})
		}
	}
	if w.Op == ir.Insert && len(w.Columns) == 0 {
		s.refuse("rows without columns")
	}
	for i := range w.Returning {
		s.output(&w.Returning[i].Expr, plain)
	}
}

// assigned decides on the value that a column gets. The remote assigns it to a column
// of the same type, so what enforces its length here is done there again: by a
// cast that is written it would be cut off instead.
//
// It is a value of each row, but evaluated ahead of the statement if it has no
// column, even where there is no row: as the planner does with a function of
// constants and parameters. What a sub-plan gives is known too late for that.
func (s *statement) assigned(slot *ir.Expr) (state collation, fine bool) {
	w := s.walker(*slot, plain)
	if call, ok := (*slot).(*ir.Func); ok && castOK(call) != nil && w.look(call).foreign {
		*slot = call.Args[0]
		w = s.walker(*slot, plain)
	}
	if v, ok := passedOn(*slot); ok {
		return w.columnCollation(v), s.check(w.visible(v))
	}
	state, err := w.visit(slot, usesSubPlan(*slot))
	return state, s.check(err)
}

// usesSubPlan: there is a parameter of the executor in it.
func usesSubPlan(e ir.Expr) bool {
	if p, ok := e.(*ir.Param); ok {
		return p.Exec
	}
	for _, c := range e.Children() {
		if usesSubPlan(c) {
			return true
		}
	}
	return false
}
