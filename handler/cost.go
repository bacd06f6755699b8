package handler

import (
	"pgwire_fdw/handler/internal/cost"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// What crosses for a question about costs (pgwire_work, pgwire_cost_args).
type (
	Work     = cost.Work
	CostStep = cost.Step
	CostPart = cost.Part
)

// Cost works out one step of what a foreign path costs. It allocates nothing:
// the planner asks several times for each join that it considers.
func Cost(s CostStep, w *Work) *Error {
	invariant.MaybePanic("cost")
	if !s.Do(w) {
		return sqlerr.New(sqlstate.InternalError, "there is no step %d of a cost", s.Step)
	}
	return nil
}
