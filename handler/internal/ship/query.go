package ship

import (
	"errors"

	"pgwire_fdw/handler/internal/ir"
)

// Query decides on a query as a whole: whether it gives there, as a set of rows
// in an order as far as it asks for one, what it would give here. It answers what
// is to blame when it may not run there, nothing when it may: its expressions are
// then as they have to be sent. They are changed in place and belong to the answer.
//
// Where a query leaves open which rows it answers (LIMIT without ORDER BY, one
// of several equal rows of a DISTINCT ON), any answer is right.
func Query(servers ir.Servers, q *ir.Query) []Refusal {
	s := newStatement(servers)
	s.query(q, false)
	return s.refusals
}

func newStatement(servers ir.Servers) *statement {
	return &statement{servers: servers, columns: map[uint32][]collation{}, ctes: map[uint32][]collation{},
		tables: map[uint32]bool{}, hidden: map[uint32]ir.JoinType{}}
}

// statement is what is known while a query is decided on.
type statement struct {
	servers  ir.Servers
	refusals []Refusal
	// the columns of nested queries, by the number of their items, and of CTEs
	columns, ctes map[uint32][]collation
	tables        map[uint32]bool // the items that are tables
	recursive     *ir.CTE         // the one whose operands are looked at
	// the items that are on the right side of a semi or anti join, once the join
	// has been looked at: what comes then is above it
	hidden map[uint32]ir.JoinType
	// the items of the query that is looked at
	own map[uint32]bool
}

// refuse blames what is no expression.
func (s *statement) refuse(reason string) {
	s.refusals = append(s.refusals, Refusal{ID: ir.NoNode, Reason: reason})
}

// check keeps the reason of a decision against an expression.
func (s *statement) check(err error) bool {
	if err == nil {
		return true
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		s.refusals = append(s.refusals, *refusal)
	}
	return false
}

// query decides on one level, and answers what is known of its result columns.
// nested: here, parts of it might never be evaluated, or not for all rows; in any
// query that holds for all but FROM and WHERE.
func (s *statement) query(q *ir.Query, nested bool) []collation {
	recursive, own := s.recursive, s.own
	s.recursive = nil
	defer func() { s.own = own }()
	for i := range q.CTEs {
		s.cte(&q.CTEs[i])
	}
	if q.SetOp != nil {
		s.recursive = recursive
		s.operand(q, q.SetOp)
		s.recursive = nil
	} else {
		for i := range q.Items {
			s.item(&q.Items[i])
		}
	}
	s.own = make(map[uint32]bool, len(q.Items))
	for i := range q.Items {
		s.own[q.Items[i].Number] = true
	}
	s.from(q.From, nested)
	s.conditions(q.Where, nested, plain)
	l := s.targets(q)
	l.nested = nested
	if q.SetOp != nil {
		l.setOperation()
	}
	l.grouping()
	s.conditions(q.Having, true, aggregates)
	for i := range q.Windows {
		l.window(&q.Windows[i])
	}
	l.distinct()
	l.keys(q.OrderBy, sorted)
	s.count(&q.Limit, nested)
	s.count(&q.Offset, nested)
	s.locks(q)
	s.write(q)
	return l.outputs()
}

// subLinkQuery is query for a query in an expression.
func (s *statement) subLinkQuery(q *ir.Query) ([]collation, error) {
	before := len(s.refusals)
	outputs := s.query(q, true)
	if len(s.refusals) > before {
		first := s.refusals[before]
		s.refusals = s.refusals[:before]
		return nil, &first
	}
	return outputs, nil
}

func (s *statement) cte(c *ir.CTE) {
	switch {
	case c.Search:
		s.refuse("WITH query with SEARCH or CYCLE")
	case c.Recursive && (c.Query.SetOp == nil || c.Query.SetOp.Op != ir.Union):
		s.refuse("recursive WITH query that is no UNION")
	}
	if c.Recursive {
		s.recursive = c
	}
	s.ctes[c.Number] = s.query(c.Query, true)
}

// operand looks at the operands of a set operation from left to right: of a
// recursive query, the first one says what the others may know of its columns.
func (s *statement) operand(q *ir.Query, op *ir.SetOp) {
	if op.Op != ir.SetOpItem {
		s.operand(q, op.Left)
		s.operand(q, op.Right)
		return
	}
	recursive := s.recursive
	item := itemOf(q, op.Item)
	s.item(item)
	if recursive != nil {
		s.ctes[recursive.Number] = s.columns[item.Number]
	}
	s.recursive = nil
}

// itemOf finds an item of the query, which decoding has made sure is there.
func itemOf(q *ir.Query, number uint32) *ir.Item {
	for i := range q.Items {
		if q.Items[i].Number == number {
			return &q.Items[i]
		}
	}
	return nil
}

