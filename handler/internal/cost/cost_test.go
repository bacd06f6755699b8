package cost_test

import (
	"math"
	"testing"

	"pgwire_fdw/handler/internal/cost"
	"pgwire_fdw/handler/internal/ir"
)

// table is 10 000 rows on 100 pages, under the planner's default costs.
func table(paths ...ir.CostPath) *ir.Cost {
	return &ir.Cost{FDWStartup: 100, FDWTuple: 0.2, CPUTuple: 0.01, CPUOperator: 0.0025,
		SeqPage: 1, RandomPage: 4, Pages: 100, Tuples: 10000, Paths: paths}
}

func TestPaths(t *testing.T) {
	plain := ir.CostPath{Rows: 10000, Retrieved: 10000}
	filtered := ir.CostPath{Rows: 10, Retrieved: 10}
	checkedHere := ir.CostPath{Rows: 10, Retrieved: 5000}
	one := ir.CostPath{Parameterized: true, Rows: 1, Retrieved: 1}
	half := ir.CostPath{Parameterized: true, Rows: 5000, Retrieved: 5000}
	costly := ir.CostPath{Parameterized: true, Rows: 1, Retrieved: 1, JoinStartup: 7, JoinTuple: 0.5}
	for _, c := range []struct {
		name string
		path ir.CostPath
		want ir.PathCost
	}{
		// 100 startup, 100 pages, 10 000 × 0.01 to look at, each row sent 0.2 + 0.01
		{"all rows", plain, ir.PathCost{Startup: 100, Total: 100 + 100 + 100 + 2100}},
		{"filtered there", filtered, ir.PathCost{Startup: 100, Total: 100 + 100 + 100 + 2.1}},
		{"filtered here", checkedHere, ir.PathCost{Startup: 100, Total: 100 + 100 + 100 + 1050}},
		// a descent of 8, a page and a row
		{"by key", one, ir.PathCost{Startup: 100, Total: 100 + 8 + 4.0125 + 0.21}},
		{"too many for an index", half, ir.PathCost{Startup: 100, Total: 100 + 100 + 100 + 1050}},
		{"costly join clause", costly, ir.PathCost{Startup: 107, Total: 107 + 8 + 4.5125 + 0.21}},
	} {
		got := cost.Paths(table(c.path))[0]
		if math.Abs(got.Startup-c.want.Startup) > 1e-9 || math.Abs(got.Total-c.want.Total) > 1e-9 {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What the planner builds upon: more rows never cost less, and a path never
// ends before it starts.
func TestMonotonic(t *testing.T) {
	for _, parameterized := range []bool{false, true} {
		last := ir.PathCost{}
		for rows := 1.0; rows <= 10000; rows *= 2 {
			got := cost.Paths(table(ir.CostPath{Parameterized: parameterized, Rows: rows, Retrieved: rows}))[0]
			if got.Total < last.Total || got.Total < got.Startup {
				t.Errorf("parameterized %t, %g rows: %+v after %+v", parameterized, rows, got, last)
			}
			last = got
		}
	}
}

// Options may make a cost infinite; it must not become NaN, which sorts
// nowhere.
func TestInfinite(t *testing.T) {
	q := table(ir.CostPath{Rows: 1, Retrieved: 1}, ir.CostPath{Parameterized: true, Rows: 1, Retrieved: 1})
	q.FDWStartup, q.FDWTuple = math.Inf(1), math.Inf(1)
	for _, c := range cost.Paths(q) {
		if !math.IsInf(c.Total, 1) || !math.IsInf(c.Startup, 1) {
			t.Errorf("got %+v", c)
		}
	}
}
