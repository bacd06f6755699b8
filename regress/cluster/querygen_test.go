package cluster

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// column is one of a relation of a random query, of a kind as in diffLeaves.
type column struct{ name, kind string }

// relation is something in a FROM list.
type relation struct {
	alias   string
	columns []column
	key     bool // the column id is unique
}

// scope is what a query's expressions may refer to, and the query around it.
type scope struct {
	relations []relation
	outer     *scope
}

// baseTables have all the columns of diffColumns.
var baseTables = []string{"r1", "r1", "r1", "r2", "r2", "r2", "r3", "r3", "r1", "r2", "r3", "r4", "r4", "r5", "v1", "v1", "v2", "v3"}

// baseColumns are the columns of diffColumns with their kinds.
var baseColumns = func() []column {
	var columns []column
	at := regexp.MustCompile(`^@([a-z0-9]+)$`)
	for kind, leaves := range diffLeaves {
		for _, leaf := range leaves {
			if m := at.FindStringSubmatch(leaf); m != nil && !slices.Contains(columns, column{m[1], kind}) {
				columns = append(columns, column{m[1], kind})
			}
		}
	}
	slices.SortFunc(columns, func(a, b column) int { return strings.Compare(a.name, b.name) })
	return append(columns, column{"rc", "regclass"})
}()

// queryGenerator makes random queries whose result is the same whenever they
// are run: whatever depends on an order is given a total one.
type queryGenerator struct {
	*rand.Rand
	aliases int
	ctes    []relation
	params  *[]param
	// order is, after a query has been made, the columns it is ordered by, from 0.
	order []int
	// sets is, after a SELECT has been made, whether it has grouping sets. Before
	// PostgreSQL 18 a column of those that is a constant is taken for one when
	// rows are sorted, although it is NULL in some.
	sets  bool
	wild  bool // the grammar of conditions is used too
	clock bool // values that depend on the time may occur
}

func (g *queryGenerator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *queryGenerator) pick(texts []string) string { return texts[g.IntN(len(texts))] }

func (g *queryGenerator) alias() string {
	g.aliases++
	return fmt.Sprintf("x%d", g.aliases)
}

func sqlType(kind string) string {
	if t := sqlTypes[kind]; t != "" {
		return t
	}
	return kind
}

// simplest are texts that can stand for a value when a query is made smaller.
func simplest(kind string) []string {
	switch kind {
	case "bool":
		return []string{"true"}
	case "query", "regclass":
		return nil
	}
	return append(slices.Clone(plainLiterals[kind][:min(1, len(plainLiterals[kind]))]), "NULL::"+sqlType(kind))
}

// value makes an expression of a kind.
func (g *queryGenerator) value(kind string, depth int, s *scope) *clause {
	if depth > 0 && g.chance(6) {
		if n := g.subquery(kind, depth-1, s); n != nil {
			return n
		}
	}
	rules := plainRules[kind]
	if g.wild && g.chance(30) {
		rules = diffRules[kind]
	}
	if depth <= 0 || len(rules) == 0 || kind != "bool" && g.chance(45) {
		return g.leaf(kind, s)
	}
	for range 10 {
		if rule := g.pick(rules); g.allowed(rule) {
			return g.fill(kind, rule, depth-1, s)
		}
	}
	return g.leaf(kind, s)
}

// allowed sorts out rules of the grammar of conditions: what names a table or a
// system column, and what depends on the time of day where that would show.
func (g *queryGenerator) allowed(rule string) bool {
	for _, word := range []string{"@ctid", "FROM one", "diff_v2", "sign(nullif("} {
		if strings.Contains(rule, word) {
			return false
		}
	}
	for _, word := range []string{"now()", "localtimestamp", "age({timestamptz}, timestamptz"} {
		if !g.clock && strings.Contains(rule, word) {
			return false
		}
	}
	return true
}

func (g *queryGenerator) leaf(kind string, s *scope) *clause {
	if g.chance(2) && len(s.relations) > 0 {
		row := s.relations[g.IntN(len(s.relations))].alias
		switch kind {
		case "text":
			return g.instead(kind, row, "::text")
		case "bool":
			return g.instead(kind, "("+row+g.pick([]string{" IS NULL)", " IS NOT NULL)", " IS DISTINCT FROM NULL)"}))
		}
	}
	if g.chance(75) {
		if c := g.column(kind, s, 15); c != "" {
			return &clause{kind: kind, parts: []any{c}, instead: simplest(kind)}
		}
	}
	leaves := plainLiterals[kind]
	if len(leaves) == 0 || g.wild && g.chance(20) {
		leaves = diffLeaves[kind]
	}
	for range 10 {
		leaf := g.pick(leaves)
		if !g.allowed(leaf) {
			continue
		}
		if g.params != nil && !strings.Contains(leaf, "@") && g.chance(50) {
			*g.params = append(*g.params, param{sqlType(kind), leaf})
			return &clause{kind: kind, parts: []any{fmt.Sprintf("$%d", len(*g.params))}, instead: []string{leaf}}
		}
		return g.fill(kind, leaf, 0, s)
	}
	return join(kind, "NULL::"+sqlType(kind))
}

// column picks a column of a kind, in so many of hundred cases one of a query
// around; "" if there is none.
func (g *queryGenerator) column(kind string, s *scope, outer int) string {
	for s != nil {
		if s.outer != nil && g.chance(outer) {
			s = s.outer
			continue
		}
		var found []string
		for _, r := range s.relations {
			for _, c := range r.columns {
				if c.kind == kind {
					found = append(found, r.alias+"."+c.name)
				}
			}
		}
		if len(found) > 0 {
			return g.pick(found)
		}
		s = s.outer
	}
	return ""
}

