package ship

import "pgwire_fdw/handler/internal/ir"

const recordType = 2249

// row decides on ROW(...). Whatever compares rows compares each field by the
// collation of that field, which it is not told: so each must be known there.
func (w *walker) row(e *ir.Row, lazy bool) (collation, error) {
	if e.Type.OID != recordType {
		return collation{}, refuse(e, "row of type %s", e.Type.Name)
	}
	for i := range e.Args {
		state, err := w.visit(&e.Args[i], lazy)
		if err != nil {
			return collation{}, err
		}
		if state.kind == collateUnsafe || state.conflict {
			return collation{}, refuse(e.Args[i], "%s of a field does not come from a column of the foreign table",
				collationName(state.of))
		}
	}
	return collation{}, nil
}

// rowCompare decides on ROW(a, b) < ROW(c, d). The remote's parser finds the
// operators by the symbol that is written. Pairs behind the first one may remain
// unevaluated.
func (w *walker) rowCompare(e *ir.RowCompare, lazy bool) (collation, error) {
	for i := range e.Pairs {
		p := &e.Pairs[i]
		switch {
		case p.Operator.Name != e.Pairs[0].Operator.Name || !comparison(p.Operator):
			return collation{}, refuse(e, "comparison of rows by operator %s.%s", p.Operator.Schema, p.Operator.Name)
		}
		if err := w.functionOK(e, p.Function); err != nil {
			return collation{}, err
		}
		left, err := w.visit(&p.Left, lazy || i > 0)
		if err != nil {
			return collation{}, err
		}
		right, err := w.visit(&p.Right, lazy || i > 0)
		if err != nil {
			return collation{}, err
		}
		left.merge(right)
		if err := left.checkInput(e, p.InputCollation, p.Function); err != nil {
			return collation{}, err
		}
	}
	return collation{}, nil
}

// fieldSelect: of a composite type that is the same one there.
func (w *walker) fieldSelect(e *ir.FieldSelect, lazy bool) (collation, error) {
	if t := e.Arg.Base().Type; t.Typtype != 'c' || !t.Extension || e.Name == "" {
		return collation{}, refuse(e, "field of a row of type %s", t.Name)
	}
	if _, err := w.visit(&e.Arg, lazy); err != nil {
		return collation{}, err
	}
	return ofColumn(e.Collation), nil
}
