package irtest

import (
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

// ParseQuery builds a query and numbers its nodes. Its notation is
//
//	(query PART...)
//
// with N the number of an item or a CTE, E an expression, Q a query, and the parts
//
//	(with N [recursive] [search] [always|never] Q)
//	(table N schema.name column...) (sub N [barrier] Q) (cte N N)
//	(function N [ordinality] (E columns [T...])...) (values N (T...) (E...)...)
//	(alien N table|kind|deep)
//	(from F)         F is N, (inner F F E...) and left, right, full, semi, anti, or
//	                 (list F... E...)
//	(where E...) (having E...) (limit E) (ties) (offset E)
//	(target E) (target #REF E) (junk #REF E)
//	(group K...) (group-distinct K...) (sets S...)   S is (REF...), or rollup, cube,
//	                 sets of sets: (rollup S...)
//	(window REF (K...) (K...) frame E E)      partition, order; - for no frame, no E
//	(distinct K...) (distinct-on K...) (order K...)
//	(setop O)        O is N, or (union O O), (union-all O O) ...
//	(lock N keyshare|share|nokeyupdate|update block|skip|nowait)
//	(insert N [nothing] ATTNO...) (update N ATTNO...) (delete N) (returning E...)
//
// A key K is a REF, perhaps followed by > (descending), first (nulls), ~ (USING an
// operator) or ! (no default equality). Expressions that occur in queries only:
//
//	(agg F T [*] [distinct] [variadic] E... [by K] [within K E] [filter E])
//	                 by: E has the REF that is its position; more by junk: (as REF E)
//	(over F T REF [*] E... [filter E]) (grouping E...)
//	(exists Q) (scalar T Q) (arrayof T Q) (out N T)
//	(anyof Q E...) (allof Q E...) (rowof Q E...)     tests; an or in front of them
func ParseQuery(notation string) *ir.Query {
	p := &parser{tokens: tokenize(notation)}
	q := p.query()
	if p.pos != len(p.tokens) {
		panic("irtest: text after the query in " + notation)
	}
	var next uint32
	first := map[string]uint32{}
	q.Exprs(func(e *ir.Expr) { number(*e, &next, first) })
	return q
}

func (p *parser) has(word string) bool {
	if p.peek() != word {
		return false
	}
	p.pos++
	return true
}

func (p *parser) query() *ir.Query {
	q := &ir.Query{}
	p.want("(")
	p.want("query")
	for p.has("(") {
		part := p.next()
		p.part(q, part)
		p.want(")")
	}
	p.want(")")
	return q
}

func (p *parser) part(q *ir.Query, part string) {
	switch part {
	case "with":
		q.CTEs = append(q.CTEs, p.cte())
	case "table", "sub", "cte", "function", "values", "alien":
		q.Items = append(q.Items, p.item(part))
	case "from":
		q.From = p.from()
	case "where":
		q.Where = p.args()
	case "having":
		q.Having = p.args()
	case "target", "junk":
		t := ir.Target{Junk: part == "junk"}
		if ref, ok := strings.CutPrefix(p.peek(), "#"); ok {
			p.pos++
			t.Ref = parseNumber(ref)
		}
		t.Expr = p.expr()
		q.Targets = append(q.Targets, t)
	case "group", "group-distinct":
		q.GroupDistinct, q.Group = part != "group", p.keys()
	case "sets":
		q.Sets = p.sets()
	case "window":
		q.Windows = append(q.Windows, p.window())
	case "distinct":
		q.Distinct, q.DistinctKeys = ir.DistinctAll, p.keys()
	case "distinct-on":
		q.Distinct, q.DistinctKeys = ir.DistinctOn, p.keys()
	case "order":
		q.OrderBy = p.keys()
	case "limit":
		q.Limit = p.expr()
	case "ties":
		q.WithTies = true
	case "offset":
		q.Offset = p.expr()
	case "setop":
		q.SetOp = p.setOp(len(q.Outputs()))
	case "lock":
		l := ir.RowLock{Item: parseNumber(p.next())}
		l.Strength = map[string]ir.LockStrength{"keyshare": ir.LockKeyShare, "share": ir.LockShare, "nokeyupdate": ir.LockNoKeyUpdate, "update": ir.LockUpdate}[p.next()]
		l.Wait = map[string]ir.WaitPolicy{"block": ir.WaitBlock, "skip": ir.WaitSkip, "nowait": ir.WaitError}[p.next()]
		q.Locks = append(q.Locks, l)
	case "insert", "update", "delete":
		q.Write = &ir.Write{Op: map[string]ir.Operation{"insert": ir.Insert, "update": ir.Update, "delete": ir.Delete}[part],
			Item: parseNumber(p.next()), DoNothing: p.has("nothing")}
		for p.peek() != ")" {
			q.Write.Columns = append(q.Write.Columns, int32(parseNumber(p.next())))
		}
	case "returning":
		for _, e := range p.args() {
			q.Write.Returning = append(q.Write.Returning, ir.Target{Expr: e})
		}
	default:
		panic("irtest: part " + part)
	}
}

func (p *parser) cte() ir.CTE {
	c := ir.CTE{Number: parseNumber(p.next())}
	c.Recursive, c.Search = p.has("recursive"), p.has("search")
	switch {
	case p.has("always"):
		c.Materialized = ir.MaterializeAlways
	case p.has("never"):
		c.Materialized = ir.MaterializeNever
	}
	c.Query = p.query()
	return c
}

func (p *parser) item(kind string) ir.Item {
	i := ir.Item{Number: parseNumber(p.next())}
	switch kind {
	case "table":
		i.Kind = ir.ItemTable
		i.Schema, i.Name, _ = strings.Cut(p.next(), ".")
		for n := int32(1); p.peek() != ")"; n++ {
			i.Columns = append(i.Columns, ir.Column{Attno: n, Name: strings.TrimPrefix(p.next(), `"`)})
		}
	case "sub":
		i.Kind, i.Barrier = ir.ItemQuery, p.has("barrier")
		i.Query = p.query()
	case "cte":
		i.Kind, i.CTE = ir.ItemCTE, parseNumber(p.next())
	case "function":
		i.Kind, i.Ordinality = ir.ItemFunction, p.has("ordinality")
		for p.has("(") {
			f := ir.TableFunction{Expr: p.expr(), Columns: parseNumber(p.next())}
			f.Definitions = p.columnTypes()
			i.Functions = append(i.Functions, f)
		}
	case "values":
		i.Kind = ir.ItemValues
		p.want("(")
		i.Types = p.columnTypes()
		for p.has("(") {
			i.Rows = append(i.Rows, p.args())
			p.want(")")
		}
	case "alien":
		i.Kind = ir.ItemUnknown
		i.Alien = map[string]ir.Alien{"table": ir.AlienTable, "kind": ir.AlienKind, "deep": ir.AlienTooDeep}[p.next()]
	}
	return i
}

// columnTypes reads types and the parenthesis behind them.
func (p *parser) columnTypes() []ir.ColumnType {
	var types []ir.ColumnType
	for !p.has(")") {
		n := p.node()
		types = append(types, ir.ColumnType{Type: n.Type, Collation: n.Collation})
	}
	return types
}

func (p *parser) from() ir.From {
	if p.peek() != "(" {
		return ir.FromItem(parseNumber(p.next()))
	}
	p.want("(")
	defer p.want(")")
	kind := p.next()
	if kind == "list" {
		l := &ir.FromList{}
		for p.isFrom() {
			l.List = append(l.List, p.from())
		}
		l.Where = p.args()
		return l
	}
	joins := map[string]ir.JoinType{"inner": ir.InnerJoin, "left": ir.LeftJoin, "full": ir.FullJoin, "right": ir.RightJoin,
		"semi": ir.SemiJoin, "anti": ir.AntiJoin}
	return &ir.Join{Type: joins[kind], Left: p.from(), Right: p.from(), On: p.args()}
}

// isFrom: a part of FROM follows, not an expression.
func (p *parser) isFrom() bool {
	switch {
	case p.peek() == ")":
		return false
	case p.peek() != "(":
		return true
	}
	return strings.Contains(" list inner left full right semi anti ", " "+p.tokens[p.pos+1]+" ")
}

func (p *parser) keys() []ir.Key {
	var keys []ir.Key
	for p.peek() != ")" {
		keys = append(keys, key(p.next()))
	}
	return keys
}

func key(notation string) ir.Key {
	end := strings.IndexFunc(notation, func(r rune) bool { return r < '0' || r > '9' })
	modifiers := ""
	if end >= 0 {
		notation, modifiers = notation[:end], notation[end:]
	}
	op := func(name string) *ir.Operator {
		return &ir.Operator{OID: 1, Origin: ir.Origin{Builtin: true}, Schema: "pg_catalog", Name: name}
	}
	k := ir.Key{Ref: parseNumber(notation), Equality: op("="), Order: op("<"), Less: true, Equal: true}
	if strings.Contains(modifiers, ">") {
		k.Order, k.Less, k.Greater = op(">"), false, true
	}
	if strings.Contains(modifiers, "~") {
		k.Order, k.Less = op("~<~"), false
	}
	k.NullsFirst = strings.Contains(modifiers, "first")
	k.Equal = !strings.Contains(modifiers, "!")
	return k
}

func (p *parser) sets() []ir.GroupingSet {
	var sets []ir.GroupingSet
	kinds := map[string]ir.GroupingSetKind{"rollup": ir.GroupingSetRollup, "cube": ir.GroupingSetCube, "sets": ir.GroupingSets}
	for p.has("(") {
		s := ir.GroupingSet{Kind: kinds[p.peek()]}
		if s.Kind != ir.GroupingSetEmpty {
			p.pos++
			s.Sets = p.sets()
		}
		for p.peek() != ")" {
			s.Kind = ir.GroupingSetSimple
			s.Refs = append(s.Refs, parseNumber(p.next()))
		}
		p.want(")")
		sets = append(sets, s)
	}
	return sets
}

// frames by notation.
var frames = map[string]uint32{
	"-":             0x0022 | 0x400, // the default: RANGE UNBOUNDED PRECEDING
	"rows":          0x0001 | ir.FrameRows | ir.FrameBetween | ir.FrameStartUnbounded | ir.FrameEndCurrent,
	"all":           0x0001 | ir.FrameRange | ir.FrameBetween | ir.FrameStartUnbounded | ir.FrameEndUnbounded,
	"around":        0x0001 | ir.FrameRows | ir.FrameBetween | ir.FrameStartPreceding | ir.FrameEndFollowing | ir.FrameExcludeCurrentRow,
	"range":         0x0001 | ir.FrameRange | ir.FrameBetween | ir.FrameStartPreceding | ir.FrameEndCurrent,
	"groups-behind": 0x0001 | ir.FrameGroups | ir.FrameBetween | ir.FrameStartCurrent | ir.FrameEndFollowing | ir.FrameExcludeTies,
}

func (p *parser) window() ir.Window {
	w := ir.Window{Ref: parseNumber(p.next())}
	for _, keys := range []*[]ir.Key{&w.Partition, &w.OrderBy} {
		p.want("(")
		*keys = p.keys()
		p.want(")")
	}
	name := p.next()
	frame, ok := frames[name]
	if !ok {
		panic("irtest: frame " + name)
	}
	w.Frame = frame
	for _, offset := range []*ir.Expr{&w.Start, &w.End} {
		if p.peek() != ")" {
			*offset = p.optional()
		}
	}
	return w
}

func (p *parser) setOp(columns int) *ir.SetOp {
	if p.peek() != "(" {
		return &ir.SetOp{Item: parseNumber(p.next())}
	}
	p.want("(")
	name, all := strings.CutSuffix(p.next(), "-all")
	s := &ir.SetOp{Op: map[string]ir.SetOpKind{"union": ir.Union, "intersect": ir.Intersect, "except": ir.Except}[name], All: all}
	s.Left, s.Right = p.setOp(columns), p.setOp(columns)
	for i := range columns {
		if s.Op != ir.Union || !all {
			k := key("1")
			k.Ref = uint32(i + 1)
			s.Keys = append(s.Keys, k)
		}
	}
	p.want(")")
	return s
}

// queryForm reads the expressions that occur in queries only; nil: another form.
func (p *parser) queryForm(form string) ir.Expr {
	truth := ir.Node{Type: Type("bool")}
	switch form {
	case "agg":
		return p.aggregate()
	case "over":
		o := p.object()
		e := &ir.WindowFunc{Node: p.node(), Function: o.function(), Window: parseNumber(p.next()), Star: p.has("*")}
		e.Function.Kind = 'w'
		for p.peek() == "(" {
			e.Args = append(e.Args, p.expr())
		}
		if p.has("filter") {
			e.Filter = p.expr()
		}
		e.InputCollation = derive(e.Args)
		inherit(&e.Node, e.InputCollation)
		return e
	case "grouping":
		return &ir.GroupingFunc{Node: ir.Node{Type: Type("int4")}, Args: p.args()}
	case "exists":
		return &ir.SubLink{Node: truth, Kind: ir.ExistsSubLink, Query: p.query()}
	case "scalar":
		return &ir.SubLink{Node: p.node(), Kind: ir.ExprSubLink, Query: p.query()}
	case "arrayof":
		return &ir.SubLink{Node: p.node(), Kind: ir.ArraySubLink, Query: p.query()}
	case "anyof", "allof", "rowof":
		kinds := map[string]ir.SubLinkKind{"anyof": ir.AnySubLink, "allof": ir.AllSubLink, "rowof": ir.RowCompareSubLink}
		e := &ir.SubLink{Node: truth, Kind: kinds[form], Query: p.query()}
		e.Or = p.has("or")
		e.Tests = p.args()
		return e
	case "out":
		e := &ir.SubOutput{Column: parseNumber(p.next())}
		e.Node = p.node()
		p.collate(&e.Node)
		return e
	}
	return nil
}

func (p *parser) aggregate() ir.Expr {
	o := p.object()
	e := &ir.Aggref{Node: p.node(), Function: o.function(), Star: p.has("*")}
	e.Function.Kind = 'a'
	distinct := p.has("distinct")
	e.Variadic = p.has("variadic")
	var args []ir.Expr
	for p.peek() == "(" {
		a := p.expr()
		args = append(args, a)
		e.Args = append(e.Args, ir.Target{Ref: uint32(len(e.Args) + 1), Expr: a})
	}
	if distinct {
		for i := range e.Args {
			k := key("1")
			k.Ref = e.Args[i].Ref
			e.Distinct = append(e.Distinct, k)
		}
	}
	if p.has("by") {
		e.OrderBy = []ir.Key{key(p.next())}
		if p.peek() == "(" {
			e.Args = append(e.Args, ir.Target{Junk: true, Ref: e.OrderBy[0].Ref, Expr: p.expr()})
		}
	}
	if p.has("within") {
		e.WithinGroup, e.Direct = true, args
		e.OrderBy = []ir.Key{key(p.next())}
		e.Args = []ir.Target{{Ref: e.OrderBy[0].Ref, Expr: p.expr()}}
		args = []ir.Expr{e.Args[0].Expr}
	}
	if p.has("filter") {
		e.Filter = p.expr()
	}
	e.InputCollation = derive(args)
	inherit(&e.Node, e.InputCollation)
	return e
}
