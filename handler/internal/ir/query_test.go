package ir_test

import (
	"errors"
	"reflect"
	"testing"

	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
)

// everything is a query that has each part of one.
func everything() *ir.Query {
	e := irtest.Parse
	eq := &ir.Operator{OID: 96, Origin: ir.Origin{Builtin: true}, Schema: "pg_catalog", Name: "="}
	lt := &ir.Operator{OID: 97, Origin: ir.Origin{Builtin: true}, Schema: "pg_catalog", Name: "<"}
	key := func(ref uint32) ir.Key { return ir.Key{Ref: ref, Equality: eq, Order: lt, Less: true, Equal: true} }
	number := ir.ColumnType{Type: irtest.Type("int4")}
	text := ir.ColumnType{Type: irtest.Type("text"), Collation: irtest.Collations["default"]}
	one := func(item uint32, table string) *ir.Query {
		return &ir.Query{
			Items: []ir.Item{{Number: item, Kind: ir.ItemTable, Schema: "s", Name: table}},
			From:  ir.FromItem(item), Targets: []ir.Target{{Expr: e("(const int4 1)")}}}
	}
	agg := &ir.Aggref{Node: *e("(const int4 1)").Base(), Function: &ir.Function{Name: "string_agg", Kind: 'a'},
		InputCollation: irtest.Collations["C"], Variadic: true,
		Direct: []ir.Expr{e("(const int4 1)")}, Args: []ir.Target{{Ref: 1, Expr: e("(col 1 int4)")}, {Junk: true, Ref: 2, Expr: e("(col 2.3 int4)")}},
		Distinct: []ir.Key{key(1)}, OrderBy: []ir.Key{key(2)}, Filter: e("(null (col 1 int4))")}
	window := &ir.WindowFunc{Node: *e("(const int4 1)").Base(), Function: &ir.Function{Name: "rank", Kind: 'w'}, Star: true, Window: 1,
		Args: []ir.Expr{e("(col 1 int4)")}, Filter: e("(null (col 1 int4))")}
	link := &ir.SubLink{Node: *e("(const bool t)").Base(), Kind: ir.AnySubLink, Or: true,
		Tests: []ir.Expr{&ir.Op{Node: *e("(const bool t)").Base(), Operator: eq, Function: &ir.Function{Name: "int4eq"},
			Args: []ir.Expr{e("(col 1 int4)"), &ir.SubOutput{Node: *e("(const int4 1)").Base(), Column: 1}}}},
		Query: one(20, "inner")}
	operands := func(a, b uint32) *ir.Query {
		return &ir.Query{Items: []ir.Item{{Number: a, Kind: ir.ItemQuery, Query: one(a+1, "a")}, {Number: b, Kind: ir.ItemQuery, Query: one(b+1, "b")}},
			Targets: []ir.Target{{Ref: 1, Expr: &ir.Var{Node: *e("(const int4 1)").Base(), Item: a, Attno: 1}}},
			SetOp:   &ir.SetOp{Op: ir.Union, All: true, Keys: []ir.Key{key(1)}, Left: &ir.SetOp{Item: a}, Right: &ir.SetOp{Item: b}},
			OrderBy: []ir.Key{key(1)}}
	}
	return &ir.Query{
		CTEs: []ir.CTE{{Number: 1, Recursive: true, Search: true, Materialized: ir.MaterializeNever, Query: operands(30, 40)}},
		Items: []ir.Item{
			{Number: 1, Kind: ir.ItemTable, Schema: "s", Name: "t", Columns: []ir.Column{{Attno: 1, Name: "a", Options: []byte("column_name\x00b\x00")}}},
			{Number: 2, Kind: ir.ItemCTE, CTE: 1},
			{Number: 3, Kind: ir.ItemQuery, Barrier: true, Query: one(4, "u")},
			{Number: 5, Kind: ir.ItemFunction, Ordinality: true, Functions: []ir.TableFunction{
				{Expr: e("(func generate_series int4 (col 1 int4))"), Definitions: []ir.ColumnType{number, text}, Columns: 2}}},
			{Number: 6, Kind: ir.ItemValues, Types: []ir.ColumnType{number, text},
				Rows: [][]ir.Expr{{e("(const int4 1)"), e("(const text x)")}, {e("(ext 1 int4)"), e("(const text y)")}}},
			{Number: 7, Kind: ir.ItemUnknown, Alien: ir.AlienKind},
			{Number: 8, Kind: ir.ItemTable, Schema: "s", Name: "written"},
		},
		From: &ir.FromList{List: []ir.From{
			&ir.Join{Type: ir.AntiJoin, Left: ir.FromItem(1), Right: &ir.FromList{List: []ir.From{ir.FromItem(3)}}, On: []ir.Expr{e("(col 3.1 bool)")}},
			ir.FromItem(2), ir.FromItem(5), ir.FromItem(6), ir.FromItem(7)}, Where: []ir.Expr{e("(col 1 bool)")}},
		Where: []ir.Expr{link},
		Targets: []ir.Target{{Ref: 1, Expr: e("(col 1 int4)")}, {Expr: agg}, {Expr: window},
			{Junk: true, Expr: &ir.GroupingFunc{Node: *e("(const int4 1)").Base(), Args: []ir.Expr{e("(col 1 int4)")}}}},
		GroupDistinct: true, Group: []ir.Key{key(1)},
		Sets:   []ir.GroupingSet{{Kind: ir.GroupingSetRollup, Sets: []ir.GroupingSet{{Kind: ir.GroupingSetSimple, Refs: []uint32{1}}}}, {}},
		Having: []ir.Expr{e("(const bool t)")},
		Windows: []ir.Window{{Ref: 1, Partition: []ir.Key{key(1)}, OrderBy: []ir.Key{{Ref: 1, Order: lt, Greater: true, NullsFirst: true}}, Frame: 0x1234,
			Start: e("(const int8 1)"), End: e("(const int8 2)")}},
		Distinct: ir.DistinctOn, DistinctKeys: []ir.Key{key(1)}, OrderBy: []ir.Key{key(1)},
		Limit: e("(const int8 10)"), WithTies: true, Offset: e("(ext 1 int8)"),
		Locks: []ir.RowLock{{Item: 1, Strength: ir.LockUpdate, Wait: ir.WaitSkip}},
		Write: &ir.Write{Op: ir.Insert, Item: 8, DoNothing: true, Columns: []int32{1, 2, 3}, Returning: []ir.Target{{Expr: e("(col 8.1 int4)")}}},
	}
}

