package ship

import (
	"slices"

	"pgwire_fdw/handler/internal/ir"
)

// use says what keys are for.
type use int

const (
	sorted  use = iota // ORDER BY
	grouped            // GROUP BY, DISTINCT, set operations: only equality counts
)

// keyOK: does the remote find the operators that the key names, and do they do
// the same there? Without USING it takes those of the type's default operator
// class. state is what is known of the collation of e.
func (w *walker) keyOK(k *ir.Key, u use, e ir.Expr, state collation) error {
	t := e.Base().Type
	switch {
	case !known(t.Origin), t.Typtype == 'c', t.Typtype == 'p', t.OIDAlias:
		return refuse(e, "order of type %s may be another one there", t.Name)
	case u == grouped && !k.Equal:
		return refuse(e, "equality of type %s that is not its default one", t.Name)
	case k.Equality != nil && !known(k.Equality.Origin):
		return refuse(e, "operator %s.%s may be another one there", k.Equality.Schema, k.Equality.Name)
	case u == sorted && k.Order == nil:
		return refuse(e, "no order is known for type %s", t.Name)
	case k.Order != nil && !known(k.Order.Origin):
		return refuse(e, "operator %s.%s may be another one there", k.Order.Schema, k.Order.Name)
	}
	if c := e.Base().Collation; c == nil || state.sameAs(c, e) || u == grouped && state.bytewise(c) {
		return nil
	}
	return refuse(e, "%s does not come from a column of the foreign table", collationName(e.Base().Collation))
}

// sameAs: the remote sorts by this very collation.
func (c collation) sameAs(want *ir.Collation, e ir.Expr) bool {
	if c.kind == collateSafe {
		return oid(c.of) == oid(want)
	}
	return isName(e.Base().Type) && want.OID == cCollation && c.kind == collateNone && !c.conflict
}

// bytewise: equal are those with equal bytes, here and there.
func (c collation) bytewise(here *ir.Collation) bool {
	return here.Deterministic && !c.conflict && (c.remote == nil || c.remote.Deterministic)
}

// keys decides on keys that refer to targets.
func (l *level) keys(keys []ir.Key, u use) {
	for i := range keys {
		if t := l.index(keys[i].Ref); t < 0 {
			l.refuse("key that refers to no output")
		} else if l.q.SetOp != nil && l.q.Targets[t].Junk {
			l.check(refuse(l.q.Targets[t].Expr, "order of a set operation by what is no output"))
		} else if l.targets[t].fine {
			l.check(l.key(&keys[i], u, t))
		}
	}
}

// key decides on a key by the target number t. Unlike an output that is passed
// on, it is used. It is written twice; queries in keys of queries in keys would
// double the text with each level.
func (l *level) key(k *ir.Key, u use, t int) error {
	e := l.q.Targets[t].Expr
	if l.nested && l.q.SetOp == nil && ir.HasQuery(e) {
		return refuse(e, "key of a sub-query that has a sub-query itself")
	}
	w := l.walker(e, windows)
	if _, ok := passedOn(e); ok {
		if _, err := w.visit(&e, true); err != nil {
			return err
		}
	}
	return w.keyOK(k, u, e, l.targets[t].state)
}

// index finds a target, -1 if there is none.
func (l *level) index(ref uint32) int {
	for i := range l.q.Targets {
		if l.q.Targets[i].Ref == ref && ref != 0 {
			return i
		}
	}
	return -1
}

// grouping decides on GROUP BY. With grouping sets, the remote's parser takes any
// expression of the text that equals a grouping expression for it, and what is
// no column might be written the same and mean something else.
func (l *level) grouping() {
	l.keys(l.q.Group, grouped)
	l.groupedByQueries()
	if len(l.q.Sets) == 0 {
		return
	}
	for _, k := range l.q.Group {
		if t := l.index(k.Ref); t >= 0 && l.targets[t].fine {
			if e := l.q.Targets[t].Expr; !l.walker(e, windows).look(e).foreign {
				l.check(refuse(e, "grouping sets over what is no column"))
			}
		}
	}
	l.groupingSets(l.q.Sets)
}

// groupedByQueries: what is grouped by may have a sub-query, but another output
// that equals it, perhaps within something, is written with aliases of its own.
func (l *level) groupedByQueries() {
	with := l.q.Having
	for _, t := range l.q.Targets {
		with = append(with[:len(with):len(with)], t.Expr)
	}
	with = slices.DeleteFunc(slices.Clone(with), func(e ir.Expr) bool { return !ir.HasQuery(e) })
	for _, k := range l.q.Group {
		if t := l.index(k.Ref); t >= 0 && len(with) > 1 && ir.HasQuery(l.q.Targets[t].Expr) {
			l.check(refuse(l.q.Targets[t].Expr, "grouped by one of several sub-queries"))
		}
	}
}

