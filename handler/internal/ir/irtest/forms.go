package irtest

import (
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

// expr reads one form.
func (p *parser) expr() ir.Expr {
	start := p.pos
	p.want("(")
	form := p.next()
	e := p.form(form)
	p.want(")")
	written.Store(e, strings.Join(p.tokens[start:p.pos], " "))
	return e
}

func (p *parser) form(form string) ir.Expr {
	switch form {
	case "col", "outer":
		v := &ir.Var{Item: ir.NoItem, Varno: 1}
		if form == "col" {
			v.Item = 1
			if item, _, ok := strings.Cut(p.peek(), "."); ok {
				p.tokens[p.pos] = strings.TrimPrefix(p.peek(), item+".")
				v.Item = parseNumber(item)
			}
		}
		v.Attno = p.number()
		v.Node = p.node()
		p.collate(&v.Node)
		return v
	case "const":
		c := &ir.Const{Node: p.node()}
		text := p.next()
		c.Null = text == "null"
		c.LocalObject, c.Invalid, c.Large = text == "local", text == "invalid", text == "large"
		if !c.Null && !c.Large {
			c.Text = strings.TrimPrefix(text, `"`)
		}
		p.collate(&c.Node)
		return c
	case "ext", "exec":
		e := &ir.Param{Exec: form == "exec", Number: p.number()}
		e.Node = p.node()
		p.collate(&e.Node)
		return e
	case "op":
		e := p.operation()
		return &e
	case "distinct":
		return &ir.Distinct{Op: p.operation()}
	case "nullif":
		return &ir.NullIf{Op: p.operation()}
	case "func", "cast", "implicit", "sqlsyntax", "variadic":
		return p.function(form)
	case "any", "all":
		o := p.object()
		e := &ir.ScalarArray{Node: ir.Node{Type: Type("bool")}, Any: form == "any",
			Operator: o.operator(), Function: o.function()}
		e.InputCollation, e.Args = p.input()
		return e
	case "and", "or", "not":
		op := map[string]ir.BoolOp{"and": ir.And, "or": ir.Or, "not": ir.Not}[form]
		return &ir.Bool{Node: ir.Node{Type: Type("bool")}, Op: op, Args: p.args()}
	case "case":
		return p.caseExpr()
	case "at", "slice":
		return p.subscript(form)
	case "unknown":
		return p.unknown()
	default:
		return p.simple(form)
	}
}

func (p *parser) operation() ir.Op {
	o := p.object()
	e := ir.Op{Node: p.node(), Operator: o.operator(), Function: o.function()}
	e.InputCollation, e.Args = p.input()
	inherit(&e.Node, e.InputCollation)
	return e
}

// inherit: a collatable result has the collation of the input.
func inherit(n *ir.Node, input *ir.Collation) {
	if n.Collation != nil && input != nil {
		n.Collation = input
	}
}

func (p *parser) function(form string) ir.Expr {
	o := p.object()
	e := &ir.Func{Node: p.node(), Function: o.function(), Variadic: form == "variadic"}
	e.Form = map[string]ir.CoercionForm{"cast": ir.CoerceExplicitCast,
		"implicit": ir.CoerceImplicitCast, "sqlsyntax": ir.CoerceSQLSyntax}[form]
	e.InputCollation, e.Args = p.input()
	inherit(&e.Node, e.InputCollation)
	return e
}

func (p *parser) caseExpr() ir.Expr {
	e := &ir.Case{Node: p.node(), Arg: p.optional()}
	for p.peek() == "(" && p.tokens[p.pos+1] == "(" {
		p.want("(")
		e.Whens = append(e.Whens, ir.When{Cond: p.expr(), Result: p.expr()})
		p.want(")")
	}
	if p.peek() != ")" {
		e.Default = p.optional()
	}
	return e
}

func (p *parser) subscript(form string) ir.Expr {
	args := p.args()
	container := args[0].Base()
	e := &ir.Subscript{Container: args[0]}
	e.Type, e.Collation = Type(strings.TrimSuffix(elementName(container.Type.OID), "[]")), container.Collation
	if form == "slice" {
		e.Type = container.Type
		e.Bounds = []ir.Bound{{Slice: true, Lower: args[1], Upper: args[2]}}
		return e
	}
	for _, a := range args[1:] {
		e.Bounds = append(e.Bounds, ir.Bound{Upper: a})
	}
	return e
}

// elementName is the notation of a container type.
func elementName(oid uint32) string {
	for name, t := range types {
		if t.oid == oid {
			return name
		}
	}
	return "int4"
}

func (p *parser) unknown() ir.Expr {
	e := &ir.Unknown{Node: p.node(), Tag: 999}
	for p.peek() != ")" {
		switch f := p.next(); {
		case f == "foreign":
			e.ForeignVar = true
		case f == "volatile":
			e.Volatile = true
		case f == "alone":
			e.NotAlone = true
		case f[0] == '#': // only the notation differs
		default:
			panic("irtest: flag " + f)
		}
	}
	return e
}

func (p *parser) simple(form string) ir.Expr {
	truth := ir.Node{Type: Type("bool")}
	switch form {
	case "null", "notnull":
		return &ir.NullTest{Node: truth, Not: form == "notnull", Arg: p.expr()}
	case "istrue":
		return &ir.BooleanTest{Node: truth, Test: ir.IsTrue, Arg: p.expr()}
	case "isnotunknown":
		return &ir.BooleanTest{Node: truth, Test: ir.IsNotUnknown, Arg: p.expr()}
	case "relabel", "as":
		e := &ir.Relabel{Node: p.node(), Form: ir.CoerceExplicitCast, Arg: p.expr()}
		if form == "as" {
			e.Form = ir.CoerceImplicitCast
		}
		inherit(&e.Node, e.Arg.Base().Collation)
		p.collate(&e.Node)
		return e
	case "io":
		output, input := p.object().function(), p.object().function()
		return &ir.CoerceViaIO{Node: p.node(),
			Output: output, Input: input, Arg: p.expr()}
	case "coalesce":
		e := &ir.Coalesce{Node: p.node(), Args: p.args()}
		inherit(&e.Node, derive(e.Args))
		return e
	case "array":
		e := &ir.Array{Node: p.node(), Args: p.args()}
		inherit(&e.Node, derive(e.Args))
		return e
	case "greatest", "least":
		e := &ir.MinMax{Least: form == "least", Comparison: p.object().function()}
		e.Node = p.node()
		e.InputCollation, e.Args = p.input()
		inherit(&e.Node, e.InputCollation)
		return e
	case "casetest":
		e := &ir.CaseTest{Node: p.node()}
		p.collate(&e.Node)
		return e
	case "json":
		kind := map[string]ir.JSONKind{"object": ir.JSONObject, "array": ir.JSONArray, "parse": ir.JSONParse, "scalar": ir.JSONScalar}[p.next()]
		e := &ir.JSONConstructor{Kind: kind, Node: p.node()}
		for p.peek() != ")" && p.peek() != "(" {
			switch p.next() {
			case "absent":
				e.Absent = true
			case "unique":
				e.Unique = true
			case "mutable":
				e.Mutable = true
			}
		}
		e.Args = p.args()
		return e
	case "isjson":
		return &ir.IsJSON{Node: truth, Item: byte(p.number()), Arg: p.expr()}
	case "jsonexists", "jsonquery", "jsonvalue":
		return p.jsonQuery(form)
	case "rowcompare":
		e := &ir.RowCompare{Node: truth}
		o := p.object()
		for p.peek() != ")" {
			pair := ir.RowPair{Operator: o.operator(), Function: o.function(), Left: p.expr(), Right: p.expr()}
			pair.InputCollation = derive([]ir.Expr{pair.Left, pair.Right})
			e.Pairs = append(e.Pairs, pair)
		}
		return e
	case "row":
		return &ir.Row{Node: p.node(), Args: p.args()}
	case "collate":
		c := Collations[p.next()]
		e := &ir.Collate{Arg: p.expr()}
		e.Type, e.Collation = e.Arg.Base().Type, c
		return e
	case "sqlvalue":
		return &ir.SQLValue{Node: p.node()}
	case "field":
		return &ir.FieldSelect{Node: p.node(), Field: 1, Name: "f1", Arg: p.expr()}
	case "domain":
		return &ir.CoerceToDomain{Node: p.node(), Arg: p.expr()}
	case "arraycoerce":
		return &ir.ArrayCoerce{Node: p.node(), Arg: p.expr(), Element: p.expr()}
	default:
		if e := p.queryForm(form); e != nil {
			return e
		}
		panic("irtest: form " + form)
	}
}

func (p *parser) jsonQuery(form string) ir.Expr {
	op := map[string]ir.JSONQueryOp{"jsonexists": ir.JSONExistsOp, "jsonquery": ir.JSONQueryFn, "jsonvalue": ir.JSONValueOp}[form]
	e := &ir.JSONQuery{Op: op, Node: p.node(), OnEmpty: ir.JSONNoBehavior, OnError: ir.JSONNoBehavior}
	for p.peek() != "(" {
		switch f := p.next(); f {
		case "mutable":
			e.Mutable = true
		case "wrapper":
			e.Wrapper = 3
		case "omit":
			e.OmitQuotes = true
		case "error":
			e.OnError = 1
		}
	}
	e.Context, e.Path = p.expr(), p.expr()
	if p.peek() != ")" {
		if e.EmptyDefault = p.optional(); e.EmptyDefault != nil {
			e.OnEmpty = ir.JSONDefault
		}
	}
	for p.peek() != ")" {
		e.Names = append(e.Names, string(rune('x'+len(e.Names))))
		e.Passing = append(e.Passing, p.expr())
	}
	return e
}
