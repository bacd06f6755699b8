package ir

// JSONConstructor is JSON_OBJECT(key VALUE value, ...), JSON_ARRAY(value, ...) or
// JSON_SCALAR(value), of type json or jsonb.
type JSONConstructor struct {
	Node
	Kind    JSONKind
	Absent  bool // ABSENT ON NULL
	Unique  bool // WITH UNIQUE KEYS
	Mutable bool // the server calls it so (contain_mutable_functions)
	Args    []Expr
}

// JSONKind is JsonConstructorType (nodes/primnodes.h).
type JSONKind byte

// Kinds of constructors. Aggregates have others.
const (
	JSONObject JSONKind = 1
	JSONArray  JSONKind = 2
	JSONParse  JSONKind = 5
	JSONScalar JSONKind = 6
)

// Children returns the arguments.
func (e *JSONConstructor) Children() []Expr { return e.Args }

// IsJSON is arg IS JSON.
type IsJSON struct {
	Node
	Item   byte // JsonValueType: any, object, array, scalar
	Unique bool // WITH UNIQUE KEYS
	Arg    Expr
}

// Children returns the argument.
func (e *IsJSON) Children() []Expr { return []Expr{e.Arg} }

// JSONQuery is JSON_EXISTS, JSON_QUERY or JSON_VALUE (a JsonExpr).
type JSONQuery struct {
	Node
	Op               JSONQueryOp
	Wrapper          byte // JsonWrapper
	OmitQuotes       bool
	Mutable          bool
	OnEmpty, OnError JSONBehavior
	Names            []string // of the values passed
	Context, Path    Expr
	Passing          []Expr
	EmptyDefault     Expr // of DEFAULT ON EMPTY; nil: none
	ErrorDefault     Expr
}

// JSONQueryOp is JsonExprOp.
type JSONQueryOp byte

// The query functions.
const (
	JSONExistsOp JSONQueryOp = iota
	JSONQueryFn
	JSONValueOp
	JSONTableOp
)

// JSONBehavior is JsonBehaviorType.
type JSONBehavior byte

// Behaviours that are treated apart.
const (
	JSONDefault    JSONBehavior = 8
	JSONNoBehavior JSONBehavior = 255 // none is set
)

// Children returns context, path, the values passed, and the defaults that there are.
func (e *JSONQuery) Children() []Expr {
	all := append([]Expr{e.Context, e.Path}, e.Passing...)
	for _, d := range []Expr{e.EmptyDefault, e.ErrorDefault} {
		if d != nil {
			all = append(all, d)
		}
	}
	return all
}

func (d *decoder) json(tag byte, n Node, depth int) Expr {
	switch tag {
	case tagJSONConstructor:
		return &JSONConstructor{Node: n, Kind: JSONKind(d.u8()), Absent: d.bool(), Unique: d.bool(),
			Mutable: d.bool(), Args: d.args(depth)}
	case tagIsJSON:
		return &IsJSON{Node: n, Item: d.enum(3), Unique: d.bool(), Arg: d.expr(depth)}
	}
	e := &JSONQuery{Node: n, Op: JSONQueryOp(d.enum(byte(JSONTableOp))), Wrapper: d.enum(3),
		OmitQuotes: d.bool(), Mutable: d.bool()}
	e.OnEmpty, e.OnError = d.behavior(), d.behavior()
	e.Names = list(d, 4, d.string)
	e.Context, e.Path = d.expr(depth), d.expr(depth)
	for range e.Names {
		e.Passing = append(e.Passing, d.expr(depth))
	}
	e.EmptyDefault, e.ErrorDefault = d.optional(depth), d.optional(depth)
	if (e.OnEmpty == JSONDefault) != (e.EmptyDefault != nil) || (e.OnError == JSONDefault) != (e.ErrorDefault != nil) {
		d.fail("default of a JSON function")
	}
	return e
}

func (d *decoder) behavior() JSONBehavior {
	b := JSONBehavior(d.u8())
	if b > JSONDefault && b != JSONNoBehavior {
		d.fail("JSON behaviour %d", b)
	}
	return b
}

func (e *encoder) json(x Expr) {
	switch x := x.(type) {
	case *JSONConstructor:
		e.head(tagJSONConstructor, &x.Node)
		e.byte(byte(x.Kind))
		e.bool(x.Absent)
		e.bool(x.Unique)
		e.bool(x.Mutable)
		e.args(x.Args)
	case *IsJSON:
		e.head(tagIsJSON, &x.Node)
		e.byte(x.Item)
		e.bool(x.Unique)
		e.expr(x.Arg)
	case *JSONQuery:
		e.head(tagJSONQuery, &x.Node)
		e.byte(byte(x.Op))
		e.byte(x.Wrapper)
		e.bool(x.OmitQuotes)
		e.bool(x.Mutable)
		e.byte(byte(x.OnEmpty))
		e.byte(byte(x.OnError))
		e.u32(uint32(len(x.Names)))
		for _, name := range x.Names {
			e.out = putString(e.out, name)
		}
		e.expr(x.Context)
		e.expr(x.Path)
		for _, v := range x.Passing {
			e.expr(v)
		}
		e.optional(x.EmptyDefault)
		e.optional(x.ErrorDefault)
	}
}
