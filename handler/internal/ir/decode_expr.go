package ir

// expr reads a tree. After an error it answers an Unknown, never nil.
func (d *decoder) expr(depth int) Expr {
	tag := d.u8()
	d.shallow(depth)
	n := Node{ID: d.nodes, Equal: d.nodes}
	d.nodes++
	n.Type = required(d, d.types, "type")
	n.Collation = object(d, d.collations, "collation")
	if d.err != nil {
		return &Unknown{Node: n}
	}
	return d.node(tag, n, depth+1)
}

func (d *decoder) args(depth int) []Expr {
	n := d.count(9)
	if n == 0 {
		return nil
	}
	args := make([]Expr, n)
	for i := range args {
		args[i] = d.expr(depth)
	}
	return args
}

// argsOf reads arguments whose number must be within bounds.
func (d *decoder) argsOf(least, most, depth int) []Expr {
	args := d.args(depth)
	if len(args) < least || len(args) > most {
		d.fail("%d arguments, %d to %d wanted", len(args), least, most)
	}
	return args
}

// form reads a CoercionForm.
func (d *decoder) form() CoercionForm { return CoercionForm(d.enum(byte(CoerceSQLSyntax))) }

func (d *decoder) op(n Node, depth int) Op {
	return Op{
		Node:           n,
		Operator:       required(d, d.operators, "operator"),
		Function:       required(d, d.functions, "function"),
		InputCollation: object(d, d.collations, "collation"),
		Args:           d.argsOf(1, 2, depth),
	}
}

// node reads what follows the common fields. The fields of a composite literal
// are evaluated in the order they stand in, which is the order of the bytes.
func (d *decoder) node(tag byte, n Node, depth int) Expr {
	switch tag {
	case tagVar:
		return &Var{Node: n, Item: d.u32(), Varno: d.u32(), Attno: d.i32()}
	case tagConst:
		flags := d.u8()
		return &Const{Node: n, Null: flags&constNull != 0,
			LocalObject: flags&constLocalObject != 0, Invalid: flags&constInvalid != 0, Large: flags&constLarge != 0, Text: d.string()}
	case tagParam:
		return &Param{Node: n, Exec: d.enum(paramExec) == paramExec, Number: d.i32()}
	case tagOp:
		e := &Op{}
		*e = d.op(n, depth)
		return e
	case tagDistinct:
		return d.binary(&Distinct{d.op(n, depth)})
	case tagNullIf:
		return d.binary(&NullIf{d.op(n, depth)})
	case tagFunc:
		return &Func{Node: n, Function: required(d, d.functions, "function"), Form: d.form(),
			Variadic: d.bool(), InputCollation: object(d, d.collations, "collation"),
			Args: d.args(depth)}
	case tagScalarArray:
		return &ScalarArray{Node: n, Operator: required(d, d.operators, "operator"),
			Function:       required(d, d.functions, "function"),
			InputCollation: object(d, d.collations, "collation"),
			Any:            d.bool(), Args: d.argsOf(2, 2, depth)}
	case tagBool:
		return d.boolExpr(n, depth)
	case tagNullTest:
		return &NullTest{Node: n, Not: d.enum(1) == 1, Row: d.bool(), Arg: d.expr(depth)}
	case tagBooleanTest:
		return &BooleanTest{Node: n, Test: BoolTest(d.enum(byte(IsNotUnknown))), Arg: d.expr(depth)}
	case tagCoalesce:
		return &Coalesce{Node: n, Args: d.args(depth)}
	case tagMinMax:
		return &MinMax{Node: n, Least: d.enum(1) == 1,
			Comparison:     object(d, d.functions, "function"),
			InputCollation: object(d, d.collations, "collation"), Args: d.args(depth)}
	case tagCase:
		return d.caseExpr(n, depth)
	case tagCaseTest:
		return &CaseTest{n}
	case tagArray:
		return &Array{Node: n, Args: d.args(depth)}
	case tagSubscript:
		return d.subscript(n, depth)
	case tagRow:
		return &Row{Node: n, Args: d.args(depth)}
	case tagJSONConstructor, tagIsJSON, tagJSONQuery:
		return d.json(tag, n, depth)
	case tagRowCompare:
		return d.rowCompare(n, depth)
	case tagSQLValue:
		return &SQLValue{Node: n, Op: d.u8()}
	case tagFieldSelect:
		return &FieldSelect{Node: n, Field: d.i32(), Name: d.string(), Arg: d.expr(depth)}
	case tagUnknown:
		flags := d.u8()
		return &Unknown{Node: n, ForeignVar: flags&unknownForeignVar != 0,
			Volatile: flags&unknownVolatile != 0, NotAlone: flags&unknownNotAlone != 0,
			Tag: d.u32()}
	default:
		return d.cast(tag, n, depth)
	}
}

