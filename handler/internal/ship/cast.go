package ship

import "pgwire_fdw/handler/internal/ir"

// cast decides on what turns a value into another type or collation.
func (w *walker) cast(e ir.Expr, lazy bool) (collation, error) {
	switch e := e.(type) {
	case *ir.Relabel:
		state, err := w.visit(&e.Arg, lazy)
		if c := ir.Collated(e); c != nil {
			return collated(c), err
		}
		return state.relabelled(e.Collation), err
	case *ir.Collate:
		if ir.Collated(e) == nil {
			return collation{}, refuse(e, "%s may be another one there", collationName(e.Collation))
		}
		_, err := w.visit(&e.Arg, lazy)
		return collated(e.Collation), err
	case *ir.CoerceViaIO:
		return w.viaIO(e, lazy)
	case *ir.ArrayCoerce:
		return w.arrayCoerce(e, lazy)
	case *ir.CoerceToDomain:
		// an extension's domain has the same constraints there
		if !e.Type.Extension {
			return collation{}, refuse(e, `domain %s is of no extension named in "extensions"`, e.Type.Name)
		}
		state, err := w.visit(&e.Arg, lazy)
		return state.ofNode(e), err
	default:
		return w.queryNode(e)
	}
}

// arrayCoerce decides on array::type[], which the remote's parser takes apart
// into the same casts of elements, if these are what the parser here made.
func (w *walker) arrayCoerce(e *ir.ArrayCoerce, lazy bool) (collation, error) {
	if !elementCast(e.Element) {
		return collation{}, refuse(e.Element, "cast of an array that is no longer a cast of its elements")
	}
	state, err := w.visit(&e.Arg, lazy)
	if err != nil {
		return collation{}, err
	}
	outer := w.caseArg
	w.caseArg = &state
	// an array may be empty
	_, err = w.visit(&e.Element, true)
	w.caseArg = outer
	return state.ofNode(e), err
}

// elementCast: one cast upon the other, and the element at the bottom.
func elementCast(e ir.Expr) bool {
	for {
		switch c := e.(type) {
		case *ir.CaseTest:
			return true
		case *ir.Relabel:
			if ir.Collated(c) != nil {
				return false
			}
			e = c.Arg
		case *ir.CoerceViaIO:
			e = c.Arg
		case *ir.Func:
			if c.Form != ir.CoerceExplicitCast && c.Form != ir.CoerceImplicitCast || len(c.Args) == 0 {
				return false
			}
			for _, a := range c.Args[1:] {
				if _, constant := a.(*ir.Const); !constant {
					return false
				}
			}
			e = c.Args[0]
		default:
			return false
		}
	}
}
