package ship

import "pgwire_fdw/handler/internal/ir"

// caseExpr decides on CASE. Everything but the argument and the first
// condition may remain unevaluated.
func (w *walker) caseExpr(e *ir.Case, lazy bool) (collation, error) {
	outer := w.caseArg
	var arg collation
	if e.Arg != nil {
		var err error
		if arg, err = w.visit(&e.Arg, lazy); err != nil {
			return collation{}, err
		}
	}
	var state collation
	for i := range e.Whens {
		when := &e.Whens[i]
		if e.Arg != nil {
			w.caseArg = &arg
		}
		err := w.condition(e, when, lazy || i > 0)
		w.caseArg = outer
		if err != nil {
			return collation{}, err
		}
		s, err := w.visit(&when.Result, true)
		if err != nil {
			return collation{}, err
		}
		state.merge(s)
	}
	if e.Default != nil {
		s, err := w.visit(&e.Default, true)
		if err != nil {
			return collation{}, err
		}
		state.merge(s)
	}
	return state.ofNode(e), nil
}

// condition decides on WHEN. With an argument it must still have the shape
// that the parser gave it, argument = value, because only the value is
// written: the planner may have simplified it to something else.
func (w *walker) condition(e *ir.Case, when *ir.When, lazy bool) error {
	if e.Arg == nil {
		_, err := w.visit(&when.Cond, lazy)
		return err
	}
	if op, ok := when.Cond.(*ir.Op); !ok || ir.CaseValue(op) == nil || !plainEquality(op.Operator) {
		return refuse(when.Cond, "WHEN is no longer a comparison with the argument of CASE")
	}
	_, err := w.visit(&when.Cond, lazy)
	return err
}
