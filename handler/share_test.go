package handler

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/ir"
)

// generator makes expressions of type integer without a column of the foreign
// table, few enough that equal ones come up, and some that only C can tell
// apart.
type generator struct{ *rand.Rand }

func (g generator) expr(depth int) string {
	leaves := []string{"(ext %d int4)", "(exec %d int4)", "(outer %d int4)", "(unknown int4 #%d)", "(func now/s#%d int4)"}
	if depth == 0 || g.Intn(3) == 0 {
		return fmt.Sprintf(leaves[g.Intn(len(leaves))], 1+g.Intn(2))
	}
	a, b := g.expr(depth-1), g.expr(depth-1)
	switch g.Intn(8) {
	case 0:
		return fmt.Sprintf("(op %s int4 %s %s)", [2]string{"+", "-"}[g.Intn(2)], a, b)
	case 1:
		return fmt.Sprintf("(coalesce int4 %s %s)", a, b)
	case 2:
		return fmt.Sprintf("(%s btint4cmp int4 %s %s)", [2]string{"greatest", "least"}[g.Intn(2)], a, b)
	case 3:
		return fmt.Sprintf("(case int4 - ((null %s) %s) %s)", a, b, a)
	case 4:
		return fmt.Sprintf("(op + int4 %s (const int4 %d))", a, g.Intn(2))
	case 5:
		return fmt.Sprintf("(field int4 (row record %s %s))", a, b)
	case 6:
		return fmt.Sprintf("(relabel int4 %s)", a)
	default:
		return fmt.Sprintf("(case int4 - ((op < bool (row record %s) (row record %s)) %s) -)", a, b, a)
	}
}

// Two expressions share a parameter when they are equal, and only then,
// whatever Go sees of them.
func TestParametersAreSharedByEqualExpressionsOnly(t *testing.T) {
	g := generator{rand.New(rand.NewSource(1))}
	shared := 0
	for range 3000 {
		a, b := g.expr(g.Intn(3)), g.expr(g.Intn(3))
		q := scan(nil, map[int32]string{1: "a", 2: "b"}, "(op = bool (col 1 int4) "+a+")", "(op = bool (col 2 int4) "+b+")")
		r := ask(t, statement(q))
		sql := r.text()
		one := strings.Contains(sql, "((a = $1::integer)) AND ((b = $1::integer))")
		two := strings.Contains(sql, "((a = $1::integer)) AND ((b = $2::integer))")
		if one != (a == b) || two != (a != b) {
			t.Fatalf("%s\n%s\n%s", a, b, sql)
		}
		ids := make([]uint32, r.u32())
		for i := range ids {
			ids[i] = r.u32()
		}
		bID := q.Where[1].Children()[1].Base().ID
		if ids[0] != 2 || two && (len(ids) != 2 || ids[1] != bID) || one && len(ids) != 1 {
			t.Fatalf("%s\n%s\n%s\nnodes %v, the second one is %d", a, b, sql, ids, bID)
		}
		if one {
			shared++
		}
	}
	if shared < 50 {
		t.Errorf("only %d pairs were equal", shared)
	}
}

// What is decided of one expression is not taken for the decision on another
// that looks the same.
func TestDecisionsAreNotShared(t *testing.T) {
	kinds := []string{"(unknown int4 #1)", "(unknown int4 #2)", "(unknown int4 foreign)", "(unknown int4 volatile)",
		"(unknown int4 alone)", "(func f int4)", "(func f/v int4)", "(func f/s int4)", "(func f/u int4)",
		"(const int4 1)", "(const int4 2)", "(const regclass local)", "(const regclass pg_class)", "(ext 1 int4)"}
	alone := map[string]byte{}
	shippableOf := func(of ...string) []byte {
		for i, e := range of {
			of[i] = "(op = bool (col 1 int4) (op + int4 (col 1 int4) " + e + "))"
		}
		r := ask(t, &ir.Classify{Clauses: clauses(of...)})
		return r.verdicts()
	}
	for _, a := range kinds {
		alone[a] = shippableOf(a)[0]
	}
	for _, a := range kinds {
		for _, b := range kinds {
			if got := shippableOf(a, b); got[0] != alone[a] || got[1] != alone[b] {
				t.Errorf("%s and %s: %v together, %d and %d alone", a, b, got, alone[a], alone[b])
			}
		}
	}
}