// renumberQuery does what renumber does, for all expressions of a query.
func renumberQuery(q *ir.Query) {
	var next uint32
	q.Exprs(func(e *ir.Expr) { renumber(*e, &next) })
}

func TestQueryRoundTrip(t *testing.T) {
	sent := everything()
	got, err := ir.Decode(ir.Encode(&ir.QueryRequest{Statement: true, Query: sent}))
	if err != nil {
		t.Fatal(err)
	}
	r := got.(*ir.QueryRequest)
	var next uint32
	r.Query.Exprs(func(e *ir.Expr) {
		if (*e).Base().ID != next {
			t.Errorf("expression %T is node %d, want %d", *e, (*e).Base().ID, next)
		}
		renumber(*e, &next)
	})
	renumberQuery(sent)
	if !r.Statement || !reflect.DeepEqual(sent, r.Query) {
		t.Errorf("got %#v\nwant %#v", r.Query, sent)
	}
	tables := 0
	r.Query.Tables(func(*ir.Item) { tables++ })
	if tables != 6 {
		t.Errorf("%d tables", tables)
	}
}

func TestQueryTruncated(t *testing.T) {
	whole := ir.Encode(&ir.QueryRequest{Query: everything()})
	for n := range whole {
		if _, err := ir.Decode(whole[:n]); !errors.Is(err, ir.ErrMalformed) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// What refers to an item that is not known there, or to one of two with the same
// number, is malformed.
func TestQueryScope(t *testing.T) {
	for what, spoil := range map[string]func(*ir.Query){
		"column of no item":       func(q *ir.Query) { q.Where = []ir.Expr{irtest.Parse("(col 99.1 bool)")} },
		"column of an inner item": func(q *ir.Query) { q.Where = []ir.Expr{irtest.Parse("(col 20.1 bool)")} },
		"item twice":              func(q *ir.Query) { q.Items[1].Number = 1 },
		"item of a nested one":    func(q *ir.Query) { q.Items[1].Number = 4 },
		"item twice in FROM":      func(q *ir.Query) { q.From = &ir.Join{Left: ir.FromItem(1), Right: ir.FromItem(1)} },
		"item of a CTE in FROM":   func(q *ir.Query) { q.From = ir.FromItem(31) },
		"CTE that is not there":   func(q *ir.Query) { q.Items[1].CTE = 2 },
		"CTE twice":               func(q *ir.Query) { q.CTEs = append(q.CTEs, q.CTEs[0]) },
		"CTE within, not recursive": func(q *ir.Query) {
			q.CTEs[0].Recursive = false
			q.CTEs[0].Query.Items[0] = ir.Item{Number: 30, Kind: ir.ItemCTE, CTE: 1}
		},
		"operand that is no query": func(q *ir.Query) { q.CTEs[0].Query.Items[0].Kind = ir.ItemTable },
		"operand twice":            func(q *ir.Query) { q.CTEs[0].Query.SetOp.Left.Item = 40 },
		"too many columns":         func(q *ir.Query) { q.Items[3].Functions[0].Columns = 1 << 30 },
		"lock of no item":          func(q *ir.Query) { q.Locks[0].Item = 20 },
		"write to no table":        func(q *ir.Query) { q.Write.Item = 3 },
		"write to a nested table":  func(q *ir.Query) { q.Write.Item = 4 },
		"insert into what is read": func(q *ir.Query) { q.Write.Item = 1 },
		"update of what is not read": func(q *ir.Query) {
			q.Write.Op, q.Write.DoNothing = ir.Update, false
		},
		"update of nothing": func(q *ir.Query) {
			q.Targets, q.Write = nil, &ir.Write{Op: ir.Update, Item: 1}
		},
		"delete with values":       func(q *ir.Query) { q.Write.Op, q.Write.Item, q.Write.DoNothing = ir.Delete, 1, false },
		"update on conflict":       func(q *ir.Query) { q.Write.Op, q.Write.Item = ir.Update, 1 },
		"too few columns":          func(q *ir.Query) { q.Write.Columns = q.Write.Columns[1:] },
		"nested query that writes": func(q *ir.Query) { q.Items[2].Query.Write, q.Write = q.Write, nil },
	} {
		q := everything()
		spoil(q)
		if _, err := ir.Decode(ir.Encode(&ir.QueryRequest{Query: q})); !errors.Is(err, ir.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Queries, joins, set operations and grouping sets nest as deep as expressions.
func TestQueryDepthIsLimited(t *testing.T) {
	nest := map[string]func(n int) *ir.Query{
		"queries": func(n int) *ir.Query {
			q := &ir.Query{}
			for i := range n {
				q = &ir.Query{Items: []ir.Item{{Number: uint32(i), Kind: ir.ItemQuery, Query: q}}}
			}
			return q
		},
		"CTEs": func(n int) *ir.Query {
			q := &ir.Query{}
			for i := range n {
				q = &ir.Query{CTEs: []ir.CTE{{Number: uint32(i), Query: q}}}
			}
			return q
		},
		"sub-links": func(n int) *ir.Query {
			q := &ir.Query{}
			for range (n + 1) / 2 {
				q = &ir.Query{Where: []ir.Expr{&ir.SubLink{Node: *irtest.Parse("(const bool t)").Base(), Query: q}}}
			}
			return q
		},
		"joins": func(n int) *ir.Query {
			q := &ir.Query{Items: []ir.Item{{Number: 0, Kind: ir.ItemUnknown}}, From: ir.FromItem(0)}
			for i := range uint32(n) {
				q.Items = append(q.Items, ir.Item{Number: i + 1, Kind: ir.ItemUnknown})
				q.From = &ir.Join{Left: q.From, Right: ir.FromItem(i + 1)}
			}
			return q
		},
		"set operations": func(n int) *ir.Query {
			q := &ir.Query{Items: []ir.Item{{Number: 0, Kind: ir.ItemQuery, Query: &ir.Query{}}}, SetOp: &ir.SetOp{}}
			for i := range uint32(n) {
				q.Items = append(q.Items, ir.Item{Number: i + 1, Kind: ir.ItemQuery, Query: &ir.Query{}})
				q.SetOp = &ir.SetOp{Op: ir.Union, Left: q.SetOp, Right: &ir.SetOp{Item: i + 1}}
			}
			return q
		},
		"grouping sets": func(n int) *ir.Query {
			s := ir.GroupingSet{}
			for range n {
				s = ir.GroupingSet{Kind: ir.GroupingSets, Sets: []ir.GroupingSet{s}}
			}
			return &ir.Query{Sets: []ir.GroupingSet{s}}
		},
	}
	for what, query := range nest {
		if _, err := ir.Decode(ir.Encode(&ir.QueryRequest{Query: query(ir.MaxDepth - 10)})); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := ir.Decode(ir.Encode(&ir.QueryRequest{Query: query(ir.MaxDepth + 10)})); !errors.Is(err, ir.ErrTooDeep) {
			t.Errorf("%s, deeper: %v", what, err)
		}
	}
}
