package ir

import "fmt"

func (e *encoder) query(q *Query) {
	e.u32(uint32(len(q.CTEs)))
	for i := range q.CTEs {
		c := &q.CTEs[i]
		e.u32(c.Number)
		e.byte(flags(Origin{c.Recursive, c.Search}, false, false))
		e.byte(byte(c.Materialized))
		e.query(c.Query)
	}
	e.u32(uint32(len(q.Items)))
	for i := range q.Items {
		e.item(&q.Items[i])
	}
	e.bool(q.From != nil)
	if q.From != nil {
		e.from(q.From)
	}
	e.args(q.Where)
	e.targets(q.Targets)
	e.bool(q.GroupDistinct)
	e.keys(q.Group)
	e.groupingSets(q.Sets)
	e.args(q.Having)
	e.u32(uint32(len(q.Windows)))
	for i := range q.Windows {
		w := &q.Windows[i]
		e.u32(w.Ref)
		e.keys(w.Partition)
		e.keys(w.OrderBy)
		e.u32(w.Frame)
		e.optional(w.Start)
		e.optional(w.End)
	}
	e.byte(byte(q.Distinct))
	e.keys(q.DistinctKeys)
	e.keys(q.OrderBy)
	e.optional(q.Limit)
	e.bool(q.WithTies)
	e.optional(q.Offset)
	e.bool(q.SetOp != nil)
	if q.SetOp != nil {
		e.setOp(q.SetOp)
	}
	e.u32(uint32(len(q.Locks)))
	for _, l := range q.Locks {
		e.u32(l.Item)
		e.byte(byte(l.Strength))
		e.byte(byte(l.Wait))
	}
	e.bool(q.Write != nil)
	if w := q.Write; w != nil {
		e.byte(byte(w.Op))
		e.u32(w.Item)
		e.bool(w.DoNothing)
		e.u32(uint32(len(w.Columns)))
		for _, attno := range w.Columns {
			e.u32(uint32(attno))
		}
		e.targets(w.Returning)
	}
}

func (e *encoder) optional(x Expr) {
	e.bool(x != nil)
	if x != nil {
		e.expr(x)
	}
}

func (e *encoder) item(i *Item) {
	e.u32(i.Number)
	e.byte(byte(i.Kind))
	switch i.Kind {
	case ItemTable:
		e.out = putString(putString(e.out, i.Schema), i.Name)
		for _, c := range i.Columns {
			e.columns = putU32(putU32(e.columns, i.Number), uint32(c.Attno))
			e.columns = putString(putString(e.columns, c.Name), c.Options)
			e.ncolumns++
		}
	case ItemQuery:
		e.byte(flags(Origin{Builtin: i.Barrier}, false, false))
		e.query(i.Query)
	case ItemCTE:
		e.u32(i.CTE)
	case ItemFunction:
		e.bool(i.Ordinality)
		e.u32(uint32(len(i.Functions)))
		for j := range i.Functions {
			f := &i.Functions[j]
			e.expr(f.Expr)
			e.columnTypes(f.Definitions)
			e.u32(f.Columns)
		}
	case ItemValues:
		e.columnTypes(i.Types)
		e.u32(uint32(len(i.Rows)))
		for _, row := range i.Rows {
			for _, x := range row {
				e.expr(x)
			}
		}
	case ItemUnknown:
		e.byte(byte(i.Alien))
	}
}

func (e *encoder) columnTypes(types []ColumnType) {
	e.u32(uint32(len(types)))
	for _, t := range types {
		e.typ(t.Type)
		e.collation(t.Collation)
	}
}

func (e *encoder) from(from From) {
	switch from := from.(type) {
	case FromItem:
		e.byte(fromItem)
		e.u32(uint32(from))
	case *Join:
		e.byte(fromJoin)
		e.byte(byte(from.Type))
		e.from(from.Left)
		e.from(from.Right)
		e.args(from.On)
	case *FromList:
		e.byte(fromList)
		e.u32(uint32(len(from.List)))
		for _, part := range from.List {
			e.from(part)
		}
		e.args(from.Where)
	}
}

func (e *encoder) targets(targets []Target) {
	e.u32(uint32(len(targets)))
	for i := range targets {
		e.byte(flags(Origin{Builtin: targets[i].Junk}, false, false))
		e.u32(targets[i].Ref)
		e.expr(targets[i].Expr)
	}
}

func (e *encoder) keys(keys []Key) {
	e.u32(uint32(len(keys)))
	for i := range keys {
		e.key(&keys[i])
	}
}

func (e *encoder) key(k *Key) {
	e.u32(k.Ref)
	e.operator(k.Equality)
	e.operator(k.Order)
	e.byte(flags(Origin{k.NullsFirst, k.Less}, k.Greater, k.Equal))
}

func (e *encoder) groupingSets(sets []GroupingSet) {
	e.u32(uint32(len(sets)))
	for i := range sets {
		s := &sets[i]
		e.byte(byte(s.Kind))
		if s.Kind > GroupingSetSimple {
			e.groupingSets(s.Sets)
			continue
		}
		e.u32(uint32(len(s.Refs)))
		for _, ref := range s.Refs {
			e.u32(ref)
		}
	}
}

func (e *encoder) setOp(s *SetOp) {
	e.byte(byte(s.Op))
	if s.Op == SetOpItem {
		e.u32(s.Item)
		return
	}
	e.bool(s.All)
	e.keys(s.Keys)
	e.setOp(s.Left)
	e.setOp(s.Right)
}

// queryNode writes the nodes that occur in queries only.
func (e *encoder) queryNode(x Expr) {
	switch x := x.(type) {
	case *Aggref:
		e.head(tagAggref, &x.Node)
		e.function(x.Function)
		e.collation(x.InputCollation)
		e.byte(flags(Origin{x.Star, x.Variadic}, x.WithinGroup, false))
		e.args(x.Direct)
		e.targets(x.Args)
		e.keys(x.Distinct)
		e.keys(x.OrderBy)
		e.optional(x.Filter)
	case *WindowFunc:
		e.head(tagWindowFunc, &x.Node)
		e.function(x.Function)
		e.collation(x.InputCollation)
		e.byte(flags(Origin{Builtin: x.Star}, false, false))
		e.u32(x.Window)
		e.args(x.Args)
		e.optional(x.Filter)
	case *GroupingFunc:
		e.head(tagGroupingFunc, &x.Node)
		e.args(x.Args)
	case *SubLink:
		e.head(tagSubLink, &x.Node)
		e.byte(byte(x.Kind))
		e.bool(x.Or)
		e.args(x.Tests)
		e.query(x.Query)
	case *SubOutput:
		e.head(tagSubOutput, &x.Node)
		e.u32(x.Column)
	default:
		panic(fmt.Sprintf("ir: expression %T", x))
	}
}
