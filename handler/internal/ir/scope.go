package ir

// scope checks that numbers of items and CTEs are unique in the request, and
// that what refers to them knows them: all that walks a query relies on that.
func (d *decoder) scope(q *Query) {
	s := scopes{d: d, known: map[uint32]bool{}, ctes: map[uint32]bool{},
		items: map[uint32]bool{}, withs: map[uint32]bool{}}
	s.query(q)
}

// scopes has what is known at the place where the walk is, and what was
// anywhere.
type scopes struct {
	d            *decoder
	known, ctes  map[uint32]bool
	items, withs map[uint32]bool
}

func (s *scopes) fail(what string, number uint32) {
	s.d.fail("%s %d is unknown, or known twice", what, number)
}

// query: items are known to all of the query and what is nested in it, a CTE to
// the later ones too, and to itself when it is recursive.
func (s *scopes) query(q *Query) {
	for i := range q.CTEs {
		c := &q.CTEs[i]
		if s.withs[c.Number] {
			s.fail("CTE", c.Number)
		}
		s.withs[c.Number] = true
		s.ctes[c.Number] = c.Recursive
		s.query(c.Query)
		s.ctes[c.Number] = true
	}
	for i := range q.Items {
		n := q.Items[i].Number
		if s.items[n] || n == NoItem {
			s.fail("item", n)
		}
		s.items[n], s.known[n] = true, true
	}
	for i := range q.Items {
		switch item := &q.Items[i]; item.Kind {
		case ItemQuery:
			s.query(item.Query)
		case ItemCTE:
			if !s.ctes[item.CTE] {
				s.fail("CTE", item.CTE)
			}
		}
	}
	own := map[uint32]bool{}
	for i := range q.Items {
		own[q.Items[i].Number] = true
	}
	for _, l := range q.Locks {
		if !own[l.Item] {
			s.fail("item", l.Item)
		}
	}
	if q.Write != nil {
		s.written(q, own)
	}
	s.from(q.From, own)
	s.setOp(q, q.SetOp, own)
	q.own(func(e *Expr) { s.expr(*e) })
	for i := range q.Items {
		s.known[q.Items[i].Number] = false
	}
	for i := range q.CTEs {
		s.ctes[q.CTEs[i].Number] = false
	}
}

// written: a table of the query, which FROM has or has not.
func (s *scopes) written(q *Query, own map[uint32]bool) {
	n := q.Write.Item
	found := false
	FromItems(q.From, func(item uint32) { found = found || item == n })
	if !own[n] || found != (q.Write.Op != Insert) {
		s.fail("item", n)
	}
	for i := range q.Items {
		if q.Items[i].Number == n && q.Items[i].Kind != ItemTable {
			s.fail("table", n)
		}
	}
}

// from: each item of the query in one place.
func (s *scopes) from(from From, own map[uint32]bool) {
	switch from := from.(type) {
	case FromItem:
		if !own[uint32(from)] {
			s.fail("item", uint32(from))
		}
		own[uint32(from)] = false
	case *Join:
		s.from(from.Left, own)
		s.from(from.Right, own)
	case *FromList:
		for _, part := range from.List {
			s.from(part, own)
		}
	}
}

func (s *scopes) setOp(q *Query, op *SetOp, own map[uint32]bool) {
	switch {
	case op == nil:
	case op.Op != SetOpItem:
		s.setOp(q, op.Left, own)
		s.setOp(q, op.Right, own)
	case !own[op.Item]:
		s.fail("item", op.Item)
	default:
		own[op.Item] = false
		for i := range q.Items {
			if q.Items[i].Number == op.Item && q.Items[i].Kind != ItemQuery {
				s.fail("operand", op.Item)
			}
		}
	}
}

func (s *scopes) expr(e Expr) {
	switch e := e.(type) {
	case *Var:
		if e.Foreign() && !s.known[e.Item] {
			s.fail("item", e.Item)
		}
	case *SubLink:
		for _, t := range e.Tests {
			s.expr(t)
		}
		s.query(e.Query)
	default:
		for _, c := range e.Children() {
			s.expr(c)
		}
	}
}
