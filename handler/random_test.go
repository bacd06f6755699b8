package handler

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
)

// queries makes whole queries in the notation of package irtest.
type queries struct {
	*rand.Rand
	next  int     // number of an item
	known [][]int // items by level, of the queries around
	ctes  []int
	// FROM is a list, whose items know those before them
	lateral bool
	depth   int
}

func (g *queries) pick(of ...string) string { return of[g.Intn(len(of))] }

func (g *queries) some(least, most int, each func() string) string {
	var all []string
	for range least + g.Intn(most-least+1) {
		all = append(all, each())
	}
	return strings.Join(all, " ")
}

// column is of type integer.
func (g *queries) column() string {
	level := g.known[len(g.known)-1]
	if g.Intn(6) == 0 {
		level = g.known[g.Intn(len(g.known))]
	}
	if len(level) == 0 {
		return "(const int4 7)"
	}
	return fmt.Sprintf("(col %d.%d int4)", level[g.Intn(len(level))], 1+g.Intn(2))
}

func (g *queries) number(depth int) string {
	if depth == 0 {
		return g.pick(g.column(), g.column(), "(const int4 1)", "(ext 1 int4)", "(exec 3 int4)", "(const int4 null)")
	}
	switch g.Intn(10) {
	case 0:
		return "(case int4 - (" + g.truth(depth-1) + " " + g.number(depth-1) + ") -)"
	case 1:
		return "(coalesce int4 " + g.column() + " " + g.number(depth-1) + ")"
	case 2:
		if g.depth < 2 {
			return "(scalar int4 " + g.query(1, false) + ")"
		}
	case 3:
		if g.Intn(8) > 0 {
			break
		}
		return g.pick("(func random/v int4)", "(func public.f/u int4 "+g.column()+")", "(op + int4 "+g.column()+" (unknown int4 alone))")
	}
	return "(op + int4 " + g.column() + " " + g.number(depth-1) + ")"
}

func (g *queries) truth(depth int) string {
	if depth > 0 && g.depth < 2 && g.Intn(4) == 0 {
		switch g.Intn(3) {
		case 0:
			return "(exists " + g.query(1, false) + ")"
		case 1:
			return "(anyof " + g.query(1, false) + " (op = bool " + g.number(0) + " (out 1 int4)))"
		default:
			return "(allof " + g.query(2, false) + " or (op <> bool " + g.number(0) + " (out 1 int4)) (op <> bool " + g.number(0) + " (out 2 int4)))"
		}
	}
	d := max(depth-1, 0)
	switch g.Intn(3) {
	case 0:
		return "(notnull " + g.number(d) + ")"
	case 1:
		return "(and " + g.some(1, 2, func() string { return "(op < bool " + g.number(d) + " " + g.number(d) + ")" }) + ")"
	}
	return "(op = bool " + g.number(d) + " " + g.number(d) + ")"
}

// item adds an item to the innermost level. It knows the queries around.
func (g *queries) item() (notation string, number int) {
	g.next++
	n := g.next
	last := len(g.known) - 1
	beside := g.known[last]
	if len(beside) > 0 && !g.lateral {
		g.known[last] = nil
	}
	defer func() { g.known[last] = append(beside[:len(beside):len(beside)], n) }()
	switch g.Intn(8) {
	case 0:
		if g.depth < 2 {
			notation = fmt.Sprintf("(sub %d %s)", n, g.query(2, true))
		}
	case 1:
		notation = fmt.Sprintf("(function %d ordinality ((func generate_series int4 %s %s) 1))", n, g.number(1), g.number(0))
	case 2:
		notation = fmt.Sprintf("(values %d (int4 int4) (%s %s))", n, g.number(0), g.number(1))
	case 3:
		if len(g.ctes) > 0 {
			notation = fmt.Sprintf("(cte %d %d)", n, g.ctes[g.Intn(len(g.ctes))])
		}
	}
	if notation == "" {
		notation = fmt.Sprintf("(table %d s.t%d a b)", n, g.Intn(3))
	}
	return notation, n
}

// from joins items of the innermost level in some way. The conditions know them,
// but for what semi and anti joins hide.
func (g *queries) from(items []int) string {
	if len(items) == 1 {
		return fmt.Sprint(items[0])
	}
	at := 1 + g.Intn(len(items)-1)
	left, right := g.from(items[:at]), g.from(items[at:])
	all := g.known[len(g.known)-1]
	g.known[len(g.known)-1] = items
	where := g.some(0, 2, func() string { return g.truth(1) })
	g.known[len(g.known)-1] = all
	if g.lateral {
		return "(list " + left + " " + right + " " + where + ")"
	}
	if g.Intn(5) == 0 {
		return "(list " + left + " " + right + " " + where + ")"
	}
	return "(" + g.pick("inner", "left", "right", "full", "semi", "anti") + " " + left + " " + right + " " + where + ")"
}

