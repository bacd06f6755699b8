package ir

// query reads a query that is nested depth levels deep. Its trees and those that
// are nested in it share the bound on depth.
func (d *decoder) query(depth int) *Query {
	q := &Query{}
	if !d.shallow(depth) {
		return q
	}
	depth++
	q.CTEs = list(d, 18, func() CTE { return d.cte(depth) })
	q.Items = list(d, 6, func() Item { return d.item(depth) })
	if d.bool() {
		q.From = d.from(0, depth)
	}
	q.Where = d.args(depth)
	q.Targets = d.targets(depth)
	q.GroupDistinct = d.bool()
	q.Group = d.keys()
	q.Sets = d.groupingSets(depth)
	q.Having = d.args(depth)
	q.Windows = list(d, 18, func() Window {
		return Window{Ref: d.u32(), Partition: d.keys(), OrderBy: d.keys(), Frame: d.u32(),
			Start: d.optional(depth), End: d.optional(depth)}
	})
	q.Distinct, q.DistinctKeys = DistinctKind(d.enum(byte(DistinctOn))), d.keys()
	q.OrderBy = d.keys()
	q.Limit, q.WithTies, q.Offset = d.optional(depth), d.bool(), d.optional(depth)
	if d.bool() {
		q.SetOp = d.setOp(depth)
	}
	q.Locks = list(d, 6, func() RowLock {
		return RowLock{Item: d.u32(), Strength: LockStrength(d.enum(byte(LockUpdate))),
			Wait: WaitPolicy(d.enum(byte(WaitError)))}
	})
	if d.bool() {
		q.Write = d.write(q, depth)
	}
	return q
}

// write reads what makes a query one that writes; depth is that of its trees.
func (d *decoder) write(q *Query, depth int) *Write {
	w := &Write{Op: Operation(d.enum(byte(Delete))), Item: d.u32(), DoNothing: d.bool(),
		Columns: list(d, 4, d.i32), Returning: d.targets(depth)}
	switch {
	case w.Op == 0:
		d.fail("no operation")
	case depth > 1:
		d.fail("nested query that writes")
	case w.DoNothing && w.Op != Insert:
		d.fail("ON CONFLICT of a statement that is no INSERT")
	case len(w.Columns) != len(q.Outputs()):
		d.fail("%d columns for %d values", len(w.Columns), len(q.Outputs()))
	case w.Op == Delete && len(w.Columns) > 0, w.Op == Update && len(w.Columns) == 0:
		d.fail("%d columns to be changed", len(w.Columns))
	}
	return w
}

// shallow says that depth is within the bound.
func (d *decoder) shallow(depth int) bool {
	if depth > MaxDepth {
		if d.err == nil {
			d.err = ErrTooDeep
		}
		d.pos = len(d.data)
	}
	return d.err == nil
}

// list reads a counted list of entries that have at least size bytes; nil when it
// is empty.
func list[T any](d *decoder, size int, read func() T) []T {
	n := d.count(size)
	if n == 0 {
		return nil
	}
	entries := make([]T, 0, n)
	for range n {
		entries = append(entries, read())
		if d.err != nil {
			return entries
		}
	}
	return entries
}

func (d *decoder) optional(depth int) Expr {
	if d.bool() {
		return d.expr(depth)
	}
	return nil
}

func (d *decoder) cte(depth int) CTE {
	c := CTE{Number: d.u32()}
	flags := d.u8()
	c.Recursive, c.Search = flags&cteRecursive != 0, flags&cteSearch != 0
	c.Materialized = Materialize(d.enum(byte(MaterializeNever)))
	c.Query = d.query(depth)
	return c
}

func (d *decoder) item(depth int) Item {
	i := Item{Number: d.u32()}
	i.Kind = ItemKind(d.u8())
	switch i.Kind {
	case ItemTable:
		i.Schema, i.Name = d.string(), d.string()
		i.Columns = d.columns[i.Number]
	case ItemQuery:
		i.Barrier = d.u8()&itemBarrier != 0
		i.Query = d.query(depth)
	case ItemCTE:
		i.CTE = d.u32()
	case ItemFunction:
		i.Ordinality = d.bool()
		i.Functions = list(d, 17, func() TableFunction {
			f := TableFunction{Expr: d.expr(depth), Definitions: d.columnTypes(), Columns: d.u32()}
			if f.Columns > maxColumns {
				d.fail("function with %d columns", f.Columns)
			}
			return f
		})
	case ItemValues:
		i.Types = d.columnTypes()
		i.Rows = d.rows(len(i.Types), depth)
	case ItemUnknown:
		i.Alien = Alien(d.enum(byte(AlienTooDeep)))
	default:
		d.fail("item of kind %d", i.Kind)
	}
	return i
}

// maxColumns is MaxTupleAttributeNumber (access/htup_details.h).
const maxColumns = 1664

