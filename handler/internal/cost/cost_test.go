package cost_test

import (
	"math"
	"testing"

	"pgwire_fdw/handler/internal/cost"
)

// step is one under the planner's default settings.
func step(s cost.Step) cost.Step {
	s.Settings = cost.Settings{CPUTuple: 0.01, CPUOperator: 0.0025, SeqPage: 1, RandomPage: 4, WorkMem: 4 << 20}
	s.FDW = cost.Part{Startup: 100, Tuple: 0.2}
	return s
}

// table is 10 000 rows on 100 pages, of which rows are sent.
func table(rows, matched float64) cost.Step {
	return step(cost.Step{Step: cost.StepScan, Pages: 100, Tuples: 10000, Rows: rows, Width: 30, Matched: matched, Fetched: matched + 1, Setup: 1, Lookup: -1})
}

// do runs the steps one after the other.
func do(t *testing.T, steps ...cost.Step) (w cost.Work) {
	t.Helper()
	for _, s := range steps {
		if !s.Do(&w) {
			t.Fatalf("no step %d", s.Step)
		}
	}
	return w
}

func near(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-6*math.Max(1, math.Abs(b)) }

func TestSteps(t *testing.T) {
	price := step(cost.Step{Step: cost.StepPrice})
	here := step(cost.Step{Step: cost.StepPrice, Quals: cost.Part{Startup: 1, Tuple: 0.5}})
	costly, again, wide := table(1, 1), table(1, 1), table(10000, -1)
	again.Setup, wide.Width = 0.2, 60
	costly.Quals = cost.Part{Startup: 7, Tuple: 0.5}
	scan := do(t, table(10000, -1)) // 200
	small := do(t, table(100, -1))
	hash := step(cost.Step{Step: cost.StepJoin, Setup: 1, Keys: 1, Lookup: -1, Rows: 100, Pairs: 100, Width: 80, Inner: small})
	loop := hash
	loop.Keys, loop.Pairs = 0, 1e6
	lookup := hash
	lookup.Inner, lookup.Lookup = scan, 0.1
	for _, c := range []struct {
		name           string
		steps          []cost.Step
		startup, total float64
		rows           float64
	}{
		// 100 pages, 10 000 × 0.01 to look at
		{"scan", []cost.Step{table(10000, -1)}, 0, 200, 10000},
		// 100 startup, each row sent 0.2 + 0.01
		{"all rows", []cost.Step{table(10000, -1), price}, 100, 300 + 2100, 10000},
		{"filtered there", []cost.Step{table(10, -1), price}, 100, 300 + 2.1, 10},
		{"filtered here", []cost.Step{table(5000, -1), here}, 101, 101 + 200 + 5000*0.71, 5000},
		// half the way by the row, half by its bytes
		{"wide rows", []cost.Step{wide, price}, 100, 300 + 10000*(0.2*1.5+0.01), 10000},
		// a descent of 0.5, two pages and a row
		{"by key", []cost.Step{table(1, 1), price}, 100, 100 + 0.5 + 8 + 0.0125 + 0.21, 1},
		{"by key, again", []cost.Step{again, price}, 20, 20 + 0.5 + 8 + 0.0125 + 0.21, 1},
		{"too many for an index", []cost.Step{table(5000, 5000)}, 0, 200, 5000},
		{"costly condition", []cost.Step{costly, price}, 107, 107 + 0.5 + 8 + 0.5125 + 0.21, 1},
		// build 100 × 0.0125, probe 10 000 × 0.0025, 100 rows out
		{"hash join", []cost.Step{table(10000, -1), hash}, 201.25, 400 + 1.25 + 25 + 1, 100},
		{"nested loop", []cost.Step{table(10000, -1), loop}, 0, 400 + 2500 + 10000, 100},
		{"look-ups", []cost.Step{table(100, -1), lookup}, 0, 200 + 10 + 1, 100},
		{"groups", []cost.Step{table(10000, -1), step(cost.Step{Step: cost.StepGroup, Keys: 2, Rows: 50, Width: 8,
			Quals: cost.Part{Tuple: 0.0025}})}, 275, 275.5, 50},
		{"one group", []cost.Step{table(10000, -1), step(cost.Step{Step: cost.StepGroup, Rows: 1, Quals: cost.Part{Tuple: 0.0025}})},
			225, 225.01, 1},
		{"sort", []cost.Step{table(1024, -1), step(cost.Step{Step: cost.StepSort, Keys: 1, Rows: -1})},
			200 + 0.005*1024*10, 200 + 0.005*1024*10, 1024},
		{"the first of a sort", []cost.Step{table(1024, -1), step(cost.Step{Step: cost.StepSort, Keys: 1, Rows: 4})},
			200 + 0.005*1024*3, 200 + 0.005*1024*3, 1024},
		{"window", []cost.Step{table(1000, -1), step(cost.Step{Step: cost.StepWindow, Keys: 1, Quals: cost.Part{Tuple: 0.0025}})},
			0, 200 + 15, 1000},
		{"limit", []cost.Step{table(1000, -1), step(cost.Step{Step: cost.StepLimit, Rows: 100, Offset: 100})}, 20, 40, 100},
		{"offset", []cost.Step{table(1000, -1), step(cost.Step{Step: cost.StepLimit, Rows: -1, Offset: 900})}, 180, 200, 100},
		{"offset beyond", []cost.Step{table(1000, -1), step(cost.Step{Step: cost.StepLimit, Rows: 5, Offset: 9000})}, 200, 200, 1},
	} {
		got := do(t, c.steps...)
		if !near(got.Startup, c.startup) || !near(got.Total, c.total) || got.Rows != c.rows {
			t.Errorf("%s: got %+v, want %g..%g, %g rows", c.name, got, c.startup, c.total, c.rows)
		}
	}
}

