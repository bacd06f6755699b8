package ir

// NoItem stands for the item of a column that is a value of this side.
const NoItem = none

// Query is SELECT: one level of it (extension/plan/ir.h, "Queries").
type Query struct {
	CTEs          []CTE
	Items         []Item // what From joins; of a set operation the operands
	From          From   // nil: none
	Where         []Expr // all must hold
	Targets       []Target
	GroupDistinct bool
	Group         []Key
	Sets          []GroupingSet // none: plain GROUP BY
	Having        []Expr
	Windows       []Window
	Distinct      DistinctKind
	DistinctKeys  []Key
	OrderBy       []Key
	Limit         Expr // nil: none
	WithTies      bool
	Offset        Expr   // nil: none
	SetOp         *SetOp // nil: an ordinary query
	Locks         []RowLock
	Write         *Write // nil: SELECT
}

// Write makes a query INSERT, UPDATE or DELETE. Only the outermost query has one.
type Write struct {
	Op        Operation
	Item      uint32   // the table, an item of the query; From has it unless Op is Insert
	DoNothing bool     // ON CONFLICT DO NOTHING; only Insert
	Columns   []int32  // attribute numbers, for the query's Targets; none of Delete
	Returning []Target // the result's columns
}

// CTE is one WITH query. Items refer to it by its number.
type CTE struct {
	Number       uint32
	Recursive    bool // refers to itself
	Search       bool // has SEARCH or CYCLE
	Materialized Materialize
	Query        *Query
}

// Materialize is CTEMaterialize (nodes/parsenodes.h).
type Materialize byte

// What WITH says about materialization.
const (
	MaterializeDefault Materialize = iota
	MaterializeAlways
	MaterializeNever
)

// Item is one thing that a query ranges over.
type Item struct {
	Number uint32
	Kind   ItemKind
	// of a table: its remote names, and its columns that occur
	Schema, Name string
	Columns      []Column
	// of a query
	Barrier bool // a security barrier
	Query   *Query
	// of a CTE: its number
	CTE uint32
	// of functions
	Ordinality bool
	Functions  []TableFunction
	// of VALUES
	Types []ColumnType
	Rows  [][]Expr
	// of what cannot be sent
	Alien Alien
}

// ItemKind is PGWIRE_ITEM_*.
type ItemKind byte

// Kinds of items.
const (
	ItemTable ItemKind = 1 + iota
	ItemQuery
	ItemCTE
	ItemFunction
	ItemValues
	ItemUnknown
)

// Alien says why an ItemUnknown cannot be sent; PGWIRE_ALIEN_*.
type Alien byte

// Why an item cannot be sent.
const (
	AlienTable   Alien = 1 + iota // local, or of another server or user
	AlienKind                     // XMLTABLE, a tuple store ...
	AlienTooDeep                  // nested deeper than MaxDepth
)

// Column of a table.
type Column struct {
	Attno   int32
	Name    string // the local name at first; the handler puts the remote one here
	Options []byte // as Relation.Server
}

// ColumnType is type and collation of a column of functions or VALUES.
type ColumnType struct {
	Type      *Type
	Collation *Collation // nil: none
}

// TableFunction is a function in FROM.
type TableFunction struct {
	Expr        Expr         // a Func mostly; it may return a set
	Definitions []ColumnType // of one that returns records
	Columns     uint32       // how many it has
}

// From is a part of FROM: FromItem, *Join or *FromList.
type From interface{ from() }

// FromItem is an item by its number.
type FromItem uint32

// Join is a join of two parts.
type Join struct {
	Type        JoinType
	Left, Right From
	On          []Expr // all must hold
}

// FromList is a cross join of parts, with conditions (FromExpr).
type FromList struct {
	List  []From
	Where []Expr // all must hold
}

func (FromItem) from()  {}
func (*Join) from()     {}
func (*FromList) from() {}

// FromItems calls f for the items of a part of FROM.
func FromItems(from From, f func(uint32)) {
	switch from := from.(type) {
	case FromItem:
		f(uint32(from))
	case *Join:
		FromItems(from.Left, f)
		FromItems(from.Right, f)
	case *FromList:
		for _, part := range from.List {
			FromItems(part, f)
		}
	}
}

// Hidden calls f for the items of a part of FROM that are on the right side of a
// semi or anti join: above it their columns are not known, or NULL.
func Hidden(from From, f func(item uint32, in JoinType)) {
	switch from := from.(type) {
	case *Join:
		Hidden(from.Left, f)
		Hidden(from.Right, f)
		if from.Type == SemiJoin || from.Type == AntiJoin {
			FromItems(from.Right, func(item uint32) { f(item, from.Type) })
		}
	case *FromList:
		for _, part := range from.List {
			Hidden(part, f)
		}
	}
}