func (g *queries) query(columns int, lateral bool) string {
	outer := *g
	g.depth++
	defer func() { g.known, g.lateral, g.depth, g.ctes = outer.known, outer.lateral, outer.depth, outer.ctes }()
	g.known = append(append([][]int(nil), outer.known...), nil)
	g.lateral = g.Intn(4) == 0
	if g.Intn(6) == 0 {
		return g.setOperation(columns)
	}
	q := ""
	if g.Intn(6) == 0 && g.depth < 3 {
		g.next++
		n := g.next
		q = fmt.Sprintf("(with %d %s) ", n, g.query(2, false))
		g.ctes = append(append([]int(nil), g.ctes...), n)
	}
	var items []int
	for range 1 + g.Intn(3) {
		notation, n := g.item()
		q += notation + " "
		items = append(items, n)
	}
	q += "(from " + g.from(items) + ") (where " + g.some(0, 2, func() string { return g.truth(2) }) + ")"
	grouped := g.Intn(3) == 0
	key, own := g.column(), fmt.Sprintf("(col %d.1 int4)", items[0])
	for i := range columns {
		e := g.number(2)
		if grouped {
			e = g.pick("(agg count int4 *)", "(agg "+g.pick("sum", "max", "min")+" int4 "+g.pick("", "distinct ")+own+g.pick("", " by 1", " filter (notnull "+own+")")+")", key)
		}
		q += fmt.Sprintf(" (target #%d %s)", i+1, e)
	}
	q += fmt.Sprintf(" (junk #9 %s)", key)
	switch {
	case grouped:
		q += " (group 9) (having (op > bool (agg count int8 *) (const int8 1)))" + g.pick("", " (sets (rollup (9)))", " (sets () (9))")
	case g.Intn(4) == 0:
		q += g.pick(" (distinct 1 2)", " (distinct-on 9)")
	case g.Intn(4) == 0:
		q += " (target (over sum int4 5 " + g.column() + ")) (window 5 (9) (1>) " + g.pick("-", "rows", "around (const int8 1) (const int8 2)") + ")"
	}
	return "(query " + q + g.pick("", " (order 1>first)", " (order 9 1)") + g.pick("", " (limit (const int8 3))", " (limit (ext 2 int8)) (offset (const int8 1))") + ")"
}

func (g *queries) setOperation(columns int) string {
	a, b := g.next+1, g.next+2
	g.next += 2
	q := fmt.Sprintf("(query (sub %d %s) (sub %d %s)", a, g.query(columns, false), b, g.query(columns, false))
	for i := range columns {
		q += fmt.Sprintf(" (target #%d (col %d.%d int4))", i+1, a, i+1)
	}
	return fmt.Sprintf("%s (setop (%s %d %d))%s)", q, g.pick("union", "union-all", "intersect", "except-all"), a, b, g.pick("", " (order 1)"))
}

// Random queries survive the way here; what may run there has a statement, the
// same one each time, and what may not has none.
func TestRandomQueries(t *testing.T) {
	shipped := 0
	for seed := range int64(600) {
		g := &queries{Rand: rand.New(rand.NewSource(seed))}
		notation := g.query(1+g.Intn(2), false)
		bytesOf := func(statement bool) []byte {
			return ir.Encode(&ir.QueryRequest{Statement: statement, Query: irtest.ParseQuery(notation)})
		}
		b := bytesOf(true)
		decoded, err := ir.Decode(b)
		if err != nil {
			t.Fatalf("%s\n%v", notation, err)
		}
		if !bytes.Equal(ir.Encode(decoded), b) {
			t.Fatalf("%s\nis another one when it has arrived", notation)
		}
		verdict := ask(t, irRequest(t, bytesOf(false)))
		first, e := plan(b)
		if n := verdict.u32(); n > 0 {
			if e == nil || e.SQLState != "XX000" || !strings.HasPrefix(e.Message, "query could be sent") {
				t.Fatalf("%s\nis refused for %d reasons, but sent as %q (%v)", notation, n, first, e)
			}
			continue
		}
		if e != nil {
			t.Fatalf("%s\nmay be sent, but %v", notation, e)
		}
		if again, _ := plan(bytes.Clone(b)); !bytes.Equal(first, again) {
			t.Fatalf("%s\nis written in two ways", notation)
		}
		shipped++
		sql := (&replyReader{t, first}).text()
		if strings.Count(sql, "(") != strings.Count(sql, ")") || strings.Contains(sql, "%!") {
			t.Fatalf("%s\n%s", notation, sql)
		}
	}
	if shipped < 100 {
		t.Errorf("only %d queries were sent", shipped)
	}
}

// FuzzPlan: whatever bytes arrive, there is an answer, and no panic (which would be
// XX000 with the words of one).
func FuzzPlan(f *testing.F) {
	for seed := range int64(20) {
		g := &queries{Rand: rand.New(rand.NewSource(seed))}
		f.Add(ir.Encode(&ir.QueryRequest{Statement: seed%2 == 0, Query: irtest.ParseQuery(g.query(1, false))}))
	}
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = plan(b) })
}

func irRequest(t *testing.T, b []byte) ir.Request {
	t.Helper()
	r, err := ir.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
