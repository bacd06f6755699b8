package ship

import (
	"fmt"
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

// facts are what a subtree is made of.
type facts struct {
	known   bool // has been looked at
	foreign bool // has a column of the foreign relation
	pure    bool // evaluated ahead of the scan it gives the same
	open    bool // has a CaseTest whose CASE is further up
}

// movable: can be evaluated here, ahead of the scan, by itself.
func (f facts) movable() bool { return f.pure && !f.open && !f.foreign }

// look finds out about a subtree, once.
func (w *walker) look(e ir.Expr) facts {
	i := int(e.Base().ID - w.root)
	for len(w.facts) <= i {
		w.facts = append(w.facts, facts{})
	}
	if w.facts[i].known {
		return w.facts[i]
	}
	f := facts{known: true, pure: repeatable(e)}
	for _, child := range e.Children() {
		c := w.look(child)
		f.foreign = f.foreign || c.foreign
		f.pure = f.pure && c.pure
		f.open = f.open || c.open
	}
	switch e := e.(type) {
	case *ir.Var:
		f.foreign = e.Foreign()
		f.pure = !e.Foreign() && e.Attno > 0
	case *ir.Unknown:
		f.foreign = e.ForeignVar
		f.pure = !e.ForeignVar && !e.Volatile && !e.NotAlone
	case *ir.CaseTest:
		f.open = true
	case *ir.Case:
		f.open = w.openCase(e)
	case *ir.ArrayCoerce:
		f.open = w.look(e.Arg).open
	}
	w.facts[i] = f
	return f
}

// openCase: an argument closes the CaseTests of the conditions.
func (w *walker) openCase(e *ir.Case) bool {
	open := e.Arg != nil && w.look(e.Arg).open || e.Default != nil && w.look(e.Default).open
	for _, when := range e.Whens {
		open = open || w.look(when.Result).open || e.Arg == nil && w.look(when.Cond).open
	}
	return open
}

// repeatable: evaluated once per scan a node gives what it would give per row.
// Functions that return sets would give several values.
func repeatable(e ir.Expr) bool {
	switch e := e.(type) {
	case *ir.Op:
		return steady(e.Function)
	case *ir.Distinct:
		return steady(e.Function)
	case *ir.NullIf:
		return steady(e.Function)
	case *ir.Func:
		return steady(e.Function)
	case *ir.ScalarArray:
		return steady(e.Function)
	case *ir.MinMax:
		return e.Comparison == nil || steady(e.Comparison)
	case *ir.RowCompare:
		for _, p := range e.Pairs {
			if !steady(p.Function) {
				return false
			}
		}
	case *ir.CoerceViaIO:
		return steady(e.Output) && steady(e.Input)
	case *ir.Aggref, *ir.WindowFunc, *ir.GroupingFunc, *ir.SubLink, *ir.SubOutput:
		return false
	}
	return true
}

func steady(f *ir.Function) bool { return f.Volatility != 'v' && !f.RetSet && f.Kind == 'f' }

// total says that a movable expression cannot fail, or fails whatever the
// statement's parameters are: such a one may be evaluated ahead of the scan
// even where it stands behind a guard.
func total(e ir.Expr) bool {
	switch e := e.(type) {
	case *ir.Param, *ir.Var, *ir.SQLValue, *ir.Const, *ir.CaseTest:
		return true
	case *ir.Relabel, *ir.NullTest, *ir.BooleanTest, *ir.Bool, *ir.Coalesce, *ir.Array, *ir.Case:
		return allTotal(e.Children())
	case *ir.Op:
		return (comparison(e.Operator) && allTotal(e.Args)) || instant(e)
	case *ir.ScalarArray:
		return comparison(e.Operator) && allTotal(e.Args)
	case *ir.Func:
		return (e.Function.Builtin && widening[e.Function.OID] && allTotal(e.Args)) || instant(e)
	default:
		return false
	}
}

func allTotal(args []ir.Expr) bool {
	for _, a := range args {
		if !total(a) {
			return false
		}
	}
	return true
}

// comparison: the operators of the built-in btree operator classes.
func comparison(o *ir.Operator) bool {
	if !o.Builtin || o.Schema != "pg_catalog" {
		return false
	}
	switch o.Name {
	case "=", "<>", "<", "<=", ">", ">=":
		return true
	}
	return false
}

// widening are casts between numbers that take every value.
var widening = oidSet(
	235, 311, 316, 482, // to double precision
	313, 481, 754, // to integer, to bigint
	1740, 1781, 1782, // to numeric
)

// instant: a point or length of time reckoned from the clock and constants
// alone, such as now() - interval '1 day'.
func instant(e ir.Expr) bool {
	if _, constant := e.(*ir.Const); constant {
		return true
	}
	if !datetime[e.Base().Type.OID] {
		return false
	}
	switch e := e.(type) {
	case *ir.SQLValue:
		return true
	case *ir.Op:
		return e.Function.Builtin && allInstant(e.Args)
	case *ir.Func:
		return e.Function.Builtin && allInstant(e.Args)
	}
	return false
}

func allInstant(args []ir.Expr) bool {
	for _, a := range args {
		if !instant(a) {
			return false
		}
	}
	return true
}

// kind names the type of an expression, for people.
func kind(e ir.Expr) string {
	if _, ok := e.(*ir.Unknown); ok {
		return ""
	}
	return " (" + strings.TrimPrefix(fmt.Sprintf("%T", e), "*ir.") + ")"
}
