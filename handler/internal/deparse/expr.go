package deparse

import (
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

// Labels of constants: whether ::type is written.
type label int

const (
	labelled label = iota
	// bare leaves an untyped string literal, which takes the type of the column
	// that it is compared with.
	bare
	// always writes the type: what would else be taken for a position.
	always
)

// expr writes an expression such that it can stand wherever one can.
func (w *writer) expr(e ir.Expr) {
	switch e := e.(type) {
	case *ir.Local:
		w.collated(e, func() { w.param(e) })
	case *ir.Var:
		w.column(e)
	case *ir.Const:
		w.collated(e, func() { w.constant(e, labelled) })
	case *ir.Op:
		w.operation(e)
	case *ir.Distinct:
		w.infix(e.Args, " IS DISTINCT FROM ")
	case *ir.NullIf:
		w.commas("NULLIF(", e.Args, ")")
	case *ir.Func:
		w.call(e)
	case *ir.ScalarArray:
		w.scalarArray(e)
	case *ir.Bool:
		w.boolean(e)
	case *ir.NullTest:
		w.nullTest(e)
	case *ir.BooleanTest:
		w.put("(")
		w.expr(e.Arg)
		w.put(" IS ", booleanTests[e.Test], ")")
	case *ir.Relabel:
		w.collated(e, func() { w.relabel(e) })
	case *ir.Collate:
		w.collated(e, func() { w.expr(e.Arg) })
	case *ir.CoerceViaIO, *ir.ArrayCoerce, *ir.CoerceToDomain:
		w.expr(e.Children()[0])
		w.put("::", e.Base().Type.Name)
	case *ir.JSONConstructor:
		w.jsonConstructor(e)
	case *ir.IsJSON:
		w.isJSON(e)
	case *ir.JSONQuery:
		w.jsonQuery(e)
	case *ir.Row:
		w.row(e)
	case *ir.RowCompare:
		w.rowCompare(e)
	case *ir.FieldSelect:
		w.put("((")
		w.expr(e.Arg)
		w.put(").", Ident(e.Name), ")")
	case *ir.Coalesce:
		w.commas("COALESCE(", e.Args, ")")
	case *ir.MinMax:
		if e.Least {
			w.commas("LEAST(", e.Args, ")")
		} else {
			w.commas("GREATEST(", e.Args, ")")
		}
	case *ir.Case:
		w.caseExpr(e)
	case *ir.Array:
		w.commas("ARRAY[", e.Args, "]")
		if len(e.Args) == 0 {
			w.put("::", e.Type.Name)
		}
	case *ir.Subscript:
		w.subscript(e)
	default:
		w.queryNode(e)
	}
}

var booleanTests = map[ir.BoolTest]string{
	ir.IsTrue: "TRUE", ir.IsNotTrue: "NOT TRUE",
	ir.IsFalse: "FALSE", ir.IsNotFalse: "NOT FALSE",
	ir.IsUnknown: "UNKNOWN", ir.IsNotUnknown: "NOT UNKNOWN",
}

func (w *writer) commas(open string, args []ir.Expr, end string) {
	w.put(open)
	for i, a := range args {
		if i > 0 {
			w.put(", ")
		}
		w.expr(a)
	}
	w.put(end)
}

func (w *writer) infix(args []ir.Expr, between string) {
	w.put("(")
	for i, a := range args {
		if i > 0 {
			w.put(between)
		}
		w.expr(a)
	}
	w.put(")")
}

// operator answers the symbol; only pg_catalog is in the remote's search path.
func operator(o *ir.Operator) string {
	if o.Schema == "pg_catalog" {
		return o.Name
	}
	return "OPERATOR(" + Ident(o.Schema) + "." + o.Name + ")"
}

// operation writes (left op right) or (op right). A string literal beside a
// plain column of its type is left untyped, so that a column that is declared
// text here and is an enum there can be compared.
func (w *writer) operation(e *ir.Op) {
	w.put("(")
	if len(e.Args) == 2 {
		w.operand(e.Args[0], e.Args[1])
		w.put(" ")
	}
	w.put(operator(e.Operator), " ")
	if len(e.Args) == 2 {
		w.operand(e.Args[1], e.Args[0])
	} else {
		w.expr(e.Args[0])
	}
	w.put(")")
}

func (w *writer) operand(e, other ir.Expr) {
	if isBare(e, other) {
		w.constant(e.(*ir.Const), bare)
		return
	}
	if v, column := plainColumn(e); column && isBare(other, e) {
		w.column(v)
		return
	}
	w.expr(e)
}

// isBare: e is a constant that takes its type from the column beside it.
func isBare(e, other ir.Expr) bool {
	c, constant := e.(*ir.Const)
	_, column := plainColumn(other)
	return constant && column && c.Type.OID == other.Base().Type.OID && ir.Collated(c) == nil
}

// plainColumn: a column of the foreign table; also one of varchar taken for
// text, which is what every operator on varchar does with it.
func plainColumn(e ir.Expr) (*ir.Var, bool) {
	if r, ok := e.(*ir.Relabel); ok && r.Form == ir.CoerceImplicitCast && r.Type.OID == oidText &&
		r.Arg.Base().Type.OID == oidVarchar && ir.Collated(e) == nil {
		e = r.Arg
	}
	v, ok := e.(*ir.Var)
	return v, ok && v.Foreign()
}

// call writes a function call or a cast. An implicit cast is spelled out too:
// it need not stand where the parser put it. An inlined SQL function brings
// those of its arguments to places where the remote's parser would find another
// operator for the bare argument: numeric / numeric of two integer columns, say,
// would become integer division.
func (w *writer) call(e *ir.Func) {
	switch e.Form {
	case ir.CoerceImplicitCast, ir.CoerceExplicitCast:
		w.expr(e.Args[0])
		w.put("::", e.Type.Name)
		return
	}
	if e.Function.Schema != "pg_catalog" {
		w.put(Ident(e.Function.Schema), ".")
	}
	w.put(Ident(e.Function.Name), "(")
	for i, a := range e.Args {
		if i > 0 {
			w.put(", ")
		}
		if e.Variadic && i == len(e.Args)-1 {
			w.put("VARIADIC ")
		}
		w.expr(a)
	}
	w.put(")")
}

func (w *writer) scalarArray(e *ir.ScalarArray) {
	quantifier := " ALL ("
	if e.Any {
		quantifier = " ANY ("
	}
	w.put("(")
	w.expr(e.Args[0])
	w.put(" ", operator(e.Operator), quantifier)
	w.expr(e.Args[1])
	// a bare SELECT would be a sub-select whose rows are compared
	if link, ok := e.Args[1].(*ir.SubLink); ok {
		w.put("::", link.Type.Name)
	}
	w.put("))")
}

func (w *writer) boolean(e *ir.Bool) {
	switch e.Op {
	case ir.Not:
		w.put("(NOT ")
		w.expr(e.Args[0])
		w.put(")")
	case ir.And:
		w.infix(e.Args, " AND ")
	case ir.Or:
		w.infix(e.Args, " OR ")
	}
}

// nullTest: IS NULL on a row looks at its fields; where the planner wants the
// row itself tested, IS DISTINCT FROM does it.
func (w *writer) nullTest(e *ir.NullTest) {
	w.put("(")
	w.expr(e.Arg)
	composite := e.Arg.Base().Type.Typtype == 'c' || e.Arg.Base().Type.OID == 2249
	switch {
	case (e.Row || !composite) && e.Not:
		w.put(" IS NOT NULL)")
	case e.Row || !composite:
		w.put(" IS NULL)")
	case e.Not:
		w.put(" IS DISTINCT FROM NULL)")
	default:
		w.put(" IS NOT DISTINCT FROM NULL)")
	}
}

func (w *writer) caseExpr(e *ir.Case) {
	w.put("(CASE")
	if e.Arg != nil {
		w.put(" ")
		w.expr(e.Arg)
	}
	for _, when := range e.Whens {
		cond := when.Cond
		if e.Arg != nil {
			if cond = ir.CaseValue(cond); cond == nil {
				w.fail("WHEN is not a comparison with the argument of CASE")
				return
			}
		}
		w.put(" WHEN ")
		w.expr(cond)
		w.put(" THEN ")
		w.expr(when.Result)
	}
	if e.Default != nil {
		w.put(" ELSE ")
		w.expr(e.Default)
	}
	w.put(" END)")
}

// subscript: what is not a plain column is put in parentheses, lest the
// subscript of a cast be taken for part of the type's name.
func (w *writer) subscript(e *ir.Subscript) {
	w.put("(")
	if _, column := e.Container.(*ir.Var); column {
		w.expr(e.Container)
	} else {
		w.put("(")
		w.expr(e.Container)
		w.put(")")
	}
	for _, b := range e.Bounds {
		w.put("[")
		if b.Lower != nil {
			w.expr(b.Lower)
		}
		if b.Slice {
			w.put(":")
		}
		if b.Upper != nil {
			w.expr(b.Upper)
		}
		w.put("]")
	}
	w.put(")")
}

// Types whose constants have a form of their own.
const (
	oidBool    = 16
	oidInt8    = 20
	oidInt2    = 21
	oidInt4    = 23
	oidText    = 25
	oidOid     = 26
	oidFloat4  = 700
	oidFloat8  = 701
	oidVarchar = 1043
	oidBit     = 1560
	oidVarbit  = 1562
	oidUnknown = 705
	oidNumeric = 1700
)

// constant writes a value and, unless the parser would guess it, its type.
func (w *writer) constant(e *ir.Const, l label) {
	typed := l != bare && e.Type.OID != oidUnknown
	switch {
	case e.Null:
		w.put("NULL")
	case e.Type.OID == oidBool && e.Text == "t":
		w.put("true")
		typed = l == always
	case e.Type.OID == oidBool:
		w.put("false")
		typed = l == always
	case digits(e):
		// digits have a type of their own, whatever they stand beside
		typed = l == always || !guessed(e)
		if e.Text[0] == '-' {
			w.put("(", e.Text, ")")
		} else {
			w.put(e.Text)
		}
	case e.Type.OID == oidBit || e.Type.OID == oidVarbit:
		typed = true
		w.put("B", Literal(e.Text))
	default:
		w.put(Literal(e.Text))
	}
	if typed {
		w.put("::", e.Type.Name)
	}
}

// digits: the value can be written without quotes and reads back as the same.
// Infinity and NaN cannot, nor a zero with a sign: -0 is an integer's negation.
func digits(e *ir.Const) bool {
	switch e.Type.OID {
	case oidInt2, oidInt4, oidInt8, oidOid, oidFloat4, oidFloat8, oidNumeric:
		return e.Text != "" && e.Text != "-0" && strings.Trim(e.Text, "0123456789+-eE.") == ""
	}
	return false
}

// guessed: the parser gives such digits this very type. The least integer it
// does not: it reads a bigint and negates it.
func guessed(e *ir.Const) bool {
	switch e.Type.OID {
	case oidInt4:
		return e.Text != "-2147483648"
	case oidNumeric:
		return e.Type.Typmod < 0 && strings.ContainsAny(e.Text, "eE.")
	}
	return false
}