func (s *statement) item(item *ir.Item) {
	switch item.Kind {
	case ir.ItemTable:
		s.tables[item.Number] = true
	case ir.ItemQuery:
		if item.Barrier {
			s.refuse("view or sub-query that is a security barrier")
		}
		s.columns[item.Number] = s.query(item.Query, true)
	case ir.ItemCTE:
		s.columns[item.Number] = s.ctes[item.CTE]
	case ir.ItemFunction:
		for i := range item.Functions {
			s.tableFunction(item, &item.Functions[i])
		}
	case ir.ItemValues:
		s.values(item)
	case ir.ItemUnknown:
		s.refuse(aliens[item.Alien])
	}
}

var aliens = map[ir.Alien]string{
	ir.AlienTable:   "table that is local, of another server, or read as another user",
	ir.AlienKind:    "kind of FROM entry that is not sent",
	ir.AlienTooDeep: "query is nested too deep",
	0:               "kind of FROM entry that is not sent",
}

// tableFunction decides on a function in FROM. It may return a set there, whose
// rows are in no order unless ORDINALITY tells it.
func (s *statement) tableFunction(item *ir.Item, f *ir.TableFunction) {
	s.columnTypes(f.Definitions)
	call, ok := f.Expr.(*ir.Func)
	if !ok || call.Form == ir.CoerceExplicitCast || call.Form == ir.CoerceImplicitCast || call.Form == ir.CoerceSQLSyntax {
		// the planner computes a function of constants, which may leave no function
		if item.Ordinality || len(item.Functions) > 1 || f.Columns != 1 || len(f.Definitions) > 0 {
			s.check(refuse(f.Expr, "FROM entry that is no function call"))
			return
		}
		s.output(&f.Expr, plain)
		return
	}
	w := s.walker(call, plain)
	if !s.check(w.setFunctionOK(call)) {
		return
	}
	state, err := w.visitAll(call.Args, true, all)
	if s.check(err) && s.check(state.checkInput(call, call.InputCollation, call.Function)) &&
		len(f.Definitions) == 0 && f.Columns == 1 {
		s.check(typeOK(call, call.Type))
	}
}

// setFunctionOK is functionOK for a function that may return a set.
func (w *walker) setFunctionOK(e *ir.Func) error {
	f := *e.Function
	f.RetSet = false
	return w.functionOK(e, &f)
}

func (s *statement) columnTypes(types []ir.ColumnType) {
	for _, t := range types {
		if !known(t.Type.Origin) || t.Type.Typtype == 'p' || holdsOIDs(t.Type) {
			s.refuse("column of type " + t.Type.Name)
		}
	}
}

func (s *statement) values(item *ir.Item) {
	s.columnTypes(item.Types)
	for _, row := range item.Rows {
		for i := range row {
			w := s.walker(row[i], plain)
			_, err := w.visit(&row[i], true)
			s.check(err)
		}
	}
}

func (s *statement) from(from ir.From, nested bool) {
	switch from := from.(type) {
	case *ir.Join:
		s.from(from.Left, nested)
		s.from(from.Right, nested)
		s.conditions(from.On, nested, plain)
		ir.Hidden(&ir.Join{Type: from.Type, Right: from.Right}, func(item uint32, in ir.JoinType) { s.hidden[item] = in })
	case *ir.FromList:
		for _, part := range from.List {
			s.from(part, nested)
		}
		s.conditions(from.Where, nested, plain)
	}
}

// may says what else than plain expressions is allowed somewhere.
type may int

const (
	plain      may = iota
	aggregates     // and GROUPING
	windows        // and aggregates
)

// walker begins with an expression.
func (s *statement) walker(e ir.Expr, m may) *walker {
	return &walker{statement: s, servers: s.servers, may: m, root: e.Base().ID, facts: make([]facts, 0, 16)}
}

func (s *statement) conditions(conditions []ir.Expr, lazy bool, m may) {
	for i := range conditions {
		w := s.walker(conditions[i], m)
		_, err := w.visit(&conditions[i], lazy)
		s.check(err)
	}
}

// targets decides on the target list.
func (s *statement) targets(q *ir.Query) *level {
	m := aggregates
	if len(q.Windows) > 0 {
		m = windows
	}
	l := &level{statement: s, q: q, targets: make([]target, len(q.Targets))}
	for i := range q.Targets {
		if q.Write != nil && q.Targets[i].Ref == 0 {
			l.targets[i].state, l.targets[i].fine = s.assigned(&q.Targets[i].Expr)
			continue
		}
		l.targets[i].state, l.targets[i].fine = s.output(&q.Targets[i].Expr, m)
	}
	return l
}

// level is a query whose targets have been decided on.
type level struct {
	*statement
	q       *ir.Query
	nested  bool
	targets []target // as q.Targets
}

// target is what is known of an output.
type target struct {
	state collation
	fine  bool // can be sent
}

