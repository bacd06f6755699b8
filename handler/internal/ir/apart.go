package ir

import "slices"

// Rest is a FROM without one of its items.
type Rest struct {
	From From   // nil: nothing
	On   []Expr // conditions of joins that are none any more: all must hold
	// semi and anti joins whose left side is what On sees: a row with a match on
	// the right must exist, or none
	Exists []*Join
}

// Apart takes an item out of FROM, as UPDATE and DELETE want it for the table that
// they modify: it is joined with the rest by WHERE alone. False: an outer join needs
// it in its place.
func Apart(from From, item uint32) (rest Rest, ok bool) {
	switch from := from.(type) {
	case FromItem:
		return Rest{}, uint32(from) == item
	case *FromList:
		var parts []From
		for _, part := range from.List {
			if !hasItem(part, item) {
				parts = append(parts, part)
				continue
			}
			if rest, ok = Apart(part, item); !ok {
				return Rest{}, false
			}
			parts = append(parts, rest.From)
		}
		rest.From, rest.On = crossJoin(parts), append(rest.On, from.Where...)
		return rest, ok
	case *Join:
		return from.apart(item)
	}
	return Rest{}, false
}

func (j *Join) apart(item uint32) (rest Rest, ok bool) {
	with, other := j.Left, j.Right
	if left := hasItem(j.Left, item); !left {
		with, other = j.Right, j.Left
	}
	if rest, ok = Apart(with, item); !ok {
		return Rest{}, false
	}
	switch {
	case j.Type == InnerJoin && with == j.Left:
		rest.From, rest.On = crossJoin([]From{rest.From, other}), append(rest.On, j.On...)
	case j.Type == InnerJoin:
		rest.From, rest.On = crossJoin([]From{other, rest.From}), append(rest.On, j.On...)
	case with == j.Left && (j.Type == SemiJoin || j.Type == AntiJoin):
		rest.Exists = append(rest.Exists, j)
	case rest.From == nil || mentions(j.On, item):
		return Rest{}, false
	case with == j.Left && j.Type == LeftJoin:
		rest.From = &Join{Type: j.Type, Left: rest.From, Right: other, On: j.On}
	case with == j.Right && j.Type == RightJoin:
		rest.From = &Join{Type: j.Type, Left: other, Right: rest.From, On: j.On}
	default:
		return Rest{}, false
	}
	return rest, true
}

// crossJoin joins the parts that are not nil; nil: there are none.
func crossJoin(parts []From) From {
	parts = slices.DeleteFunc(parts, func(part From) bool { return part == nil })
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	return &FromList{List: parts}
}

func hasItem(from From, item uint32) (found bool) {
	FromItems(from, func(n uint32) { found = found || n == item })
	return found
}

func mentions(exprs []Expr, item uint32) (found bool) {
	for _, e := range exprs {
		Vars(e, func(v *Var) { found = found || v.Item == item })
	}
	return found
}
