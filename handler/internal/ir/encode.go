package ir

import "fmt"

// Encode is the inverse of Decode, as the C side would write the request. It
// is here for tests: of the handler without a server, and of Decode itself.
// IDs are not looked at; objects are told apart by address, and nodes with the
// same value of Equal are said to be equal.
func Encode(req Request) []byte {
	b := putU32(nil, Version)
	switch r := req.(type) {
	case *Relation:
		e := newEncoder(r.Servers)
		e.clauses(r.Clauses)
		return e.body(putString(putString(append(b, kindRelation), r.Server), r.Table))
	case *Classify:
		e := newEncoder(r.Servers)
		e.clauses(r.Clauses)
		return e.body(append(b, kindClassify))
	case *QueryRequest:
		e := newEncoder(r.Servers)
		e.query(r.Query)
		return e.body(append(b, kindQuery, r.statement()))
	case *Modify:
		return encodeModify(append(b, kindModify), r)
	default:
		panic(fmt.Sprintf("ir: request %T", req))
	}
}

// encoder collects the object tables while it writes the trees.
type encoder struct {
	servers    Servers
	out        []byte
	types      []*Type
	functions  []*Function
	operators  []*Operator
	collations []*Collation
	nodes      uint32            // written so far
	first      map[uint32]uint32 // number of the first node by Equal
	equals     []byte
	nequals    uint32
	columns    []byte // of tables
	ncolumns   uint32
}

func (e *encoder) clauses(clauses []Clause) {
	e.u32(uint32(len(clauses)))
	for i := range clauses {
		c := &clauses[i]
		e.byte(byte(c.Context))
		if c.Context == ContextSort {
			e.key(&c.Key)
		}
		e.expr(c.Expr)
	}
}

func newEncoder(s Servers) *encoder {
	return &encoder{servers: s, first: map[uint32]uint32{}}
}

// body appends the object tables, what was written, and the equal nodes.
func (e *encoder) body(b []byte) []byte {
	b = putU32(putU32(b, uint32(e.servers.Local)), uint32(e.servers.Remote))
	b = putU32(b, uint32(len(e.types)))
	for _, t := range e.types {
		b = putU32(putU32(b, t.OID), uint32(t.Typmod))
		b = append(b, flags(t.Origin, t.OIDAlias, false), t.Typtype, t.Category)
		b = putString(b, t.Name)
	}
	b = putU32(b, uint32(len(e.functions)))
	for _, f := range e.functions {
		b = append(putU32(b, f.OID), flags(f.Origin, f.RetSet, false), f.Volatility, f.Kind)
		b = putString(putString(b, f.Schema), f.Name)
	}
	b = putU32(b, uint32(len(e.operators)))
	for _, o := range e.operators {
		b = append(putU32(b, o.OID), flags(o.Origin, false, false))
		b = putString(putString(b, o.Schema), o.Name)
	}
	b = putU32(b, uint32(len(e.collations)))
	for _, c := range e.collations {
		b = append(putU32(b, c.OID), flags(c.Origin, c.Default, c.Deterministic))
		b = putString(putString(b, c.Schema), c.Name)
	}
	b = append(putU32(b, e.ncolumns), e.columns...)
	b = append(b, e.out...)
	return append(putU32(b, e.nequals), e.equals...)
}