func (l *level) groupingSets(sets []ir.GroupingSet) {
	for i := range sets {
		for _, ref := range sets[i].Refs {
			if !refers(l.q.Group, ref) {
				l.refuse("grouping set that refers to no key")
			}
		}
		l.groupingSets(sets[i].Sets)
	}
}

func refers(keys []ir.Key, ref uint32) bool {
	for i := range keys {
		if keys[i].Ref == ref {
			return true
		}
	}
	return false
}

// distinct decides on DISTINCT.
func (l *level) distinct() {
	q := l.q
	l.keys(q.DistinctKeys, grouped)
	switch q.Distinct {
	case ir.DistinctAll:
		for i := range q.Targets {
			t := &q.Targets[i]
			switch _, value := t.Expr.(*ir.Local); {
			case !t.Junk && !refers(q.DistinctKeys, t.Ref) && !value && !printable(t.Expr):
				l.check(refuse(t.Expr, "DISTINCT that does not look at all outputs"))
			case t.Junk && refers(q.OrderBy, t.Ref):
				l.check(refuse(t.Expr, "DISTINCT that is sorted by what is no output"))
			}
		}
	case ir.DistinctOn:
		// the first keys of ORDER BY have to be those of DISTINCT ON, in any order
		for i := range min(len(q.OrderBy), len(q.DistinctKeys)) {
			if !refers(q.DistinctKeys, q.OrderBy[i].Ref) {
				l.refuse("DISTINCT ON that is sorted by something else")
			}
		}
	}
}

// window decides on PARTITION BY, ORDER BY and the frame.
func (l *level) window(w *ir.Window) {
	l.keys(w.Partition, grouped)
	l.keys(w.OrderBy, sorted)
	if (w.Start != nil || w.End != nil) && w.Frame&ir.FrameRange != 0 {
		for i := range w.OrderBy {
			t := l.q.Target(w.OrderBy[i].Ref)
			if k := &w.OrderBy[i]; t != nil && (!t.Expr.Base().Type.Builtin || !k.Less && !k.Greater) {
				l.check(refuse(t.Expr, "RANGE of an order that may be another one there"))
			}
		}
	}
	l.count(&w.Start, true)
	l.count(&w.End, true)
}

// setOperation decides on the columns of a set operation: what they are compared
// by, and under which collation. They are those of the first operand.
func (l *level) setOperation() {
	first := l.q.SetOp
	for first.Op != ir.SetOpItem {
		first = first.Left
	}
	for i, t := range l.q.Outputs() {
		if v, ok := passedOn(t.Expr); !ok || v.Item != first.Item || int(v.Attno) != i+1 {
			l.check(refuse(t.Expr, "output of a set operation that is not its column"))
			return
		}
	}
	states := l.setOp(l.q.SetOp)
	i := 0
	for t := range l.q.Targets {
		if !l.q.Targets[t].Junk && i < len(states) {
			l.targets[t].state = states[i]
			i++
		}
	}
}

func (l *level) setOp(op *ir.SetOp) []collation {
	if op.Op == ir.SetOpItem {
		return l.columns[op.Item]
	}
	left, right := l.setOp(op.Left), l.setOp(op.Right)
	outputs := l.q.Outputs()
	if len(left) != len(outputs) || len(right) != len(outputs) {
		l.refuse("set operation whose operands have other columns")
		return left
	}
	compares := op.Op != ir.Union || !op.All
	if compares && len(op.Keys) != len(outputs) {
		l.refuse("set operation that does not compare all columns")
		return left
	}
	both := make([]collation, len(outputs))
	for i, t := range outputs {
		both[i] = left[i]
		both[i].merge(right[i])
		if both[i].conflict {
			l.check(refuse(t.Expr, "columns of a set operation have different collations"))
		}
		both[i] = asColumn(both[i], t.Expr.Base().Collation)
		if !known(t.Expr.Base().Type.Origin) {
			l.check(refuse(t.Expr, "set operation on type %s", t.Expr.Base().Type.Name))
		}
		if compares {
			l.check(l.walker(t.Expr, plain).keyOK(&op.Keys[i], grouped, t.Expr, both[i]))
		}
	}
	return both
}
