package ship_test

import (
	"errors"
	"testing"

	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
	"pgwire_fdw/handler/internal/ship"
)

// What an expression is to be decides whether it may be sent.
func TestContexts(t *testing.T) {
	const where, target, grouped, windows, sort = ir.ContextWhere, ir.ContextTarget, ir.ContextGrouped, ir.ContextWindow, ir.ContextSort
	plain := "(op + int4 (col 1 int4) (const int4 1))"
	aggregate := "(agg sum int8 (col 1 int4))"
	window := "(over rank int8 1)"
	for _, c := range []struct {
		expr string
		in   []ir.Context // where it ships
	}{
		{plain, []ir.Context{where, target, grouped, windows, sort}},
		{aggregate, []ir.Context{grouped, windows, sort}},
		{window, []ir.Context{windows, sort}},
		{"(op + int8 " + aggregate + " " + window + ")", []ir.Context{windows, sort}},
		{"(agg sum int8 " + window + ")", nil},
		{"(grouping (col 1 int4))", []ir.Context{grouped, windows, sort}},
		// a column is passed on whatever its type
		{"(col 1 mood)", []ir.Context{target, grouped, windows}},
		{"(notnull (col 1 mood))", nil},
		{"(col 0 record)", nil},
		// of this side
		{"(ext 1 int4)", []ir.Context{target, grouped, windows, sort}},
		{"(op / int4 (const int4 1) (ext 1 int4))", nil},
		// strings are sorted by a column's collation
		{"(col 1 text de)", []ir.Context{where, target, grouped, windows, sort}},
		{"(io int4out textin text (col 1 int4))", []ir.Context{where, target, grouped, windows}},
		{"(func random/v int4)", nil},
		{"(exists (query (sub 2 (query (target (const int4 1)))) (from 2) (where (notnull (col 2.1 int4)))))", []ir.Context{target, grouped, windows, sort}},
	} {
		for in := where; in <= sort; in++ {
			clause := ir.Clause{Context: in, Expr: irtest.Parse(c.expr)}
			if in == sort {
				clause.Key = irtest.ParseQuery("(query (order 1))").OrderBy[0]
			}
			err := ship.Decide(servers, &clause)
			var refusal *ship.Refusal
			if err != nil && !errors.As(err, &refusal) {
				t.Errorf("%s: error is no refusal: %v", c.expr, err)
			}
			want := false
			for _, ships := range c.in {
				want = want || ships == in
			}
			if want != (err == nil) {
				t.Errorf("%s in context %d: %v", c.expr, in, err)
			}
		}
	}
}

// All that is to blame is told, each with its node, or with none.
func TestQueryRefusals(t *testing.T) {
	q := irtest.ParseQuery(`(query (table 1 s.t a) (alien 2 table) (from (inner 1 2 (op = bool (func random/v int4) (col 1 int4))))
		(where (notnull (col 1 int4)) (notnull (col 1 mood))) (target (op + int4 (col 1 int4) (func f/s int4 (col 1 int4)))))`)
	var ids []uint32
	for _, r := range ship.Query(servers, q) {
		if r.Reason == "" {
			t.Error("no reason")
		}
		ids = append(ids, r.ID)
	}
	// nodes: = 0 random 1 col 2, notnull 3 col 4, notnull 5 col 6, + 7 col 8 f 9
	if want := []uint32{ir.NoNode, 1, 6, 9}; !equal(ids, want) {
		t.Errorf("nodes %d are to blame, want %d", ids, want)
	}
}

func equal(a, b []uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// What ships by itself ships in a query of tables, wherever its context allows
// it: plans are made on the former, and fail on the latter.
func TestPartsMakeAQuery(t *testing.T) {
	conditions := []string{"(notnull (col 1 int4))", "(op = bool (col 1 int4) (ext 1 int4))", "(op / int4 (const int4 1) (ext 1 int4))",
		"(or (notnull (col 1 int4)) (op = bool (ext 1 int4) (const int4 1)))", "(op < bool (col 2 text) (const text x))",
		"(op > bool (agg sum int8 (col 1 int4)) (ext 2 int8))", "(op = bool (col 1 mood) (ext 1 mood))"}
	outputs := []string{"(col 1 int4)", "(col 2 text de)", "(agg max text (col 2 text))", "(ext 1 int4)", "(const text x)",
		"(func lower text (col 2 text))", "(coalesce int4 (col 1 int4) (ext 1 int4))", "(col 3 mood)", "(io int4out textin text (col 1 int4))"}
	alone := func(in ir.Context, notation string) bool {
		c := ir.Clause{Context: in, Expr: irtest.Parse(notation)}
		if in == ir.ContextSort {
			c.Key = irtest.ParseQuery("(query (order 1))").OrderBy[0]
		}
		return ship.Decide(servers, &c) == nil
	}
	for _, condition := range conditions {
		for _, output := range outputs {
			for _, c := range []struct {
				query string
				ships bool
			}{
				{"(where " + condition + ") (target " + output + ")", alone(ir.ContextWhere, condition) && alone(ir.ContextTarget, output)},
				{"(having " + condition + ") (target " + output + ")", alone(ir.ContextGrouped, condition) && alone(ir.ContextGrouped, output)},
				{"(junk #1 " + output + ") (group 1)", alone(ir.ContextSort, output)},
				{"(junk #1 " + output + ") (order 1)", alone(ir.ContextSort, output)},
				{"(target #1 " + output + ") (distinct 1)", alone(ir.ContextSort, output)},
			} {
				q := irtest.ParseQuery("(query (table 1 s.t a b) (from 1) " + c.query + ")")
				if refusals := ship.Query(servers, q); c.ships && len(refusals) > 0 {
					t.Errorf("%s: %v", c.query, refusals)
				}
			}
		}
	}
}
