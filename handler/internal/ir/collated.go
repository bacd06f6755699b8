package ir

// Portable: the collation is the same one on every server, by its nature or
// because an extension brings it. What is built in has a fixed meaning; other
// collations of pg_catalog come from the operating system or from ICU.
func (c *Collation) Portable() bool {
	switch {
	case c == nil || c.Default:
		return false
	case c.OID == collationC || c.OID == collationPOSIX:
		return c.Builtin
	}
	return c.Extension
}

// C_COLLATION_OID and POSIX_COLLATION_OID (pg_collation.dat).
const (
	collationC     = 950
	collationPOSIX = 951
)

// Collated answers the collation that has to be written behind an expression,
// as COLLATE: one that comes neither from its type nor from its argument. nil:
// none. (The planner turns a CollateExpr into a Relabel, and drops it from
// constants and what it computes.)
func Collated(e Expr) *Collation {
	n := e.Base()
	if !n.Collation.Portable() {
		return nil
	}
	switch e := e.(type) {
	case *Const, *Local:
		if n.Type.OID == nameType || n.Type.OID == nameArrayType { // theirs is "C" anyway
			return nil
		}
		return n.Collation
	case *Relabel:
		if c := e.Arg.Base().Collation; c != nil && c.OID == n.Collation.OID {
			return nil
		}
		return n.Collation
	case *Collate:
		return n.Collation
	}
	return nil
}

const (
	nameType      = 19
	nameArrayType = 1003
)