// Nullable calls f for each item whose rows an outer join may make NULL.
func Nullable(from From, f func(item uint32)) {
	switch from := from.(type) {
	case *Join:
		Nullable(from.Left, f)
		Nullable(from.Right, f)
		if from.Type == RightJoin || from.Type == FullJoin {
			FromItems(from.Left, f)
		}
		if from.Type == LeftJoin || from.Type == FullJoin {
			FromItems(from.Right, f)
		}
	case *FromList:
		for _, part := range from.List {
			Nullable(part, f)
		}
	}
}

// JoinType is PGWIRE_JOIN_*.
type JoinType byte

// Types of joins.
const (
	InnerJoin JoinType = iota
	LeftJoin
	FullJoin
	RightJoin
	SemiJoin // rows of the left with a match on the right
	AntiJoin // rows of the left without one
)

// Target is an entry of the target list.
type Target struct {
	Junk bool   // no result column
	Ref  uint32 // by which keys refer to it; 0: none does
	Expr Expr
}

// Key is a SortGroupClause: something that is sorted or grouped by.
type Key struct {
	Ref        uint32    // of the target; of a set operation the number of the column
	Equality   *Operator // nil: none
	Order      *Operator // nil: none
	NullsFirst bool
	// Less and Greater: Order is that operator of the type's default btree
	// operator class. Equal: Equality is the default one.
	Less, Greater, Equal bool
}

// GroupingSetKind is the kind of a GroupingSet (nodes/parsenodes.h).
type GroupingSetKind byte

// Kinds of grouping sets.
const (
	GroupingSetEmpty GroupingSetKind = iota
	GroupingSetSimple
	GroupingSetRollup
	GroupingSetCube
	GroupingSets
)

// GroupingSet is an entry of GROUP BY with grouping sets.
type GroupingSet struct {
	Kind GroupingSetKind
	Refs []uint32      // of an empty or simple one
	Sets []GroupingSet // of others
}

// Window is what an OVER says.
type Window struct {
	Ref        uint32 // WindowFunc.Window
	Partition  []Key
	OrderBy    []Key
	Frame      uint32 // FRAMEOPTION_* (nodes/parsenodes.h)
	Start, End Expr   // offsets; nil: none
}

// FrameRange and the others are bits of Window.Frame, FRAMEOPTION_*
// (nodes/parsenodes.h).
const (
	FrameNonDefault        = 0x00001
	FrameRange             = 0x00002
	FrameRows              = 0x00004
	FrameGroups            = 0x00008
	FrameBetween           = 0x00010
	FrameStartUnbounded    = 0x00020 // PRECEDING
	FrameEndUnbounded      = 0x00100 // FOLLOWING
	FrameStartCurrent      = 0x00200
	FrameEndCurrent        = 0x00400
	FrameStartPreceding    = 0x00800 // by an offset
	FrameEndPreceding      = 0x01000
	FrameStartFollowing    = 0x02000
	FrameEndFollowing      = 0x04000
	FrameExcludeCurrentRow = 0x08000
	FrameExcludeGroup      = 0x10000
	FrameExcludeTies       = 0x20000
)

// DistinctKind is PGWIRE_DISTINCT_*.
type DistinctKind byte

// Kinds of DISTINCT.
const (
	DistinctNone DistinctKind = iota
	DistinctAll
	DistinctOn
)

// SetOp is a tree of set operations.
type SetOp struct {
	Op   SetOpKind
	Item uint32 // of an operand
	// of an operation
	All         bool
	Keys        []Key // one for each column; none for UNION ALL
	Left, Right *SetOp
}

// SetOpKind is PGWIRE_SETOP_*.
type SetOpKind byte

// Kinds of set operations.
const (
	SetOpItem SetOpKind = iota // an operand
	Union
	Intersect
	Except
)

// LockStrength is a row lock, PGWIRE_LOCK_*.
type LockStrength byte

// Row locks.
const (
	LockNone LockStrength = iota
	LockKeyShare
	LockShare
	LockNoKeyUpdate
	LockUpdate
)

// WaitPolicy is LockWaitPolicy (nodes/lockoptions.h): what to do when a row is
// locked by somebody else.
type WaitPolicy byte

// Wait policies.
const (
	WaitBlock WaitPolicy = iota
	WaitSkip
	WaitError
)

