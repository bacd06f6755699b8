package ir

// Version of the format, PGWIRE_IR_VERSION.
const Version = 2

// MaxDepth of a tree, PGWIRE_IR_MAX_DEPTH: what is deeper C cuts off with an
// Unknown.
const MaxDepth = 500

// Kinds of request, PGWIRE_REQ_*.
const (
	kindRelation = 1
	kindClassify = 2
	kindSelect   = 4
)

// Recurs says that the request is of a kind that comes again with the same bytes:
// one that C writes without the values of constants.
func Recurs(request []byte) bool {
	return len(request) > 4 && (request[4] == kindRelation || request[4] == kindClassify)
}

// Request is a question of the planner: *Relation, *Classify or *Select.
type Request interface{ request() }

// Relation asks for the options of a relation, and which of its conditions may
// run on the remote server.
type Relation struct {
	Major int // major version of the local server
	// Server and Table are the options that planning depends on, as they cross:
	// name NUL value NUL, repeated (option.SplitPairs). They alias the request.
	Server, Table []byte
	Clauses       []Expr
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

// Verdict says whether a clause may run on the remote server.
type Verdict struct {
	ID     uint32 // Node.ID of the part that is to blame
	Reason string // in words, for EXPLAIN; empty: it ships
}

// Ships says that it may.
func (v Verdict) Ships() bool { return v.Reason == "" }

// Classify asks which clauses may run on the remote server.
type Classify struct {
	Clauses []Expr
}

// LockStrength is the row lock of a statement, PGWIRE_LOCK_*.
type LockStrength byte

// Row locks.
const (
	LockNone LockStrength = iota
	LockShare
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

// Select asks for the statement that scans a base relation. The clauses have
// been found to be shippable: their columns need not be among those fetched.
type Select struct {
	Schema, Table string // of the remote relation
	Columns       []Column
	Lock          LockStrength
	Wait          WaitPolicy
	Clauses       []Expr
}

// Column of the relation that is fetched or used in a clause.
type Column struct {
	Attno   int32  // in ascending order; CtidAttno comes first
	Fetch   bool   // else only named in clauses
	Name    string // local name
	Options []byte // as Relation.Server
}

// SelectReply answers Select.
type SelectReply struct {
	SQL       string
	Params    []uint32 // node ID of each parameter's expression, $1 first
	Attnos    []int32  // local column of each result column
	LocksRows bool
}

func (*Relation) request() {}
func (*Classify) request() {}
func (*Select) request()   {}