// cast reads the nodes that turn a value into another type or collation.
func (d *decoder) cast(tag byte, n Node, depth int) Expr {
	switch tag {
	case tagRelabel:
		return &Relabel{Node: n, Form: d.form(), Arg: d.expr(depth)}
	case tagCoerceViaIO:
		return &CoerceViaIO{Node: n,
			Output: required(d, d.functions, "function"),
			Input:  required(d, d.functions, "function"), Arg: d.expr(depth)}
	case tagArrayCoerce:
		return &ArrayCoerce{Node: n, Arg: d.expr(depth), Element: d.expr(depth)}
	case tagCollate:
		return &Collate{Node: n, Arg: d.expr(depth)}
	case tagCoerceToDomain:
		return &CoerceToDomain{Node: n, Arg: d.expr(depth)}
	default:
		return d.queryNode(tag, n, depth)
	}
}

// binary checks that an Op's kin has both its arguments.
func (d *decoder) binary(e Expr) Expr {
	if n := len(e.Children()); n != 2 {
		d.fail("%d arguments, 2 wanted", n)
	}
	return e
}

func (d *decoder) boolExpr(n Node, depth int) Expr {
	e := &Bool{Node: n, Op: BoolOp(d.enum(byte(Not))), Args: d.args(depth)}
	if len(e.Args) == 0 || e.Op == Not && len(e.Args) != 1 {
		d.fail("%d arguments of a boolean operator", len(e.Args))
	}
	return e
}

func (d *decoder) caseExpr(n Node, depth int) Expr {
	e := &Case{Node: n}
	hasArg, hasDefault := d.bool(), d.bool()
	e.Whens = make([]When, d.count(18))
	if hasArg {
		e.Arg = d.expr(depth)
	}
	for i := range e.Whens {
		e.Whens[i] = When{Cond: d.expr(depth), Result: d.expr(depth)}
	}
	if hasDefault {
		e.Default = d.expr(depth)
	}
	return e
}

func (d *decoder) subscript(n Node, depth int) Expr {
	e := &Subscript{Node: n}
	flags := d.take(d.count(1))
	e.Bounds = make([]Bound, len(flags))
	e.Container = d.expr(depth)
	for i, f := range flags {
		b := Bound{Slice: f&subscriptSlice != 0}
		if f&subscriptLower != 0 {
			b.Lower = d.expr(depth)
		}
		if f&subscriptUpper != 0 {
			b.Upper = d.expr(depth)
		}
		if !b.Slice && (b.Lower != nil || b.Upper == nil) {
			d.fail("subscript that is neither index nor slice")
		}
		e.Bounds[i] = b
	}
	return e
}

func (d *decoder) rowCompare(n Node, depth int) Expr {
	e := &RowCompare{Node: n, Pairs: make([]RowPair, d.count(12+2*9))}
	for i := range e.Pairs {
		e.Pairs[i] = RowPair{Operator: required(d, d.operators, "operator"),
			Function:       required(d, d.functions, "function"),
			InputCollation: object(d, d.collations, "collation")}
	}
	for i := range e.Pairs {
		e.Pairs[i].Left, e.Pairs[i].Right = d.expr(depth), d.expr(depth)
	}
	if len(e.Pairs) == 0 {
		d.fail("comparison of rows without columns")
	}
	return e
}
