package cluster

import (
	"fmt"
	"regexp"
	"strings"
)

// query makes a whole query with result columns of the given kinds, named c1
// and so on. What is below another one has no total order unless it has a LIMIT.
func (g *queryGenerator) query(kinds []string, depth int, outer *scope) *clause {
	n := &clause{kind: "query"}
	visible := len(g.ctes)
	if depth > 1 && g.chance(12) {
		n.parts = append(n.parts, g.with(depth-1))
	}
	var body *clause
	if depth > 0 && g.chance(12) {
		op := g.pick([]string{"UNION", "UNION ALL", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL"})
		body = join("query", "(", g.selection(kinds, depth-1, outer), ") "+op+" (", g.selection(kinds, depth-1, outer), ")")
	} else {
		body = g.selection(kinds, depth, outer)
	}
	n.parts = append(n.parts, body)
	g.order = nil
	if !g.sets && (depth > 1 && g.chance(45) || g.chance(15)) {
		g.ordered(n, kinds)
	}
	g.sets = false
	g.ctes = g.ctes[:visible]
	return n
}

// ordered appends ORDER BY, and perhaps LIMIT, which needs a total order.
func (g *queryGenerator) ordered(n *clause, kinds []string) {
	var items []*clause
	for _, i := range g.Perm(len(kinds)) {
		direction := g.pick([]string{"", "", " DESC", " NULLS FIRST", " DESC NULLS LAST", " ASC NULLS LAST"})
		items = append(items, join("", fmt.Sprintf("%d%s", i+1, direction)))
		g.order = append(g.order, i)
	}
	limited := g.chance(50)
	if !limited && len(items) > 1 && g.chance(50) {
		items, g.order = items[:1], g.order[:1]
	}
	n.parts = append(n.parts, list(" ORDER BY ", ", ", len(items), items...))
	if limited {
		if g.chance(30) {
			n.parts = append(n.parts, optional(fmt.Sprintf(" OFFSET %d", g.IntN(4))))
		}
		switch {
		case g.chance(15):
			n.parts = append(n.parts, optional(fmt.Sprintf(" FETCH FIRST %d ROWS WITH TIES", 1+g.IntN(9))))
		case g.chance(10) && g.params != nil:
			*g.params = append(*g.params, param{"int8", fmt.Sprint(g.IntN(10))})
			n.parts = append(n.parts, optional(fmt.Sprintf(" LIMIT $%d", len(*g.params))))
		default:
			n.parts = append(n.parts, optional(fmt.Sprintf(" LIMIT %d", g.IntN(12))))
		}
	}
}

// with makes one CTE or two, which queries may then name.
func (g *queryGenerator) with(depth int) *clause {
	if g.chance(25) {
		return g.recursive()
	}
	n := join("", "WITH ")
	for i := range 1 + g.IntN(2) {
		if i > 0 {
			n.parts = append(n.parts, ", ")
		}
		kinds := g.kinds()
		r := relation{alias: g.alias(), columns: columnsOf(kinds)}
		n.parts = append(n.parts, r.alias+" AS "+g.pick([]string{"", "", "MATERIALIZED ", "NOT MATERIALIZED "})+"(", g.query(kinds, min(depth, 1), nil), ")")
		g.ctes = append(g.ctes, r)
	}
	n.parts = append(n.parts, " ")
	return n
}

// recursive makes a recursive CTE that comes to an end.
func (g *queryGenerator) recursive() *clause {
	r := relation{alias: g.alias(), columns: []column{{"c1", "int4"}, {"c2", "int4"}, {"c3", "text"}}}
	s := &scope{relations: []relation{{alias: "y", columns: baseColumns}}}
	n := join("", "WITH RECURSIVE "+r.alias+"(c1, c2, c3) AS (SELECT 1, y.id, y.t FROM "+g.pick(baseTables)+" y WHERE ", g.value("bool", 1, s),
		" UNION"+g.pick([]string{"", " ALL"})+" SELECT z.c1 + 1, y.id, y.t FROM "+r.alias+" z JOIN "+g.pick(baseTables)+" y ON y.i2 = z.c2 % 4 AND z.c1 < 3 WHERE ",
		g.value("bool", 1, s), ") ")
	g.ctes = append(g.ctes, r)
	return n
}

func columnsOf(kinds []string) []column {
	var columns []column
	for i, kind := range kinds {
		columns = append(columns, column{fmt.Sprintf("c%d", i+1), afterCanonical(kind)})
	}
	return columns
}

func (g *queryGenerator) kinds() []string {
	kinds := make([]string, 1+g.IntN(4))
	for i := range kinds {
		kinds[i] = g.pick(outputKinds)
	}
	return kinds
}

// selection makes one SELECT, without ORDER BY unless it is DISTINCT ON.
func (g *queryGenerator) selection(kinds []string, depth int, outer *scope) *clause {
	s := &scope{outer: outer}
	size := 1 + g.IntN(3)
	if depth > 1 && g.chance(20) {
		size++
	}
	from := g.from(size, depth, s)
	where := g.where(depth, s, 3)
	n := &clause{kind: "query"}
	switch c := g.IntN(100); {
	case c < 40:
		n.parts = []any{"SELECT ", g.targets(kinds, func(kind string) *clause {
			if kind == "int4" && g.chance(4) {
				return g.instead(kind, "unnest(", g.value("intarr", 1, s), ")")
			}
			return g.value(kind, min(depth, 2), s)
		}), from, where}
	case c < 52:
		n.parts = []any{"SELECT DISTINCT ", g.targets(kinds, func(kind string) *clause { return g.value(kind, 1, s) }), from, where}
	case c < 58:
		on := g.key(g.pick([]string{"int4", "text", "bool", "date", "int2"}), s)
		n.parts = []any{"SELECT DISTINCT ON (", on, ") ", g.targets(kinds, func(kind string) *clause { return g.value(kind, 1, s) }), from, where,
			" ORDER BY ", on, g.pick([]string{"", " DESC", " NULLS FIRST"}) + ", ", g.total(s, nil)}
		n.parts = []any{"SELECT * FROM (", join("query", n.parts...), ") " + g.alias()}
	case c < 70:
		n.parts = []any{"SELECT ", g.targets(kinds, func(kind string) *clause { return g.windowed(kind, s) }), from, where}
	default:
		g.grouped(n, kinds, depth, s, from, where)
	}
	return n
}

func (g *queryGenerator) targets(kinds []string, make func(kind string) *clause) *clause {
	clock := g.clock
	g.clock = false
	var items []*clause
	for i, kind := range kinds {
		items = append(items, join("", canonical(kind, make(kind)), fmt.Sprintf(" AS c%d", i+1)))
	}
	g.clock = clock
	return list("", ", ", 1, items...)
}

// windowed makes a window function's value where the kind has one.
func (g *queryGenerator) windowed(kind string, s *scope) *clause {
	rules := windowFunctions[kind]
	if len(rules) == 0 || g.chance(25) {
		return g.value(kind, 1, s)
	}
	rule := g.pick(rules)
	partition, order := optional("PARTITION BY ", g.key(g.pick([]string{"int2", "bool", "text", "varchar", "date"}), s), " "), (*clause)(nil)
	if g.chance(40) {
		partition.gone = true
	}
	n := g.instead(kind)
	for _, kindOfWindow := range []string{"TOTAL", "PEERS", "FRAMED"} {
		before, after, found := strings.Cut(rule, kindOfWindow)
		if !found {
			continue
		}
		tail := ""
		switch kindOfWindow {
		case "PEERS":
			order = join("", g.key(g.pick([]string{"int2", "text", "varchar", "date", "int4"}), s), g.pick([]string{"", " DESC", " NULLS FIRST"}))
		case "FRAMED":
			order, tail = g.total(s, nil), " "+g.pick(frames)
		default:
			order = g.total(s, nil)
		}
		n.parts = []any{g.fill("", before, 1, s), partition, "ORDER BY ", order, tail, g.fill("", after, 1, s)}
	}
	return n
}

// key makes a value to group or order by: a constant would be the number of a
// column.
func (g *queryGenerator) key(kind string, s *scope) *clause {
	for range 5 {
		if n := g.value(kind, g.IntN(2), s); strings.Contains(n.String(), ".") && strings.Contains(n.String(), "x") {
			return n
		}
	}
	return g.instead(kind, "coalesce(NULL, ", plainLiterals[kind][0], ")")
}

// folds is what may become a constant, or the same as another key: PostgreSQL
// before 18 then takes columns of grouping sets for what is never NULL.
var folds = regexp.MustCompile(`coalesce|CASE|nullif|least|greatest|\$|SELECT`)

// grouped makes a SELECT with aggregates.
func (g *queryGenerator) grouped(n *clause, kinds []string, depth int, s *scope, from, where *clause) {
	own := &scope{relations: s.relations}
	type key struct {
		kind string
		n    *clause
	}
	var keys []key
	sets := g.chance(30)
	for range g.IntN(4) {
		kind := g.pick(kinds)
		if g.chance(30) || kind == "intarr" || kind == "textarr" {
			kind = g.pick([]string{"int2", "bool", "text", "varchar", "date", "int4"})
		}
		n := g.key(kind, own)
		if sets && folds.MatchString(n.String()) {
			n = g.key(kind, own)
		}
		if !sets || !folds.MatchString(n.String()) {
			keys = append(keys, key{kind, n})
		}
	}
	sets = sets && len(keys) > 0
	defer func() { g.sets = g.sets || sets }()
	targets := g.targets(kinds, func(kind string) *clause {
		if sets && kind == "int4" && g.chance(40) {
			return g.instead(kind, "grouping(", keys[0].n, ")")
		}
		for _, k := range keys {
			if k.kind == kind && g.chance(60) {
				return k.n
			}
		}
		if len(aggregates[kind]) > 0 {
			return g.aggregate(kind, 1, own)
		}
		return join(kind, "NULL::"+sqlType(kind))
	})
	n.parts = []any{"SELECT ", targets, from, where}
	if len(keys) > 0 {
		var items []*clause
		for _, k := range keys {
			items = append(items, join("", "(", k.n, ")"))
		}
		style := [2]string{" GROUP BY ", ""}
		if sets {
			style = [][2]string{{" GROUP BY ROLLUP (", ")"}, {" GROUP BY CUBE (", ")"}, {" GROUP BY GROUPING SETS ((), ", ")"}}[g.IntN(3)]
		}
		n.parts = append(n.parts, style[0], list("", ", ", 1, items...), style[1])
	}
	if g.chance(25) {
		n.parts = append(n.parts, optional(" HAVING ", g.aggregate("bool", 1, own)))
	} else if g.chance(10) {
		n.parts = append(n.parts, optional(" HAVING ", g.aggregate("int8", 1, own), " > ", g.value("int8", 0, &scope{})))
	}
}

// where makes a WHERE clause of up to so many conditions.
func (g *queryGenerator) where(depth int, s *scope, most int) *clause {
	clock := g.clock
	g.clock = true
	defer func() { g.clock = clock }()
	var conditions []*clause
	if s.outer != nil && g.chance(70) {
		if c := g.equality(s, s.outer); c != nil {
			conditions = append(conditions, c)
		}
	}
	for range most {
		if g.chance(35) {
			conditions = append(conditions, g.value("bool", 1+min(depth, 2), s))
		}
	}
	return list(" WHERE ", " AND ", 0, conditions...)
}

// equality compares columns of two scopes.
func (g *queryGenerator) equality(one, other *scope) *clause {
	for range 5 {
		pair := joinPairs[g.IntN(len(joinPairs))]
		a, b := g.column(pair[0], &scope{relations: one.relations}, 0), g.column(pair[1], &scope{relations: other.relations}, 0)
		if a != "" && b != "" {
			return &clause{kind: "bool", parts: []any{a + " = " + b}, instead: simplest("bool")}
		}
	}
	return nil
}

// from makes a FROM clause of so many relations, and puts them in scope.
func (g *queryGenerator) from(size, depth int, s *scope) *clause {
	n := join("", " FROM ")
	tree := g.item(depth, s, false)
	for range size - 1 {
		left := &scope{relations: s.relations[:len(s.relations):len(s.relations)], outer: s.outer}
		how := g.pick([]string{"JOIN", "JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"})
		item := g.item(depth, s, how == "JOIN" || how == "LEFT JOIN")
		right := &scope{relations: s.relations[len(left.relations):]}
		if how == "CROSS JOIN" {
			tree = join("", tree, optional(" CROSS JOIN ", item))
			continue
		}
		var conditions []*clause
		if g.chance(4) && len(left.relations) == 1 && left.relations[0].key && right.relations[0].key {
			tree = join("", tree, optional(" "+how+" ", item, " USING ("+g.pick([]string{"i2", "id", "t"})+")"))
			continue
		}
		if c := g.equality(left, right); c != nil {
			conditions = append(conditions, c)
		}
		for g.chance(30) {
			conditions = append(conditions, g.value("bool", 1, &scope{relations: s.relations}))
		}
		if len(conditions) == 0 {
			conditions = append(conditions, join("bool", "true"))
		}
		tree = join("", tree, optional(" "+how+" ", item, list(" ON ", " AND ", 1, conditions...)))
	}
	n.parts = append(n.parts, tree)
	return n
}

// item makes one thing to select from.
func (g *queryGenerator) item(depth int, s *scope, lateral bool) *clause {
	alias := g.alias()
	add := func(columns []column, key bool) { s.relations = append(s.relations, relation{alias, columns, key}) }
	table := func() *clause {
		name := g.pick(baseTables)
		add(baseColumns, true)
		return join("", name+" "+alias)
	}
	switch c := g.IntN(100); {
	case c < 62 || depth <= 0 && c < 88:
		return table()
	case c < 76 && depth > 0:
		kinds := g.kinds()
		n := join("", "(", g.query(kinds, depth-1, nil), ") "+alias)
		add(columnsOf(kinds), false)
		return n
	case c < 84 && depth > 0 && lateral:
		kinds := g.kinds()
		n := join("", "LATERAL (", g.query(kinds, depth-1, s), ") "+alias)
		add(columnsOf(kinds), false)
		return n
	case c < 88:
		add([]column{{"c1", "int4"}, {"c2", "text"}, {"c3", "numeric"}}, false)
		return join("", "(VALUES (1, 'abc', 1.01), (5, NULL, 2), (NULL, 'x', NULL), (17, 'ABC', 3.5)) "+alias+"(c1, c2, c3)")
	case c < 91:
		add([]column{{"c1", "int4"}}, false)
		return join("", "generate_series(1, 6) "+alias+"(c1)")
	case c < 93 && lateral:
		if from := g.column("intarr", &scope{relations: s.relations}, 0); from != "" {
			add([]column{{"c1", "int4"}, {"c2", "int8"}}, false)
			return join("", "LATERAL unnest("+from+") WITH ORDINALITY "+alias+"(c1, c2)")
		}
	case len(g.ctes) > 0:
		r := g.ctes[g.IntN(len(g.ctes))]
		add(r.columns, false)
		return join("", r.alias+" "+alias)
	}
	return table()
}
