package ship

import "pgwire_fdw/handler/internal/ir"

// queryNode decides on the expressions that occur in queries only.
func (w *walker) queryNode(e ir.Expr) (collation, error) {
	switch e := e.(type) {
	case *ir.Aggref:
		if w.may < aggregates {
			return collation{}, refuse(e, "aggregate where none is sent")
		}
		return w.aggregate(e)
	case *ir.WindowFunc:
		if w.may < windows {
			return collation{}, refuse(e, "window function where none is sent")
		}
		return w.windowFunc(e)
	case *ir.GroupingFunc:
		if w.may < aggregates {
			return collation{}, refuse(e, "GROUPING where it is not sent")
		}
		_, err := w.visitAll(e.Args, true, all)
		return collation{}, err
	case *ir.SubLink:
		if w.statement == nil {
			return collation{}, refuse(e, "sub-query")
		}
		return w.subLink(e)
	case *ir.SubOutput:
		if int64(e.Column) > int64(len(w.outputs)) || e.Column == 0 {
			return collation{}, refuse(e, "column of no sub-query")
		}
		return w.outputs[e.Column-1], nil
	default:
		return collation{}, refuse(e, "expression of a kind that is not sent%s", kind(e))
	}
}

// aggregateOK: is it an aggregate, or a window function, that the remote has?
func (w *walker) aggregateOK(e ir.Expr, f *ir.Function, kinds ...byte) error {
	as := *f
	for _, k := range kinds {
		if f.Kind == k {
			as.Kind = 'f'
		}
	}
	return w.functionOK(e, &as)
}

// aggregate: in which order rows come is open unless ORDER BY says it, there as
// here.
func (w *walker) aggregate(e *ir.Aggref) (collation, error) {
	if err := w.aggregateOK(e, e.Function, 'a'); err != nil {
		return collation{}, err
	}
	if err := w.ownArguments(e); err != nil {
		return collation{}, err
	}
	outer := w.may
	w.may = plain
	defer func() { w.may = outer }()
	direct, err := w.visitAll(e.Direct, true, all)
	if err != nil {
		return collation{}, err
	}
	var state collation
	states := make([]collation, len(e.Args))
	for i := range e.Args {
		if states[i], err = w.visit(&e.Args[i].Expr, true); err != nil {
			return collation{}, err
		}
		if !e.Args[i].Junk {
			state.merge(states[i])
		}
	}
	if e.WithinGroup {
		state.merge(direct)
	}
	if e.Filter != nil {
		if _, err := w.visit(&e.Filter, true); err != nil {
			return collation{}, err
		}
	}
	if err := w.argumentKeys(e, e.Distinct, grouped, states); err != nil {
		return collation{}, err
	}
	if err := w.argumentKeys(e, e.OrderBy, sorted, states); err != nil {
		return collation{}, err
	}
	if err := state.checkInput(e, e.InputCollation, e.Function); err != nil {
		return collation{}, err
	}
	return state.ofNode(e), nil
}

// ownArguments: an aggregate over columns of a query around, and of none of this
// one, would be that query's. (The planner may have simplified ours away.)
func (w *walker) ownArguments(e *ir.Aggref) error {
	if w.statement == nil || w.statement.own == nil {
		return nil
	}
	own, others := false, false
	for _, c := range e.Children() {
		ir.Vars(c, func(v *ir.Var) {
			own = own || v.Foreign() && w.statement.own[v.Item]
			others = others || v.Foreign() && !w.statement.own[v.Item]
		})
	}
	if others && !own {
		return refuse(e, "aggregate over columns of a query around")
	}
	return nil
}

// argumentKeys decides on DISTINCT or ORDER BY of an aggregate.
func (w *walker) argumentKeys(e *ir.Aggref, keys []ir.Key, u use, states []collation) error {
	for i := range keys {
		found := false
		for j := range e.Args {
			if a := &e.Args[j]; a.Ref == keys[i].Ref && a.Ref != 0 {
				found = true
				if err := w.keyOK(&keys[i], u, a.Expr, states[j]); err != nil {
					return err
				}
			}
		}
		if !found {
			return refuse(e, "aggregate with a key that refers to no argument")
		}
	}
	return nil
}

// windowFunc: what its window is, is decided with the query.
func (w *walker) windowFunc(e *ir.WindowFunc) (collation, error) {
	if err := w.aggregateOK(e, e.Function, 'a', 'w'); err != nil {
		return collation{}, err
	}
	outer := w.may
	w.may = aggregates
	defer func() { w.may = outer }()
	state, err := w.visitAll(e.Args, true, all)
	if err != nil {
		return collation{}, err
	}
	if e.Filter != nil {
		if _, err := w.visit(&e.Filter, true); err != nil {
			return collation{}, err
		}
	}
	if err := state.checkInput(e, e.InputCollation, e.Function); err != nil {
		return collation{}, err
	}
	return state.ofNode(e), nil
}

// subLink decides on a query in an expression.
func (w *walker) subLink(e *ir.SubLink) (collation, error) {
	outputs, err := w.statement.subLinkQuery(e.Query)
	if err != nil {
		return collation{}, err
	}
	columns := e.Query.Outputs()
	switch e.Kind {
	case ir.ExistsSubLink:
		return collation{}, nil
	case ir.ExprSubLink, ir.ArraySubLink:
		if len(columns) != 1 {
			return collation{}, refuse(e, "sub-query with %d columns as a value", len(columns))
		}
		return outputs[0].ofNode(e), nil
	}
	if len(e.Tests) == 0 || len(e.Tests) != len(columns) {
		return collation{}, refuse(e, "comparison with a sub-query that is not one of all its columns")
	}
	outer := w.outputs
	w.outputs = outputs
	defer func() { w.outputs = outer }()
	for i := range e.Tests {
		if err := w.test(e, i); err != nil {
			return collation{}, err
		}
	}
	return collation{}, nil
}

// test decides on one comparison with a column of a sub-query: it must be what
// the remote's parser makes of (lefthand, ...) operator ANY (query). Casts of the
// column are written in the query.
func (w *walker) test(e *ir.SubLink, i int) error {
	op, ok := e.Tests[i].(*ir.Op)
	if !ok || len(op.Args) != 2 {
		return refuse(e.Tests[i], "comparison with a sub-query that is no operator")
	}
	if out, ok := ir.Uncast(op.Args[1]).(*ir.SubOutput); !ok || int64(out.Column) != int64(i)+1 {
		return refuse(op, "comparison with a sub-query whose columns are in another order")
	}
	if len(e.Tests) > 1 {
		name := "="
		if e.Or {
			name = "<>"
		}
		if !op.Operator.Builtin || op.Operator.Schema != "pg_catalog" || op.Operator.Name != name {
			return refuse(op, "comparison of rows by operator %s.%s", op.Operator.Schema, op.Operator.Name)
		}
	}
	_, err := w.visit(&e.Tests[i], true)
	return err
}
