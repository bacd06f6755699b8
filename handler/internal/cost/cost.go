// Package cost estimates what a foreign path costs, from local knowledge only.
// It is arithmetic: no state, no clock, no server.
package cost

import (
	"math"

	"pgwire_fdw/handler/internal/ir"
)

// Paths answers the costs of the paths asked for, in order. The model is that
// of postgres_fdw without use_remote_estimate (estimate_path_cost_size in
// contrib/postgres_fdw/postgres_fdw.c): the remote reads the table from end to
// end and checks the conditions, the rows that remain are transferred, the
// conditions that stay here are checked.
//
// To it is added what a parameterized path, which postgres_fdw does not
// consider without remote estimates, may save: see keyed.
func Paths(q *ir.Cost) []ir.PathCost {
	costs := make([]ir.PathCost, len(q.Paths))
	for i, p := range q.Paths {
		costs[i] = path(q, p)
	}
	return costs
}

func path(q *ir.Cost, p ir.CostPath) ir.PathCost {
	startup := q.FDWStartup + q.RestrictStartup + p.JoinStartup
	remote := scan(q, p)
	if p.Parameterized {
		remote = math.Min(remote, keyed(q, p))
	}
	transfer := (q.FDWTuple + q.CPUTuple) * p.Retrieved
	return ir.PathCost{Startup: startup, Total: startup + remote + transfer}
}

// scan is the remote's work when it reads the whole table.
func scan(q *ir.Cost, p ir.CostPath) float64 {
	perTuple := q.CPUTuple + q.RestrictTuple + p.JoinTuple
	return q.SeqPage*q.Pages + perTuple*q.Tuples
}

// keyed is the remote's work when an index leads it to the rows. Nothing is
// known of the remote's indexes here; that there is one on what tables are
// joined by is the better guess. A descent reads about two pages that are not
// in memory, and in the worst case every row is on a page of its own.
func keyed(q *ir.Cost, p ir.CostPath) float64 {
	const descent = 2
	perTuple := q.RandomPage + q.CPUTuple + q.CPUOperator + q.RestrictTuple + p.JoinTuple
	return descent*q.RandomPage + perTuple*p.Retrieved
}
