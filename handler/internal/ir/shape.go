package ir

// Uncast looks through the implicit casts. One that enforces a length changes
// the value, so it is not looked through.
func Uncast(e Expr) Expr {
	for {
		switch c := e.(type) {
		case *Relabel:
			if c.Form != CoerceImplicitCast {
				return e
			}
			e = c.Arg
		case *Func:
			if c.Form != CoerceImplicitCast || len(c.Args) != 1 {
				return e
			}
			e = c.Args[0]
		default:
			return e
		}
	}
}

// CaseValue answers the value that a condition of a CASE with argument compares
// the argument to: the v of CASE a WHEN v THEN ... It is nil when the condition
// no longer has that shape.
func CaseValue(cond Expr) Expr {
	op, ok := cond.(*Op)
	if !ok || len(op.Args) != 2 {
		return nil
	}
	if _, ok := Uncast(op.Args[0]).(*CaseTest); !ok {
		return nil
	}
	return op.Args[1]
}