// fill makes the values that a rule has holes for.
func (g *queryGenerator) fill(kind, rule string, depth int, s *scope) *clause {
	n := &clause{kind: kind, instead: simplest(kind)}
	made := map[string]*clause{}
	for {
		at := hole.FindStringIndex(rule)
		if at == nil {
			break
		}
		n.parts = append(n.parts, rule[:at[0]])
		switch h := rule[at[0]:at[1]]; {
		case h[0] == '@':
			kind := "int4"
			for _, c := range baseColumns {
				if c.name == h[1:] {
					kind = c.kind
				}
			}
			c := g.column(kind, s, 15)
			if c == "" {
				c = "NULL::" + sqlType(kind)
			}
			n.parts = append(n.parts, c)
		case strings.HasSuffix(h, "0}"): // the first of that kind once more
			n.parts = append(n.parts, made[h[1:len(h)-2]])
		default:
			kind := h[1 : len(h)-1]
			v := g.value(kind, depth, s)
			if made[kind] == nil {
				made[kind] = v
			}
			n.parts = append(n.parts, v)
		}
		rule = rule[at[1]:]
	}
	n.parts = append(n.parts, rule)
	return n
}

// subquery makes a value by a query: a scalar one, or a condition.
func (g *queryGenerator) subquery(kind string, depth int, s *scope) *clause {
	clock := g.clock
	defer func() { g.clock = clock }()
	if kind != "bool" {
		if len(aggregates[kind]) == 0 {
			return nil
		}
		inner := &scope{outer: s}
		from := g.from(1+g.IntN(2), depth, inner)
		where := g.where(depth, inner, 1)
		if g.chance(75) {
			return g.instead(kind, "(SELECT ", g.aggregate(kind, 1, inner), from, where, ")")
		}
		v := g.value(kind, 1, inner)
		return g.instead(kind, "(SELECT ", v, from, where, " ORDER BY ", g.total(inner, v), " LIMIT 1)")
	}
	inner := &scope{outer: s}
	from := g.from(1+g.IntN(2), depth, inner)
	where := g.where(depth, inner, 1)
	switch g.IntN(8) {
	case 0, 1:
		return g.instead("bool", "EXISTS (SELECT 1", from, where, ")")
	case 2, 3:
		return g.instead("bool", "(NOT EXISTS (SELECT 1", from, where, "))")
	case 4:
		return g.instead("bool", "(", g.value("int4", 1, s), " IN (SELECT ", g.value("int4", 1, inner), from, where, "))")
	case 5:
		k := g.pick([]string{"int4", "text", "int8"})
		return g.instead("bool", "(", g.value(k, 1, s), " NOT IN (SELECT ", g.value(k, 1, inner), from, where, "))")
	case 6:
		op := g.pick([]string{"= ANY", "< ANY", ">= ALL", "<> ALL"})
		return g.instead("bool", "(", g.value("int4", 1, s), " ", op, " (SELECT ", g.value("int4", 1, inner), from, where, "))")
	}
	return g.instead("bool", "((", g.value("int4", 1, s), ", ", g.value("text", 1, s), ") IN (SELECT ", g.value("int4", 1, inner), ", ",
		g.value("text", 1, inner), from, where, "))")
}

func (g *queryGenerator) instead(kind string, parts ...any) *clause {
	return &clause{kind: kind, parts: parts, instead: simplest(kind)}
}

// total is an ORDER BY list without ties but between rows that are the same,
// the given value first if there is one.
func (g *queryGenerator) total(s *scope, first *clause) *clause {
	var parts []any
	if first != nil {
		parts = append(parts, first, g.pick([]string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"}))
	}
	for _, r := range s.relations {
		for _, c := range r.columns {
			if r.key && c.name != "id" || c.kind == "json" || c.kind == "point" {
				continue
			}
			if len(parts) > 0 {
				parts = append(parts, ", ")
			}
			parts = append(parts, r.alias+"."+c.name, g.pick([]string{"", "", " DESC", " NULLS FIRST"}))
		}
	}
	return join("", parts...)
}

// aggregate makes one with values of a scope. Its arguments come from there
// alone, or it might belong to a query around.
func (g *queryGenerator) aggregate(kind string, depth int, s *scope) *clause {
	own := &scope{relations: s.relations}
	rule := g.pick(aggregates[kind])
	before, after, ordered := strings.Cut(rule, "ORDER BY ORDER")
	var n *clause
	if ordered {
		n = g.instead(kind, g.fill("", before, depth, own), "ORDER BY ", g.total(own, nil), g.fill("", after, depth, own))
	} else {
		n = g.instead(kind, g.fill("", rule, depth, own))
	}
	plain := strings.HasSuffix(rule, ")") && !strings.HasPrefix(rule, "(")
	if plain && g.chance(15) {
		n.parts = append(n.parts, optional(" FILTER (WHERE ", g.value("bool", 1, own), ")"))
	}
	return n
}

// canonical makes equal values look the same.
func canonical(kind string, n *clause) *clause {
	switch kind {
	case "numeric":
		return join("", "trim_scale(", n, ")")
	case "float8", "float4":
		return join("", "(", n, " + 0)")
	case "interval":
		return join("", "trim_scale(extract(epoch FROM ", n, "))")
	case "bpchar":
		return join("", n, "::text")
	}
	return n
}

// afterCanonical is the kind of what canonical makes.
func afterCanonical(kind string) string {
	switch kind {
	case "interval":
		return "numeric"
	case "float4":
		return "float8"
	case "bpchar":
		return "text"
	}
	return kind
}