// A result, or a hash table, that memory does not hold is written and read again.
func TestSpill(t *testing.T) {
	big := do(t, table(1e6, -1))
	for _, s := range []cost.Step{
		{Step: cost.StepJoin, Keys: 1, Lookup: -1, Rows: 1, Pairs: 1, Inner: big},
		{Step: cost.StepGroup, Keys: 1, Rows: 1e6, Width: 40},
		{Step: cost.StepSort, Keys: 1, Rows: -1},
	} {
		s = step(s)
		w, roomy := big, big
		s.Do(&w)
		s.WorkMem = math.Inf(1)
		s.Do(&roomy)
		if w.Total < roomy.Total+1000 {
			t.Errorf("step %d: %g, with memory %g", s.Step, w.Total, roomy.Total)
		}
	}
}

// What the planner builds upon: more rows never cost less, and a path never
// ends before it starts.
func TestMonotonic(t *testing.T) {
	for _, s := range []cost.Step{
		{Step: cost.StepScan, Pages: 100, Tuples: 10000, Matched: -1},
		{Step: cost.StepScan, Pages: 100, Tuples: 10000},
		{Step: cost.StepJoin, Keys: 1, Rows: 10, Lookup: -1, Inner: cost.Work{Rows: 10, Total: 5}},
		{Step: cost.StepJoin, Rows: 10, Lookup: 3, Inner: cost.Work{Rows: 10, Total: 5}},
		{Step: cost.StepGroup, Keys: 1, Rows: 10},
		{Step: cost.StepSort, Keys: 1, Rows: 10},
		{Step: cost.StepWindow, Keys: 1},
		{Step: cost.StepPrice},
	} {
		last := cost.Work{}
		for rows := 1.0; rows <= 1e9; rows *= 2 {
			each := step(s)
			if each.Step == cost.StepScan {
				each.Rows = rows
				each.Matched = math.Min(each.Matched, -1) + math.Max(0, each.Matched+1)*(rows+1)
			}
			w := cost.Work{Rows: rows, Width: 100, Total: rows}
			each.Do(&w)
			if w.Total < last.Total || w.Total < w.Startup || math.IsNaN(w.Total) {
				t.Errorf("step %d, %g rows: %+v after %+v", s.Step, rows, w, last)
			}
			last = w
		}
	}
}

// Options may make a cost infinite; it must not become NaN.
func TestInfinite(t *testing.T) {
	for s := cost.StepScan; s <= cost.StepPrice; s++ {
		each := step(cost.Step{Step: s, Keys: 1, Quals: cost.Part{Startup: math.Inf(1), Tuple: math.Inf(1)},
			FDW: cost.Part{Startup: math.Inf(1), Tuple: math.Inf(1)}})
		for _, rows := range []float64{0, 1, math.Inf(1)} {
			w := cost.Work{Rows: rows, Startup: math.Inf(1), Total: math.Inf(1)}
			if !each.Do(&w) || math.IsNaN(w.Startup) || math.IsNaN(w.Total) || w.Total < w.Startup {
				t.Errorf("step %d, %g rows: %+v", s, rows, w)
			}
		}
	}
	if w := (cost.Work{}); (&cost.Step{Step: cost.StepPrice + 1}).Do(&w) {
		t.Error("a step that there is none of")
	}
}

func BenchmarkStep(b *testing.B) {
	s := table(10, -1)
	b.ReportAllocs()
	for b.Loop() {
		var w cost.Work
		s.Do(&w)
	}
}
