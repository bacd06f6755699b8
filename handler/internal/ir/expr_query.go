package ir

// Aggref is an aggregate.
type Aggref struct {
	Node
	Function       *Function
	InputCollation *Collation
	Star           bool // count(*)
	Variadic       bool
	WithinGroup    bool     // ordered-set: OrderBy is that of WITHIN GROUP
	Direct         []Expr   // arguments in front of WITHIN GROUP
	Args           []Target // junk ones are for OrderBy only
	Distinct       []Key    // by Ref of Args; none: not DISTINCT
	OrderBy        []Key
	Filter         Expr // nil: none
}

// Children returns the arguments and the filter.
func (e *Aggref) Children() []Expr {
	all := append(make([]Expr, 0, len(e.Direct)+len(e.Args)+1), e.Direct...)
	for _, a := range e.Args {
		all = append(all, a.Expr)
	}
	if e.Filter != nil {
		all = append(all, e.Filter)
	}
	return all
}

// WindowFunc is a function with OVER.
type WindowFunc struct {
	Node
	Function       *Function
	InputCollation *Collation
	Star           bool   // count(*)
	Window         uint32 // Window.Ref
	Args           []Expr
	Filter         Expr // nil: none
}

// Children returns the arguments and the filter.
func (e *WindowFunc) Children() []Expr {
	if e.Filter == nil {
		return e.Args
	}
	return append(append(make([]Expr, 0, len(e.Args)+1), e.Args...), e.Filter)
}

// GroupingFunc is GROUPING(args).
type GroupingFunc struct {
	Node
	Args []Expr
}

// Children returns the grouping expressions.
func (e *GroupingFunc) Children() []Expr { return e.Args }

// SubLinkKind is PGWIRE_SUBLINK_*.
type SubLinkKind byte

// Kinds of sub-links.
const (
	ExistsSubLink     SubLinkKind = iota // EXISTS (query)
	AllSubLink                           // (lefthand) op ALL (query)
	AnySubLink                           // (lefthand) op ANY (query)
	RowCompareSubLink                    // (lefthand) op (query)
	ExprSubLink                          // (query with one result column)
	ArraySubLink                         // ARRAY(query with one result column)
)

// SubLink is a query in an expression.
type SubLink struct {
	Node
	Kind  SubLinkKind
	Or    bool   // Tests are joined by OR, else by AND
	Tests []Expr // Ops whose right side is a SubOutput, perhaps cast
	Query *Query
}

// Children returns the tests and the expressions of the query, with those of
// queries nested in it.
func (e *SubLink) Children() []Expr {
	all := append([]Expr(nil), e.Tests...)
	e.Query.Exprs(func(child *Expr) { all = append(all, *child) })
	return all
}

// SubOutput is a result column of the query, in the tests of its SubLink.
type SubOutput struct {
	Node
	Column uint32 // from 1
}