// outputs is what is known of the result columns.
func (l *level) outputs() []collation {
	var outputs []collation
	for i, t := range l.q.Targets {
		if !t.Junk {
			outputs = append(outputs, asColumn(l.targets[i].state, t.Expr.Base().Collation))
		}
	}
	return outputs
}

// asColumn is the collation of a result column, of whose expression state is
// known.
func asColumn(state collation, c *ir.Collation) collation {
	if state.kind == collateSafe {
		state.explicit = false // written within the query
		return state
	}
	r := ofResult(c)
	r.remote, r.conflict = state.remote, state.conflict
	return r
}

// output decides on what is an output: a column of any type, which is only
// passed on, a row of all columns that this side knows of a table, or an
// expression. In expressions there is no whole row: the remote's has other fields.
func (s *statement) output(slot *ir.Expr, m may) (state collation, fine bool) {
	w := s.walker(*slot, m)
	if v, ok := passedOn(*slot); ok {
		return w.columnCollation(v), s.check(w.visible(v))
	}
	if s.wholeRow(*slot) {
		return collation{}, true
	}
	state, err := w.visit(slot, true)
	if err == nil {
		err = typeOK(*slot, (*slot).Base().Type)
	}
	return state, s.check(err)
}

// wholeRow: the row of a table, as the type that it has here.
func (s *statement) wholeRow(e ir.Expr) bool {
	v, ok := e.(*ir.Var)
	if !ok || !v.Foreign() || v.Attno != 0 || v.Type.Typtype != 'c' {
		return false
	}
	_, hidden := s.hidden[v.Item]
	return s.tables[v.Item] && !hidden
}

// passedOn: a column.
func passedOn(e ir.Expr) (*ir.Var, bool) {
	v, ok := e.(*ir.Var)
	return v, ok && v.Foreign() && (v.Attno > 0 || v.Attno == ir.CtidAttno || v.Attno == ir.RemoteTableoidAttno)
}

// typeOK: can a value of the type come back as a result?
func typeOK(e ir.Expr, t *ir.Type) error {
	switch {
	case t.Typtype == 'p', t.Typtype == 'c':
		return refuse(e, "output of type %s", t.Name)
	case holdsOIDs(t):
		return refuse(e, "output of type %s, which holds OIDs of the remote server", t.Name)
	}
	return nil
}

// Decide decides on a clause by itself. Of the expression, what is sent of it is
// changed in place. nil: it may run there; else a *Refusal.
func Decide(servers ir.Servers, c *ir.Clause) error {
	if c.Context == ir.ContextWhere {
		_, err := Clause(servers, c.Expr)
		return err
	}
	s := newStatement(servers)
	q := &ir.Query{Targets: []ir.Target{{Ref: 1, Expr: c.Expr}}}
	m := map[ir.Context]may{ir.ContextGrouped: aggregates, ir.ContextWindow: windows, ir.ContextSort: windows}[c.Context]
	l := &level{statement: s, q: q, targets: make([]target, 1)}
	l.targets[0].state, l.targets[0].fine = s.output(&q.Targets[0].Expr, m)
	if c.Context == ir.ContextSort {
		key := []ir.Key{c.Key}
		key[0].Ref = 1
		if c.Key.Equality != nil {
			l.keys(key, grouped)
		}
		if c.Key.Order != nil || c.Key.Equality == nil {
			l.keys(key, sorted)
		}
	}
	if len(s.refusals) > 0 {
		return &s.refusals[0]
	}
	return nil
}

// visible: above a semi join the columns of its right side are not known, above
// an anti join they are NULL, which is written with the column's type.
func (w *walker) visible(v *ir.Var) error {
	if w.statement == nil {
		return nil
	}
	switch in, hidden := w.statement.hidden[v.Item]; {
	case hidden && in == ir.SemiJoin:
		return refuse(v, "column of the right side of a semi join")
	case hidden && !known(v.Type.Origin):
		return refuse(v, "type %s of a column that is NULL", v.Type.Name)
	}
	return nil
}

// columnCollation is what is known of a column of an item.
func (w *walker) columnCollation(v *ir.Var) collation {
	if w.statement != nil {
		if columns, nested := w.statement.columns[v.Item]; nested {
			if i := int(v.Attno) - 1; i >= 0 && i < len(columns) {
				return columns[i]
			}
			return ofResult(v.Collation)
		}
	}
	return ofColumn(v.Collation)
}

// count decides on LIMIT or OFFSET.
func (s *statement) count(slot *ir.Expr, lazy bool) {
	if *slot == nil {
		return
	}
	w := s.walker(*slot, plain)
	_, err := w.visit(slot, lazy)
	s.check(err)
}

func (s *statement) locks(q *ir.Query) {
	for _, l := range q.Locks {
		if itemOf(q, l.Item).Kind != ir.ItemTable {
			s.refuse("lock of rows that are not a table's")
		}
	}
}
