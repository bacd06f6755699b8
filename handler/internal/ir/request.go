package ir

// Version of the format, PGWIRE_IR_VERSION.
const Version = 1

// MaxDepth of a tree, PGWIRE_IR_MAX_DEPTH: what is deeper C cuts off with an
// Unknown.
const MaxDepth = 500

// Kinds of request, PGWIRE_REQ_*.
const (
	kindClassify = 1
	kindCost     = 2
	kindSelect   = 3
)

// Request is a question of the planner: *Classify, *Cost or *Select.
type Request interface{ request() }

// Options are the options that planning depends on, as they cross: name NUL
// value NUL, repeated (option.SplitPairs). They alias the request.
type Options struct {
	Major  int // major version of the local server
	Server []byte
	Table  []byte
}

// Clause is a condition that rows have to meet.
type Clause struct {
	// Must says that the clause was classified as shippable before: its columns
	// are not fetched, so it cannot be checked here any more.
	Must bool
	Expr Expr
}

// Classify asks which clauses may run on the remote server.
type Classify struct {
	Options
	Clauses []Clause
}

// ClassifyReply answers Classify.
type ClassifyReply struct {
	Ship        []bool // one for each clause
	StartupCost float64
	TupleCost   float64
	FetchSize   int
	FetchMemory int64 // bytes
}

// Cost asks what the paths of a foreign relation cost. All costs are in the
// planner's units.
type Cost struct {
	FDWStartup, FDWTuple           float64 // options fdw_startup_cost, fdw_tuple_cost
	CPUTuple, CPUOperator          float64 // cpu_tuple_cost, cpu_operator_cost
	SeqPage, RandomPage            float64 // seq_page_cost, random_page_cost
	Pages, Tuples                  float64 // of the relation
	RestrictStartup, RestrictTuple float64 // baserestrictcost
	Paths                          []CostPath
}

// CostPath is one of the paths.
type CostPath struct {
	Parameterized bool
	Rows          float64 // that the path answers
	Retrieved     float64 // that the remote sends for them
	JoinStartup   float64 // of the join clauses that come with parameters
	JoinTuple     float64
}

// PathCost answers for one CostPath.
type PathCost struct{ Startup, Total float64 }

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

// Select asks for the statement that scans a base relation.
type Select struct {
	Options
	Schema, Table string // local names
	Columns       []Column
	Lock          LockStrength
	Wait          WaitPolicy
	Clauses       []Clause
}

// Column of the relation that is fetched or used in a clause.
type Column struct {
	Attno   int32  // in ascending order; CtidAttno comes first
	Fetch   bool   // else only named in clauses
	Name    string // local name
	Options []byte // as Options.Server
}

// SelectReply answers Select.
type SelectReply struct {
	SQL       string
	Params    []uint32 // node ID of each parameter's expression, $1 first
	Attnos    []int32  // local column of each result column
	Ship      []bool   // one for each clause
	LocksRows bool
}

func (*Classify) request() {}
func (*Cost) request()     {}
func (*Select) request()   {}
