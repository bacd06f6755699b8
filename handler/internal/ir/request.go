package ir

// Version of the format, PGWIRE_IR_VERSION.
const Version = 4

// MaxDepth of a tree, PGWIRE_IR_MAX_DEPTH: what is deeper C cuts off with an
// Unknown.
const MaxDepth = 500

// ClauseDepth is how deep a Clause counts as nested, PGWIRE_IR_CLAUSE_DEPTH.
const ClauseDepth = 50

// Kinds of request, PGWIRE_REQ_*.
const (
	kindRelation = 1
	kindClassify = 2
	kindQuery    = 4
	kindModify   = 5
)

// Recurs says that the request is of a kind that comes again with the same bytes:
// one that C writes without the values of constants.
func Recurs(request []byte) bool {
	if len(request) < 6 {
		return false
	}
	switch request[4] {
	case kindRelation, kindClassify, kindModify:
		return true
	case kindQuery:
		return request[5] == 0 // no statement
	}
	return false
}

// Request is a question of the planner: *Relation, *Classify, *QueryRequest or
// *Modify.
type Request interface{ request() }

// Relation asks for the options of a relation, and which of its conditions may
// run on the remote server.
type Relation struct {
	Servers Servers
	// Server and Table are the options that planning depends on, as they cross:
	// name NUL value NUL, repeated (option.SplitPairs). They alias the request.
	Server, Table []byte
	Clauses       []Clause
}

// RelationReply answers Relation.
type RelationReply struct {
	Schema, Table string // of the remote relation; empty: as the local ones
	StartupCost   float64
	TupleCost     float64
	FetchSize     int
	FetchMemory   int64     // bytes
	Ship          []Verdict // one for each clause
}

// Servers are the major versions of the two servers.
type Servers struct {
	Local  int
	Remote int // 0: not known
}

// Verdict says whether a clause may run on the remote server.
type Verdict struct {
	ID     uint32 // Node.ID of the part that is to blame
	Reason string // in words, for EXPLAIN; empty: it ships
}

// Ships says that it may.
func (v Verdict) Ships() bool { return v.Reason == "" }

// Classify asks which clauses may run on the remote server.
type Classify struct {
	Servers Servers
	Clauses []Clause
}

// NoNode is the ID of a Verdict on what is no expression.
const NoNode = none

// Clause is an expression, and what it is to be.
type Clause struct {
	Context Context
	Key     Key // of ContextSort
	Expr    Expr
}

// Context is PGWIRE_CONTEXT_*.
type Context byte

// What an expression is to be.
const (
	// ContextWhere: a condition that uses a column of an item.
	ContextWhere Context = iota
	// ContextTarget: an output of a query without aggregates.
	ContextTarget
	// ContextGrouped: an output, or a condition of HAVING, of a query with groups.
	ContextGrouped
	// ContextWindow: an output that may have window functions.
	ContextWindow
	// ContextSort: sorted, grouped or made distinct by.
	ContextSort
)

// QueryRequest asks whether a query may run on the remote server, or for its
// statement.
type QueryRequest struct {
	Servers   Servers
	Statement bool // of a query that has been found to be shippable
	Explain   bool // its EXPLAIN, for an estimate; only with Statement
	Query     *Query
}

// QueryReply answers QueryRequest with Statement.
type QueryReply struct {
	SQL       string
	Params    []uint32 // node ID of each parameter's expression, $1 first
	LocksRows bool
}

func (*Relation) request()     {}
func (*Classify) request()     {}
func (*QueryRequest) request() {}

// statement is PGWIRE_STATEMENT_*.
func (r *QueryRequest) statement() byte {
	switch {
	case r.Explain:
		return 2
	case r.Statement:
		return 1
	}
	return 0
}