func (d *decoder) columnTypes() []ColumnType {
	return list(d, 8, func() ColumnType {
		return ColumnType{Type: required(d, d.types, "type"), Collation: object(d, d.collations, "collation")}
	})
}

// rows reads VALUES.
func (d *decoder) rows(columns, depth int) [][]Expr {
	n := d.u32()
	if columns == 0 || int64(n)*int64(columns)*9 > int64(len(d.data)-d.pos) {
		d.fail("VALUES of %d rows and %d columns", n, columns)
		return nil
	}
	rows := make([][]Expr, n)
	for i := range rows {
		rows[i] = make([]Expr, columns)
		for j := range rows[i] {
			rows[i][j] = d.expr(depth)
		}
	}
	return rows
}

// from reads a part of FROM that is in so many joins, of a query that is nested
// depth levels deep.
func (d *decoder) from(joins, depth int) From {
	if !d.shallow(joins) {
		return FromItem(NoItem)
	}
	joins++
	switch kind := d.u8(); kind {
	case fromItem:
		return FromItem(d.u32())
	case fromJoin:
		return &Join{Type: JoinType(d.enum(byte(AntiJoin))), Left: d.from(joins, depth), Right: d.from(joins, depth),
			On: d.args(depth)}
	case fromList:
		return &FromList{List: list(d, 5, func() From { return d.from(joins, depth) }), Where: d.args(depth)}
	default:
		d.fail("FROM of kind %d", kind)
		return FromItem(NoItem)
	}
}

func (d *decoder) targets(depth int) []Target {
	return list(d, 14, func() Target {
		return Target{Junk: d.u8()&targetJunk != 0, Ref: d.u32(), Expr: d.expr(depth)}
	})
}

func (d *decoder) keys() []Key { return list(d, 13, d.key) }

func (d *decoder) key() Key {
	k := Key{Ref: d.u32(), Equality: object(d, d.operators, "operator"), Order: object(d, d.operators, "operator")}
	flags := d.u8()
	k.NullsFirst = flags&keyNullsFirst != 0
	k.Less, k.Greater, k.Equal = flags&keyLess != 0, flags&keyGreater != 0, flags&keyEqual != 0
	if k.Order == nil && (k.Less || k.Greater) || k.Less && k.Greater || k.Equality == nil && k.Equal {
		d.fail("key without its operator")
	}
	return k
}

func (d *decoder) groupingSets(depth int) []GroupingSet {
	return list(d, 5, func() GroupingSet {
		s := GroupingSet{Kind: GroupingSetKind(d.enum(byte(GroupingSets)))}
		if !d.shallow(depth) {
			return s
		}
		if s.Kind == GroupingSetEmpty || s.Kind == GroupingSetSimple {
			s.Refs = list(d, 4, d.u32)
		} else {
			s.Sets = d.groupingSets(depth + 1)
		}
		return s
	})
}

func (d *decoder) setOp(depth int) *SetOp {
	s := &SetOp{}
	if !d.shallow(depth) {
		return s
	}
	s.Op = SetOpKind(d.enum(byte(Except)))
	if s.Op == SetOpItem {
		s.Item = d.u32()
		return s
	}
	s.All, s.Keys = d.bool(), d.keys()
	s.Left, s.Right = d.setOp(depth+1), d.setOp(depth+1)
	return s
}

// queryNode reads the nodes that occur in queries only.
func (d *decoder) queryNode(tag byte, n Node, depth int) Expr {
	switch tag {
	case tagAggref:
		e := &Aggref{Node: n, Function: required(d, d.functions, "function"),
			InputCollation: object(d, d.collations, "collation")}
		flags := d.u8()
		e.Star, e.Variadic, e.WithinGroup = flags&aggStar != 0, flags&aggVariadic != 0, flags&aggWithinGroup != 0
		e.Direct, e.Args = d.args(depth), d.targets(depth)
		e.Distinct, e.OrderBy = d.keys(), d.keys()
		e.Filter = d.optional(depth)
		return e
	case tagWindowFunc:
		return &WindowFunc{Node: n, Function: required(d, d.functions, "function"),
			InputCollation: object(d, d.collations, "collation"),
			Star:           d.u8()&aggStar != 0, Window: d.u32(), Args: d.args(depth), Filter: d.optional(depth)}
	case tagGroupingFunc:
		return &GroupingFunc{Node: n, Args: d.args(depth)}
	case tagSubLink:
		return &SubLink{Node: n, Kind: SubLinkKind(d.enum(byte(ArraySubLink))), Or: d.bool(),
			Tests: d.args(depth), Query: d.query(depth)}
	case tagSubOutput:
		return &SubOutput{Node: n, Column: d.u32()}
	default:
		d.fail("tag %d", tag)
		return &Unknown{Node: n}
	}
}