// flags packs an origin; third and fourth are the bits 0x04 and 0x08.
func flags(o Origin, third, fourth bool) byte {
	var f byte
	for i, set := range []bool{o.Builtin, o.Extension, third, fourth} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

// index answers the position of an object in its table, adding it.
func index[T any](table *[]*T, o *T) uint32 {
	if o == nil {
		return none
	}
	for i, other := range *table {
		if other == o {
			return uint32(i)
		}
	}
	*table = append(*table, o)
	return uint32(len(*table) - 1)
}

func (e *encoder) typ(t *Type)            { e.out = putU32(e.out, index(&e.types, t)) }
func (e *encoder) function(f *Function)   { e.out = putU32(e.out, index(&e.functions, f)) }
func (e *encoder) operator(o *Operator)   { e.out = putU32(e.out, index(&e.operators, o)) }
func (e *encoder) collation(c *Collation) { e.out = putU32(e.out, index(&e.collations, c)) }
func (e *encoder) byte(v byte)            { e.out = append(e.out, v) }
func (e *encoder) bool(v bool)            { e.out = putBool(e.out, v) }
func (e *encoder) u32(v uint32)           { e.out = putU32(e.out, v) }

func (e *encoder) head(tag byte, n *Node) {
	if first, ok := e.first[n.Equal]; ok {
		e.equals = putU32(putU32(e.equals, e.nodes), first)
		e.nequals++
	} else {
		e.first[n.Equal] = e.nodes
	}
	e.nodes++
	e.byte(tag)
	e.typ(n.Type)
	e.collation(n.Collation)
}

func (e *encoder) args(args []Expr) {
	e.u32(uint32(len(args)))
	for _, a := range args {
		e.expr(a)
	}
}

func (e *encoder) op(tag byte, x *Op) {
	e.head(tag, &x.Node)
	e.operator(x.Operator)
	e.function(x.Function)
	e.collation(x.InputCollation)
	e.args(x.Args)
}

func (e *encoder) expr(x Expr) {
	switch x := x.(type) {
	case *Var:
		e.head(tagVar, &x.Node)
		e.u32(x.Item)
		e.u32(x.Varno)
		e.u32(uint32(x.Attno))
	case *Const:
		e.head(tagConst, &x.Node)
		e.byte(flags(Origin{x.Null, x.LocalObject}, x.Invalid, x.Large))
		e.out = putString(e.out, x.Text)
	case *Param:
		e.head(tagParam, &x.Node)
		e.bool(x.Exec)
		e.u32(uint32(x.Number))
	case *Op:
		e.op(tagOp, x)
	case *Distinct:
		e.op(tagDistinct, &x.Op)
	case *NullIf:
		e.op(tagNullIf, &x.Op)
	case *Func:
		e.head(tagFunc, &x.Node)
		e.function(x.Function)
		e.byte(byte(x.Form))
		e.bool(x.Variadic)
		e.collation(x.InputCollation)
		e.args(x.Args)
	case *ScalarArray:
		e.head(tagScalarArray, &x.Node)
		e.operator(x.Operator)
		e.function(x.Function)
		e.collation(x.InputCollation)
		e.bool(x.Any)
		e.args(x.Args)
	case *Unknown:
		e.head(tagUnknown, &x.Node)
		e.byte(flags(Origin{x.ForeignVar, x.Volatile}, x.NotAlone, false))
		e.u32(x.Tag)
	case *SQLValue:
		e.head(tagSQLValue, &x.Node)
		e.byte(x.Op)
	case *CaseTest:
		e.head(tagCaseTest, &x.Node)
	default:
		e.compound(x)
	}
}

// compound writes the nodes whose parts are mostly other nodes.
func (e *encoder) compound(x Expr) {
	switch x := x.(type) {
	case *Bool:
		e.head(tagBool, &x.Node)
		e.byte(byte(x.Op))
		e.args(x.Args)
	case *NullTest:
		e.head(tagNullTest, &x.Node)
		e.bool(x.Not)
		e.bool(x.Row)
		e.expr(x.Arg)
	case *BooleanTest:
		e.head(tagBooleanTest, &x.Node)
		e.byte(byte(x.Test))
		e.expr(x.Arg)
	case *Coalesce:
		e.head(tagCoalesce, &x.Node)
		e.args(x.Args)
	case *MinMax:
		e.head(tagMinMax, &x.Node)
		e.bool(x.Least)
		e.function(x.Comparison)
		e.collation(x.InputCollation)
		e.args(x.Args)
	case *Case:
		e.head(tagCase, &x.Node)
		e.bool(x.Arg != nil)
		e.bool(x.Default != nil)
		e.u32(uint32(len(x.Whens)))
		for _, child := range x.Children() {
			e.expr(child)
		}
	case *Array:
		e.head(tagArray, &x.Node)
		e.args(x.Args)
	case *Subscript:
		e.head(tagSubscript, &x.Node)
		e.u32(uint32(len(x.Bounds)))
		for _, b := range x.Bounds {
			e.byte(flags(Origin{b.Lower != nil, b.Upper != nil}, b.Slice, false))
		}
		for _, child := range x.Children() {
			e.expr(child)
		}
	case *Row:
		e.head(tagRow, &x.Node)
		e.args(x.Args)
	case *RowCompare:
		e.head(tagRowCompare, &x.Node)
		e.u32(uint32(len(x.Pairs)))
		for _, p := range x.Pairs {
			e.operator(p.Operator)
			e.function(p.Function)
			e.collation(p.InputCollation)
		}
		for _, child := range x.Children() {
			e.expr(child)
		}
	case *JSONConstructor, *IsJSON, *JSONQuery:
		e.json(x)
	case *FieldSelect:
		e.head(tagFieldSelect, &x.Node)
		e.u32(uint32(x.Field))
		e.out = putString(e.out, x.Name)
		e.expr(x.Arg)
	default:
		e.cast(x)
	}
}

func (e *encoder) cast(x Expr) {
	switch x := x.(type) {
	case *Relabel:
		e.head(tagRelabel, &x.Node)
		e.byte(byte(x.Form))
		e.expr(x.Arg)
	case *CoerceViaIO:
		e.head(tagCoerceViaIO, &x.Node)
		e.function(x.Output)
		e.function(x.Input)
		e.expr(x.Arg)
	case *ArrayCoerce:
		e.head(tagArrayCoerce, &x.Node)
		e.expr(x.Arg)
		e.expr(x.Element)
	case *Collate:
		e.head(tagCollate, &x.Node)
		e.expr(x.Arg)
	case *CoerceToDomain:
		e.head(tagCoerceToDomain, &x.Node)
		e.expr(x.Arg)
	default:
		e.queryNode(x)
	}
}
