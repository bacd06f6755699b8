package handler

import "testing"

func TestCost(t *testing.T) {
	w := Work{Rows: 10, Width: 30, Total: 5, Setup: 1}
	if e := Cost(CostStep{Step: 7, FDW: CostPart{Startup: 100, Tuple: 0.5}}, &w); e != nil || w.Startup != 100 || w.Total != 110 {
		t.Errorf("%+v %v", w, e)
	}
	if e := Cost(CostStep{Step: 8}, &w); e == nil || e.SQLState != InternalError {
		t.Errorf("%v", e)
	}
	n := testing.AllocsPerRun(100, func() { Cost(CostStep{Step: 1, Rows: 1, Pages: 5}, &w) })
	if n != 0 {
		t.Errorf("%g allocations", n)
	}
}
