package handler

import (
	"errors"

	"pgwire_fdw/handler/internal/cost"
	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/ship"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Plan answers one question of the planner. Request and reply are as package
// ir describes them; the request is not kept. Plan has no state: a plan that is
// made twice from the same catalogs is the same.
func Plan(request []byte) ([]byte, *Error) {
	invariant.MaybePanic("plan")
	req, err := ir.Decode(request)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	switch r := req.(type) {
	case *ir.Classify:
		return classify(r)
	case *ir.Cost:
		return ir.AppendCosts(nil, cost.Paths(r)), nil
	case *ir.Select:
		return selectStatement(r)
	}
	return nil, sqlerr.New(sqlstate.InternalError, "planner request %T is not handled", req)
}

// relation reads the options that planning depends on.
func relation(o ir.Options) (option.Relation, *Error) {
	server, err := option.SplitPairs(o.Server)
	if err != nil {
		return option.Relation{}, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	table, err := option.SplitPairs(o.Table)
	if err != nil {
		return option.Relation{}, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	return option.ParseRelation(o.Major, server, table), nil
}

func classify(r *ir.Classify) ([]byte, *Error) {
	rel, e := relation(r.Options)
	if e != nil {
		return nil, e
	}
	reply := ir.ClassifyReply{
		Ship:        make([]bool, len(r.Clauses)),
		StartupCost: rel.StartupCost,
		TupleCost:   rel.TupleCost,
		FetchSize:   rel.FetchSize,
		FetchMemory: rel.FetchMemory,
	}
	for i, c := range r.Clauses {
		_, err := ship.Clause(c.Expr)
		reply.Ship[i] = err == nil
	}
	return reply.Append(nil), nil
}

// selectStatement writes the statement of a scan. The clauses that may not run
// there are answered as such, for C to check them on the rows.
func selectStatement(r *ir.Select) ([]byte, *Error) {
	rel, e := relation(r.Options)
	if e != nil {
		return nil, e
	}
	q := deparse.Select{Schema: rel.SchemaName, Table: rel.TableName, Lock: r.Lock, Wait: r.Wait}
	if q.Schema == "" {
		q.Schema = r.Schema
	}
	if q.Table == "" {
		q.Table = r.Table
	}
	if q.Columns, q.Fetch, e = columns(r.Columns); e != nil {
		return nil, e
	}
	reply := ir.SelectReply{
		Attnos:    q.Fetch,
		Ship:      make([]bool, len(r.Clauses)),
		LocksRows: r.Lock != ir.LockNone,
	}
	for i, c := range r.Clauses {
		shipped, err := ship.Clause(c.Expr)
		if err == nil {
			q.Where = append(q.Where, shipped)
			reply.Ship[i] = true
		} else if c.Must {
			return nil, sqlerr.New(sqlstate.InternalError, "condition was sent to the remote server before, not now: %w", err)
		}
	}
	statement, err := q.Deparse()
	if errors.Is(err, deparse.ErrTooManyParams) {
		return nil, sqlerr.New(sqlstate.TooManyArguments, "%w", err)
	}
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	reply.SQL = statement.SQL
	for _, p := range statement.Params {
		reply.Params = append(reply.Params, p.Expr.Base().ID)
	}
	return reply.Append(nil), nil
}

// columns answers the remote names and what is fetched: user columns in the
// order of the table, then ctid.
func columns(cols []ir.Column) (names map[int32]string, fetch []int32, e *Error) {
	names = make(map[int32]string, len(cols))
	ctid := false
	for _, c := range cols {
		if c.Attno == ir.CtidAttno {
			ctid = c.Fetch
			continue
		}
		pairs, err := option.SplitPairs(c.Options)
		if err != nil {
			return nil, nil, sqlerr.New(sqlstate.InternalError, "%w", err)
		}
		names[c.Attno] = option.ColumnName(pairs, c.Name)
		if c.Fetch {
			fetch = append(fetch, c.Attno)
		}
	}
	if ctid {
		fetch = append(fetch, ir.CtidAttno)
	}
	return names, fetch, nil
}
