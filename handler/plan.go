package handler

import (
	"errors"

	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/ship"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// maxColumns is MaxTupleAttributeNumber.
const maxColumns = 1664

// Plan answers one question of the planner. Request and reply are as package
// ir describes them; the request is not kept, the reply must not be changed.
// The reply depends on nothing but the bytes of the request. So what was
// answered before is remembered, where it is likely to be asked again: the same
// relation with the same shape of conditions, in which few constants are
// printed. There is nothing to invalidate.
func Plan(request []byte) ([]byte, *Error) {
	invariant.MaybePanic("plan")
	if reply := backend.answers.Get(request); reply != nil {
		return reply, nil
	}
	reply, err := plan(request)
	if err == nil && ir.Recurs(request) {
		backend.answers.Put(request, reply)
	}
	return reply, err
}

func plan(request []byte) ([]byte, *Error) {
	req, err := ir.Decode(request)
	if errors.Is(err, ir.ErrTooDeep) {
		return nil, sqlerr.New(sqlstate.StatementTooComplex, "%w", err)
	}
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	switch r := req.(type) {
	case *ir.Relation:
		return relation(r)
	case *ir.Classify:
		return ir.AppendVerdicts(nil, verdicts(r.Clauses)), nil
	case *ir.Select:
		return selectStatement(r)
	}
	return nil, sqlerr.New(sqlstate.InternalError, "planner request %T is not handled", req)
}

// relation answers the options that are in force for a relation.
func relation(r *ir.Relation) ([]byte, *Error) {
	server, err := option.SplitPairs(r.Server)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	table, err := option.SplitPairs(r.Table)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	rel := option.ParseRelation(r.Major, server, table)
	reply := ir.RelationReply{
		Schema:      rel.SchemaName,
		Table:       rel.TableName,
		StartupCost: rel.StartupCost,
		TupleCost:   rel.TupleCost,
		FetchSize:   rel.FetchSize,
		FetchMemory: rel.FetchMemory,
		Ship:        verdicts(r.Clauses),
	}
	return reply.Append(make([]byte, 0, 64+len(r.Clauses))), nil
}

// verdicts says which clauses may run on the remote server, and why others not.
func verdicts(clauses []ir.Expr) []ir.Verdict {
	all := make([]ir.Verdict, len(clauses))
	for i, c := range clauses {
		_, err := ship.Clause(c)
		var refusal *ship.Refusal
		if errors.As(err, &refusal) {
			all[i] = ir.Verdict{ID: refusal.ID, Reason: refusal.Reason}
		}
	}
	return all
}

// selectStatement writes the statement of a scan.
func selectStatement(r *ir.Select) ([]byte, *Error) {
	q := deparse.Select{Schema: r.Schema, Table: r.Table, Lock: r.Lock, Wait: r.Wait,
		Where: make([]ir.Expr, len(r.Clauses))}
	var e *Error
	if q.Columns, q.Fetch, e = columns(r.Columns); e != nil {
		return nil, e
	}
	for i, c := range r.Clauses {
		shipped, err := ship.Clause(c)
		if err != nil {
			return nil, sqlerr.New(sqlstate.InternalError, "condition could be sent to the remote server before, but not now: %w", err)
		}
		q.Where[i] = shipped
	}
	statement, err := q.Deparse()
	if errors.Is(err, deparse.ErrTooManyParams) {
		return nil, sqlerr.New(sqlstate.TooManyArguments, "%w", err)
	}
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	reply := ir.SelectReply{SQL: statement.SQL, Attnos: q.Fetch, LocksRows: r.Lock != ir.LockNone,
		Params: make([]uint32, len(statement.Params))}
	for i, p := range statement.Params {
		reply.Params[i] = p.Expr.Base().ID
	}
	return reply.Append(make([]byte, 0, reply.Size())), nil
}

// columns answers the remote names by number, and what is fetched: user columns
// in the order of the table, then ctid.
func columns(cols []ir.Column) (names []string, fetch []int32, e *Error) {
	if n := len(cols); n > 0 && cols[n-1].Attno > 0 {
		names = make([]string, min(cols[n-1].Attno, maxColumns)+1)
	}
	fetch = make([]int32, 0, len(cols))
	ctid := false
	for _, c := range cols {
		if c.Attno == ir.CtidAttno {
			ctid = c.Fetch
			continue
		}
		if c.Attno < 1 || int(c.Attno) >= len(names) {
			return nil, nil, sqlerr.New(sqlstate.InternalError, "column number %d is not in order", c.Attno)
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
