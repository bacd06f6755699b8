package ship

import (
	"fmt"

	"pgwire_fdw/handler/internal/ir"
)

// collateKind says where a collation comes from, in order of precedence.
type collateKind int

const (
	// collateNone: not collatable, or the default collation of something that
	// is not a column: it adapts to whatever it is combined with.
	collateNone collateKind = iota
	// collateSafe: comes from a column of the foreign table, so the remote's
	// column brings it along without being told.
	collateSafe
	// collateUnsafe: from elsewhere, or a conflict. Harmless as long as nothing
	// uses it.
	collateUnsafe
)

// collation is what is known of an expression's collation. It follows the
// remote parser's derivation (parse_collate.c), so that what is written
// without a COLLATE clause is understood there as it was here. The rule is the
// one of postgres_fdw's foreign_expr_walker.
//
// Like there, the default collation of the remote database is taken for the
// local one; a table whose remote columns have another should declare it.
type collation struct {
	kind collateKind
	of   *ir.Collation
	// there is what the remote parser makes of the text: the columns' alone,
	// since no COLLATE is written. nil: none or the default. conflict: it finds
	// two and would refuse to choose.
	remote   *ir.Collation
	conflict bool
	// explicit: a COLLATE is written, which goes before all that is derived.
	explicit bool
}

func oid(c *ir.Collation) uint32 {
	if c == nil {
		return 0
	}
	return c.OID
}

// ofColumn is the collation of a column of the foreign table.
func ofColumn(c *ir.Collation) collation {
	if c == nil {
		return collation{}
	}
	return collation{kind: collateSafe, of: c, remote: c}
}

// ofValue is that of a constant or a parameter: what its type brings along
// there too is as good as none.
func ofValue(t *ir.Type, c *ir.Collation) collation {
	if isName(t) && oid(c) == cCollation {
		return collation{remote: c}
	}
	return ofResult(c)
}

// value is ofValue for e, behind which a COLLATE may be written.
func value(e ir.Expr) collation {
	if c := ir.Collated(e); c != nil {
		return collated(c)
	}
	return ofValue(e.Base().Type, e.Base().Collation)
}

// collated is the collation of what has a COLLATE written behind it.
func collated(c *ir.Collation) collation {
	return collation{kind: collateSafe, of: c, remote: c, explicit: true}
}

// ofResult is that of anything else that is not a column.
func ofResult(c *ir.Collation) collation {
	if c == nil || c.Default {
		return collation{}
	}
	return collation{kind: collateUnsafe, of: c}
}

// collationName is for people.
func collationName(c *ir.Collation) string {
	switch {
	case c == nil:
		return "collation"
	case c.Default:
		return "the default collation"
	}
	return fmt.Sprintf("collation %q", c.Name)
}

const cCollation = 950 // C_COLLATION_OID

// isName: the one type whose own collation is not the default (pg_type.dat).
func isName(t *ir.Type) bool { return t.OID == 19 || t.OID == 1003 } // name, name[]

// settle forgets the collation of values beside a column that brings the same one
// along: then no COLLATE is written behind them. (The planner gives a constant the
// collation of the column it is equal to.)
func settle(args []ir.Expr) {
	var column *ir.Collation
	for _, a := range args {
		if v, ok := ir.Uncast(a).(*ir.Var); ok && v.Foreign() {
			column = a.Base().Collation
		}
	}
	if column == nil {
		return
	}
	for _, a := range args {
		switch a.(type) {
		case *ir.Const, *ir.Param, *ir.Var:
			v, ok := a.(*ir.Var)
			if c := a.Base().Collation; c != nil && c.OID == column.OID && !(ok && v.Foreign()) {
				a.Base().Collation = nil
			}
		}
	}
}

// merge combines the collation of one more argument into c.
func (c *collation) merge(other collation) {
	if c.explicit || other.explicit {
		c.mergeExplicit(other)
		return
	}
	c.mergeThere(other)
	remote, conflict := c.remote, c.conflict
	switch {
	case other.kind > c.kind:
		*c = other
	case other.kind < c.kind || other.kind != collateSafe || oid(other.of) == oid(c.of):
	case c.of.Default: // a collation that was declared beats the default
		*c = other
	case !other.of.Default:
		c.kind = collateUnsafe
	}
	c.remote, c.conflict = remote, conflict
}

// mergeExplicit: what is written beats what is derived; two of them that differ
// the remote refuses.
func (c *collation) mergeExplicit(other collation) {
	switch {
	case !c.explicit:
		*c = other
	case other.explicit && oid(other.remote) != oid(c.remote):
		c.kind, c.conflict = collateUnsafe, true
	}
}

func (c *collation) mergeThere(other collation) {
	c.conflict = c.conflict || other.conflict
	switch {
	case other.remote == nil || oid(c.remote) == oid(other.remote):
	case c.remote == nil || c.remote.Default:
		c.remote = other.remote
	case !other.remote.Default:
		c.conflict = true
	}
}

// checkInput checks that a function that may use the input collation would get the
// same one there, the arguments' combined collation being c. A function that
// has no use for it may get another: else j ->> 'key' would stay here because
// of the constant, and owner = current_user because a name sorts like "C".
func (c collation) checkInput(e ir.Expr, input *ir.Collation, f *ir.Function) error {
	switch {
	case input == nil, c.kind == collateSafe && oid(c.of) == input.OID:
		return nil
	case f.Builtin && indifferent[f.OID] && input.Deterministic && !c.conflict &&
		(c.remote == nil || c.remote.Deterministic):
		return nil
	}
	return refuse(e, "%s does not come from a column of the foreign table", collationName(input))
}

// ofNode is the collation of an expression, that of its arguments being c. One
// of a text for which none could be chosen here has one there, if a COLLATE is
// written in it.
func (c collation) ofNode(e ir.Expr) collation {
	n := e.Base()
	r := c.ofResult(n.Collation)
	if n.Collation == nil && (n.Type.Category == 'S' || n.Type.Category == 'A') {
		r.remote, r.conflict, r.explicit = c.remote, c.conflict, c.explicit
	}
	return r
}

// ofResult is the collation of a result, that of the arguments being c.
func (c collation) ofResult(result *ir.Collation) collation {
	if c.kind == collateSafe && oid(c.of) == oid(result) {
		return c
	}
	r := ofResult(result)
	if result != nil {
		r.remote, r.conflict, r.explicit = c.remote, c.conflict, c.explicit
	}
	return r
}

// relabelled is ofResult for a change of type or collation that may not be
// written at all: a column's own collation cannot be overridden by it.
func (c collation) relabelled(result *ir.Collation) collation {
	r := c.ofResult(result)
	if c.kind == collateSafe && result != nil && oid(c.of) != result.OID {
		r.kind, r.of = collateUnsafe, result
	}
	return r
}
