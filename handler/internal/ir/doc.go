// Package ir is the intermediate representation of what the planner asks: the
// expressions of PostgreSQL (nodes/primnodes.h) as Go values, the requests
// that carry them, and the bytes in which they cross from C.
//
// The bytes are written by extension/plan/expr.c and extension/plan/select.c; their format
// is in extension/plan/ir.h. Everything that needs a catalog is resolved there: a
// Go value has the names, flags and volatilities that a decision or the SQL
// text needs.
//
// WHERE c1 = 5 on a foreign table, for example, arrives as
//
//	&Op{
//		Operator: &Operator{OID: 96, Schema: "pg_catalog", Name: "="},
//		Function: &Function{OID: 65, Name: "int4eq", Volatility: 'i'},
//		Args: []Expr{
//			&Var{Foreign: true, Attno: 1},
//			&Const{Text: "5"},
//		},
//	}
//
// and WHERE c2 > now() - interval '1 day' as an Op whose second argument is an
// Op over a Func of volatility 's'. There is one representation for all
// statements, Query: a scan of a base relation is a query of one table.
package ir
