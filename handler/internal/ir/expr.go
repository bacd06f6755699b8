package ir

// Expr is an expression: one of the pointer types of this package that embed
// Node.
type Expr interface {
	// Base is what all nodes have.
	Base() *Node
	// Children are the direct sub-expressions, in the order they were
	// encoded; the slice may be the node's own.
	Children() []Expr
}

// Node is what all nodes have.
type Node struct {
	// ID is the number of the node in its request, in pre-order from 0; C finds
	// its own node by it.
	ID uint32
	// Type of the result with its typmod, never nil after decoding.
	Type *Type
	// Collation of the result, nil when it has none.
	Collation *Collation
	// Equal is the ID of the first node of the request that is equal to this
	// one; its own if there is none before. The server's equal()
	// (nodes/equalfuncs.c) is the judge, never what is known here of a node. It
	// is told of nodes that may become parameters, where SQL is asked for; of
	// others Equal is the ID.
	Equal uint32
}

// Base returns n.
func (n *Node) Base() *Node { return n }

// Children of a leaf.
func (n *Node) Children() []Expr { return nil }

// Origin says where an object comes from.
type Origin struct {
	Builtin   bool // OID below FirstGenbkiObjectId (access/transam.h)
	Extension bool // of an extension that the server option "extensions" names
}

// Type is a data type with a typmod (pg_type).
type Type struct {
	OID      uint32
	Typmod   int32 // -1: none
	Origin         // of the element type, where it is an array
	OIDAlias bool  // regclass and the like, or an array of them
	Typtype  byte  // pg_type.typtype: b c d e m p r
	Category byte  // pg_type.typcategory
	Name     string
	// Name is SQL text, quoted and qualified, with the typmod.
}

// Function is a row of pg_proc.
type Function struct {
	OID uint32
	Origin
	RetSet     bool
	Volatility byte // provolatile: i s v
	Kind       byte // prokind: f p a w
	Schema     string
	Name       string
}

// Operator is a row of pg_operator.
type Operator struct {
	OID uint32
	Origin
	Schema string
	Name   string
}

// Collation is a row of pg_collation.
type Collation struct {
	OID uint32
	Origin
	Default       bool // DEFAULT_COLLATION_OID: the database's own
	Deterministic bool
	Schema        string
	Name          string
}

// CoercionForm says how a cast was written (nodes/primnodes.h).
type CoercionForm byte

// How a function call or a cast is displayed.
const (
	CoerceExplicitCall CoercionForm = iota // as a function call
	CoerceExplicitCast                     // as a cast
	CoerceImplicitCast                     // not at all
	CoerceSQLSyntax                        // with the syntax SQL has for it
)

// Var is a column.
type Var struct {
	Node
	Item  uint32 // Item.Number of the query; NoItem: a value of this side
	Varno uint32 // range table index, by which columns look different to equal.c
	Attno int32  // column number; 0 the whole row; negative: system columns
}

// Foreign says that it is a column of an item of the query.
func (v *Var) Foreign() bool { return v.Item != NoItem }

// CtidAttno is SelfItemPointerAttributeNumber (access/sysattr.h).
const CtidAttno = -1

// RemoteTableoidAttno is the tableoid that the remote has (-PGWIRE_IR_REMOTE_TABLEOID).
// One with the number of the system column is the local table's, and not sent.
const RemoteTableoidAttno = -100

// Const is a constant, as its type's output function prints it (ISO dates,
// IntervalStyle postgres, extra_float_digits 3, search_path pg_catalog).
type Const struct {
	Node
	Null        bool
	LocalObject bool // an OID alias that names an object which is not built in
	Invalid     bool // Text is none in the encoding of the database
	// Large: the value is too large for a statement. Text is empty.
	Large bool
	// Text is there where SQL is asked for, or the decision depends on it: of
	// booleans, of all types whose text may be more than ASCII.
	Text string
}

// Param is a parameter of the statement or of the executor.
type Param struct {
	Node
	Exec   bool // PARAM_EXEC, else PARAM_EXTERN
	Number int32
}

// Op is an operator applied to one or two arguments.
type Op struct {
	Node
	Operator       *Operator
	Function       *Function
	InputCollation *Collation
	Args           []Expr
}

// Children returns the arguments.
func (e *Op) Children() []Expr { return e.Args }

// Distinct is a IS DISTINCT FROM b; the operator is the equality.
type Distinct struct{ Op }

// NullIf is NULLIF(a, b); the operator is the equality.
type NullIf struct{ Op }

// Func is a function call or a cast by function.
type Func struct {
	Node
	Function       *Function
	Form           CoercionForm
	Variadic       bool
	InputCollation *Collation
	Args           []Expr
}

// Children returns the arguments.
func (e *Func) Children() []Expr { return e.Args }

// ScalarArray is scalar op ANY (array), or ALL.
type ScalarArray struct {
	Node
	Operator       *Operator
	Function       *Function
	InputCollation *Collation
	Any            bool // else ALL
	Args           []Expr
}

// Children returns the scalar and the array.
func (e *ScalarArray) Children() []Expr { return e.Args }

// BoolOp is BoolExprType.
type BoolOp byte

// The boolean operators.
const (
	And BoolOp = iota
	Or
	Not
)

// Bool is AND, OR or NOT.
type Bool struct {
	Node
	Op   BoolOp
	Args []Expr
}

// Children returns the arguments.
func (e *Bool) Children() []Expr { return e.Args }

// NullTest is arg IS [NOT] NULL.
type NullTest struct {
	Node
	Not bool
	Row bool // tests the fields of a row (argisrow)
	Arg Expr
}

// Children returns the argument.
func (e *NullTest) Children() []Expr { return []Expr{e.Arg} }

