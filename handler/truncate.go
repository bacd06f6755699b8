package handler

import (
	"cmp"

	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// TruncateArgs are the foreign tables of one server that a TRUNCATE names, or comes
// to by inheritance (pgwire_truncate_args of bridge.h).
type TruncateArgs struct {
	ServerOptions    []byte
	Tables           []TruncateTable
	Restart, Cascade bool
}

// TruncateTable is one of them, by its local names.
type TruncateTable struct {
	Schema, Name string
	Options      []byte
}

// Truncate writes the remote statement. Error 55000: the option truncatable is off
// for one of the tables.
func Truncate(a TruncateArgs) (string, *Error) {
	invariant.MaybePanic("truncate")
	server, err := option.SplitPairs(a.ServerOptions)
	if err != nil {
		return "", sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	t := deparse.Truncate{Restart: a.Restart, Cascade: a.Cascade}
	for _, table := range a.Tables {
		pairs, err := option.SplitPairs(table.Options)
		if err != nil {
			return "", sqlerr.New(sqlstate.InternalError, "%w", err)
		}
		rel := option.ParseRelation(0, server, pairs)
		if !rel.Truncatable {
			return "", sqlerr.New(sqlstate.ObjectNotInPrerequisite, "foreign table \"%s\" does not allow truncates", table.Name)
		}
		t.Tables = append(t.Tables, deparse.TableName{
			Schema: cmp.Or(rel.SchemaName, table.Schema), Name: cmp.Or(rel.TableName, table.Name)})
	}
	return t.SQL(), nil
}
