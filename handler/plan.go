package handler

import (
	"cmp"
	"errors"

	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/ship"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

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
		return ir.AppendVerdicts(nil, verdicts(r.Servers, r.Clauses)), nil
	case *ir.QueryRequest:
		return query(r)
	case *ir.Modify:
		return modifyStatement(r)
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
	rel := option.ParseRelation(r.Servers.Local, server, table)
	reply := ir.RelationReply{
		Schema:      rel.SchemaName,
		Table:       rel.TableName,
		StartupCost: rel.StartupCost,
		TupleCost:   rel.TupleCost,
		FetchSize:   rel.FetchSize,
		FetchMemory: rel.FetchMemory,
		Ship:        verdicts(r.Servers, r.Clauses),
	}
	return reply.Append(make([]byte, 0, 64+len(r.Clauses))), nil
}

// verdicts says which clauses may run on the remote server, and why others not.
func verdicts(servers ir.Servers, clauses []ir.Clause) []ir.Verdict {
	all := make([]ir.Verdict, len(clauses))
	for i := range clauses {
		err := ship.Decide(servers, &clauses[i])
		var refusal *ship.Refusal
		if errors.As(err, &refusal) {
			all[i] = ir.Verdict(*refusal)
		}
	}
	return all
}

// query says what of a query cannot be sent, or writes its statement.
func query(r *ir.QueryRequest) ([]byte, *Error) {
	refusals := ship.Query(r.Servers, r.Query)
	if !r.Statement {
		verdicts := make([]ir.Verdict, len(refusals))
		for i, refusal := range refusals {
			verdicts[i] = ir.Verdict(refusal)
		}
		return ir.AppendRefusals(nil, verdicts), nil
	}
	if len(refusals) > 0 {
		return nil, sqlerr.New(sqlstate.InternalError, "query could be sent to the remote server before, but not now: %w", &refusals[0])
	}
	if e := remoteNames(r.Query); e != nil {
		return nil, e
	}
	write := deparse.Query
	if r.Explain {
		write = deparse.Explain
	}
	statement, err := write(r.Query)
	if errors.Is(err, deparse.ErrTooManyParams) {
		return nil, sqlerr.New(sqlstate.TooManyArguments, "%w", err)
	}
	if errors.Is(err, deparse.ErrTooLong) {
		return nil, sqlerr.New(sqlstate.StatementTooComplex, "%w", err)
	}
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	reply := ir.QueryReply{SQL: statement.SQL, LocksRows: len(r.Query.Locks) > 0, Params: make([]uint32, len(statement.Params))}
	for i, p := range statement.Params {
		reply.Params[i] = p.Expr.Base().ID
	}
	return reply.Append(make([]byte, 0, reply.Size())), nil
}

// remoteNames gives the columns of all tables the names that they have there.
func remoteNames(q *ir.Query) *Error {
	var failed error
	q.Tables(func(table *ir.Item) {
		for i := range table.Columns {
			c := &table.Columns[i]
			pairs, err := option.SplitPairs(c.Options)
			if err != nil {
				failed = err
				return
			}
			c.Name = option.ColumnName(pairs, c.Name)
		}
	})
	if failed != nil {
		return sqlerr.New(sqlstate.InternalError, "%w", failed)
	}
	return nil
}

// modifyStatement writes the statement that changes one row of a table.
func modifyStatement(r *ir.Modify) ([]byte, *Error) {
	server, err := option.SplitPairs(r.Server)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	table, err := option.SplitPairs(r.Table)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	rel := option.ParseRelation(0, server, table)
	change := deparse.RowChange{
		Operation: r.Operation, DoNothing: r.DoNothing,
		Schema: cmp.Or(rel.SchemaName, r.Schema), Table: cmp.Or(rel.TableName, r.Name),
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		pairs, err := option.SplitPairs(c.Options)
		if err != nil {
			return nil, sqlerr.New(sqlstate.InternalError, "%w", err)
		}
		name := option.ColumnName(pairs, c.Name)
		if c.Target {
			change.Targets = append(change.Targets, deparse.RowTarget{Name: name, Generated: c.Generated})
		}
		if c.Returned {
			change.Returning = append(change.Returning, name)
		}
		if c.Key {
			change.Keys = append(change.Keys, name)
		}
	}
	sql, at, n := change.SQL()
	reply := ir.ModifyReply{
		SQL: sql, ValuesAt: at, ValuesLen: n, CopySQL: change.CopySQL(),
		Schema: change.Schema, Table: change.Table, BatchSize: rel.BatchSize,
	}
	return reply.Append(nil), nil
}