// BoolTest is BoolTestType.
type BoolTest byte

// The truth tests.
const (
	IsTrue BoolTest = iota
	IsNotTrue
	IsFalse
	IsNotFalse
	IsUnknown
	IsNotUnknown
)

// BooleanTest is arg IS TRUE and its kin.
type BooleanTest struct {
	Node
	Test BoolTest
	Arg  Expr
}

// Children returns the argument.
func (e *BooleanTest) Children() []Expr { return []Expr{e.Arg} }

// Relabel is a cast between binary-compatible types.
type Relabel struct {
	Node
	Form CoercionForm
	Arg  Expr
}

// Children returns the argument.
func (e *Relabel) Children() []Expr { return []Expr{e.Arg} }

// CoerceViaIO is a cast by the output function of one type and the input
// function of the other.
type CoerceViaIO struct {
	Node
	Output, Input *Function
	Arg           Expr
}

// Children returns the argument.
func (e *CoerceViaIO) Children() []Expr { return []Expr{e.Arg} }

// Coalesce is COALESCE(args).
type Coalesce struct {
	Node
	Args []Expr
}

// Children returns the arguments.
func (e *Coalesce) Children() []Expr { return e.Args }

// MinMax is GREATEST(args) or LEAST(args).
type MinMax struct {
	Node
	Least          bool
	Comparison     *Function // of the type's default btree operator class
	InputCollation *Collation
	Args           []Expr
}

// Children returns the arguments.
func (e *MinMax) Children() []Expr { return e.Args }

// Case is CASE [arg] WHEN cond THEN result ... [ELSE default] END. With Arg, the
// conditions are comparisons whose one side is a CaseTest.
type Case struct {
	Node
	Arg     Expr // nil: searched CASE
	Whens   []When
	Default Expr // nil: NULL
}

// When is one branch of a Case.
type When struct{ Cond, Result Expr }

// Children returns argument, conditions and results as far as there are.
func (e *Case) Children() []Expr {
	all := make([]Expr, 0, 2+2*len(e.Whens))
	if e.Arg != nil {
		all = append(all, e.Arg)
	}
	for _, w := range e.Whens {
		all = append(all, w.Cond, w.Result)
	}
	if e.Default != nil {
		all = append(all, e.Default)
	}
	return all
}

// CaseTest stands for the argument of the Case around it, or for the element
// of an ArrayCoerce.
type CaseTest struct{ Node }

// Array is ARRAY[args].
type Array struct {
	Node
	Args []Expr
}

// Children returns the elements.
func (e *Array) Children() []Expr { return e.Args }

// Subscript is container[index]... or container[lower:upper]...
type Subscript struct {
	Node
	Container Expr
	Bounds    []Bound
}

// Bound is one subscript. Of an index only Upper is set; of a slice either may
// be nil.
type Bound struct {
	Slice        bool
	Lower, Upper Expr
}

// Children returns the container and the bounds that there are.
func (e *Subscript) Children() []Expr {
	all := []Expr{e.Container}
	for _, b := range e.Bounds {
		if b.Lower != nil {
			all = append(all, b.Lower)
		}
		if b.Upper != nil {
			all = append(all, b.Upper)
		}
	}
	return all
}

// ArrayCoerce is a cast of an array, element by element; Element is the cast of
// a CaseTest.
type ArrayCoerce struct {
	Node
	Arg, Element Expr
}

// Children returns the array and the cast of an element.
func (e *ArrayCoerce) Children() []Expr { return []Expr{e.Arg, e.Element} }

// Row is ROW(args).
type Row struct {
	Node
	Args []Expr
}

// Children returns the fields.
func (e *Row) Children() []Expr { return e.Args }

// RowCompare is ROW(a, b) < ROW(c, d).
type RowCompare struct {
	Node
	Pairs []RowPair // at least one
}

// RowPair is what is compared at one position, by its own operator.
type RowPair struct {
	Operator       *Operator
	Function       *Function
	InputCollation *Collation
	Left, Right    Expr
}

// Children returns left and right of each pair.
func (e *RowCompare) Children() []Expr {
	all := make([]Expr, 0, 2*len(e.Pairs))
	for _, p := range e.Pairs {
		all = append(all, p.Left, p.Right)
	}
	return all
}

// Collate is arg COLLATE collation (of the node).
type Collate struct {
	Node
	Arg Expr
}

// Children returns the argument.
func (e *Collate) Children() []Expr { return []Expr{e.Arg} }

// SQLValue is CURRENT_DATE and its kin; Op is SQLValueFunctionOp.
type SQLValue struct {
	Node
	Op byte
}

// FieldSelect is (arg).field.
type FieldSelect struct {
	Node
	Field int32
	Name  string // empty: not known
	Arg   Expr
}

// Children returns the row.
func (e *FieldSelect) Children() []Expr { return []Expr{e.Arg} }

// CoerceToDomain checks a value against a domain's constraints.
type CoerceToDomain struct {
	Node
	Arg Expr
}

// Children returns the argument.
func (e *CoerceToDomain) Children() []Expr { return []Expr{e.Arg} }

// Unknown is a node that has no form of its own here. What is below it is not
// known beyond these flags.
type Unknown struct {
	Node
	ForeignVar bool   // uses a column of the relation that is scanned
	Volatile   bool   // calls a volatile function
	NotAlone   bool   // means something only where it stands (a sub-plan, say)
	Tag        uint32 // NodeTag of the server's major
}

// Local stands for a subtree whose value is computed on this side, once per
// scan, and sent as a bound parameter. Package ship puts it in the place of the
// subtree.
type Local struct {
	Node
	Expr Expr
}

// Children returns the subtree.
func (e *Local) Children() []Expr { return []Expr{e.Expr} }
