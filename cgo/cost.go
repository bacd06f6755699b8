package main

/*
#include "bridge.h"
*/
import "C"

import "pgwire_fdw/handler"

//export pgwire_go_cost
func pgwire_go_cost(args *C.pgwire_cost_args, work *C.pgwire_work, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		w := fromWork(work)
		if e := handler.Cost(costStep(args), &w); e != nil {
			return fail(err, e)
		}
		*work = C.pgwire_work{C.double(w.Rows), C.double(w.Width), C.double(w.Startup), C.double(w.Total), C.double(w.Setup)}
		return C.PGWIRE_OK
	})
}

func fromWork(w *C.pgwire_work) handler.Work {
	return handler.Work{Rows: float64(w.rows), Width: float64(w.width), Startup: float64(w.startup), Total: float64(w.total), Setup: float64(w.setup)}
}

func costStep(a *C.pgwire_cost_args) handler.CostStep {
	s := handler.CostStep{
		Step: int(a.step), Keys: float64(a.keys),
		Quals: handler.CostPart{Startup: float64(a.qual_startup), Tuple: float64(a.qual_tuple)},
		Pages: float64(a.pages), Tuples: float64(a.tuples), Matched: float64(a.matched),
		Fetched: float64(a.fetched), Setup: float64(a.setup),
		Pairs: float64(a.pairs), Lookup: float64(a.lookup), Rows: float64(a.rows),
		Offset: float64(a.offset), Width: float64(a.width),
		FDW:   handler.CostPart{Startup: float64(a.fdw_startup), Tuple: float64(a.fdw_tuple)},
		Inner: fromWork(&a.inner),
	}
	s.CPUTuple, s.CPUOperator = float64(a.cpu_tuple), float64(a.cpu_operator)
	s.SeqPage, s.RandomPage = float64(a.seq_page), float64(a.random_page)
	s.WorkMem = float64(a.work_mem)
	return s
}