// RowLock locks the rows of an item.
type RowLock struct {
	Item     uint32
	Strength LockStrength
	Wait     WaitPolicy
}

// Tables calls f for each table of the query and of those nested in it.
func (q *Query) Tables(f func(*Item)) {
	q.walk(func(q *Query) {
		for i := range q.Items {
			if q.Items[i].Kind == ItemTable {
				f(&q.Items[i])
			}
		}
	})
}

// Nests says that there are queries in the query.
func (q *Query) Nests() bool {
	n := 0
	q.walk(func(*Query) { n++ })
	return n > 1
}

// Vars calls f for each column in the item.
func (i *Item) Vars(f func(*Var)) {
	visit := func(e *Expr) { Vars(*e, f) }
	if i.Kind == ItemQuery {
		i.Query.Exprs(visit)
	}
	i.exprs(visit)
}

// Vars calls f for each column in an expression.
func Vars(e Expr, f func(*Var)) {
	if v, ok := e.(*Var); ok {
		f(v)
	}
	for _, c := range e.Children() {
		Vars(c, f)
	}
}

// walk calls f for the query and all that are nested in it.
func (q *Query) walk(f func(*Query)) {
	f(q)
	for i := range q.CTEs {
		q.CTEs[i].Query.walk(f)
	}
	for i := range q.Items {
		if q.Items[i].Kind == ItemQuery {
			q.Items[i].Query.walk(f)
		}
	}
	q.own(func(e *Expr) { walkLinks(*e, f) })
}

// HasQuery says that there is a query in an expression.
func HasQuery(e Expr) bool {
	found := false
	walkLinks(e, func(*Query) { found = true })
	return found
}

func walkLinks(e Expr, f func(*Query)) {
	if link, ok := e.(*SubLink); ok {
		for _, t := range link.Tests {
			walkLinks(t, f)
		}
		link.Query.walk(f)
		return
	}
	for _, c := range e.Children() {
		walkLinks(c, f)
	}
}

// Exprs calls f for the place of each expression of the query, those of nested
// queries included, in the order of the bytes. What is below an expression it
// leaves to f.
func (q *Query) Exprs(f func(*Expr)) {
	for i := range q.CTEs {
		q.CTEs[i].Query.Exprs(f)
	}
	for i := range q.Items {
		item := &q.Items[i]
		if item.Kind == ItemQuery {
			item.Query.Exprs(f)
		}
		item.exprs(f)
	}
	q.rest(f)
}

// own is Exprs without those of queries in WITH and FROM.
func (q *Query) own(f func(*Expr)) {
	for i := range q.Items {
		q.Items[i].exprs(f)
	}
	q.rest(f)
}

// exprs are those of functions and VALUES.
func (i *Item) exprs(f func(*Expr)) {
	for j := range i.Functions {
		f(&i.Functions[j].Expr)
	}
	for _, row := range i.Rows {
		each(row, f)
	}
}

// rest are the expressions behind the items.
func (q *Query) rest(f func(*Expr)) {
	fromExprs(q.From, f)
	each(q.Where, f)
	for i := range q.Targets {
		f(&q.Targets[i].Expr)
	}
	each(q.Having, f)
	for i := range q.Windows {
		some(&q.Windows[i].Start, f)
		some(&q.Windows[i].End, f)
	}
	some(&q.Limit, f)
	some(&q.Offset, f)
	if q.Write != nil {
		for i := range q.Write.Returning {
			f(&q.Write.Returning[i].Expr)
		}
	}
}

func fromExprs(from From, f func(*Expr)) {
	switch from := from.(type) {
	case *Join:
		fromExprs(from.Left, f)
		fromExprs(from.Right, f)
		each(from.On, f)
	case *FromList:
		for _, part := range from.List {
			fromExprs(part, f)
		}
		each(from.Where, f)
	}
}

func each(exprs []Expr, f func(*Expr)) {
	for i := range exprs {
		f(&exprs[i])
	}
}

func some(e *Expr, f func(*Expr)) {
	if *e != nil {
		f(e)
	}
}

// Outputs are the targets that are result columns, in order.
func (q *Query) Outputs() []Target {
	out := make([]Target, 0, len(q.Targets))
	for _, t := range q.Targets {
		if !t.Junk {
			out = append(out, t)
		}
	}
	return out
}

// Target answers the target that a key refers to; nil: none.
func (q *Query) Target(ref uint32) *Target {
	for i := range q.Targets {
		if q.Targets[i].Ref == ref && ref != 0 {
			return &q.Targets[i]
		}
	}
	return nil
}
