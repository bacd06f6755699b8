// Package ship decides whether an expression may run on the remote server:
// whether it must give there, for every row, exactly what it would give here.
//
// The rules are those of postgres_fdw (contrib/postgres_fdw/deparse.c,
// foreign_expr_walker), with more kinds of expression and a few refusals more:
//
//   - Types, functions and operators are built in, so that the remote has the
//     same ones, or belong to an extension that the server option "extensions"
//     vouches for.
//   - What is evaluated there is immutable.
//   - A collation that a comparison uses comes from a column of the foreign
//     table (see collate.go).
//   - A subtree without a column of the relation is evaluated here, once per
//     scan, and its value is bound as a parameter. So stable functions may
//     appear in it, and the executor's parameters, and columns of other
//     relations. Its value must survive the journey as text or binary.
//
// Like postgres_fdw, this takes the remote's columns for what the foreign
// table declares them to be, the remote's default collation for the local one,
// and its built-in functions for those of this server.
package ship

import (
	"fmt"

	"pgwire_fdw/handler/internal/ir"
)

// Refusal says why an expression has to stay here.
type Refusal struct {
	ID     uint32 // ir.Node.ID of the part that is to blame
	Reason string // lower case, no period: "function now is not immutable"
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Clause decides on a condition over the relation's columns. It answers the
// condition as it has to be sent: the same tree, in which every subtree that
// is evaluated here stands in an ir.Local. The tree is changed in place and
// belongs to the answer; after a *Refusal it is of no use any more.
func Clause(servers ir.Servers, e ir.Expr) (ir.Expr, error) {
	w := walker{servers: servers, root: e.Base().ID, facts: make([]facts, 0, 16)}
	if !w.look(e).foreign {
		return nil, refuse(e, "no column of the foreign table is used")
	}
	state, err := w.visit(&e, false)
	if err != nil {
		return nil, err
	}
	if state.kind == collateUnsafe {
		return nil, refuse(e, "%s does not come from a column of the foreign table", collationName(state.of))
	}
	return e, nil
}

func refuse(e ir.Expr, format string, args ...any) error {
	return &Refusal{ID: e.Base().ID, Reason: fmt.Sprintf(format, args...)}
}

// walker carries what is known while a tree is decided on.
type walker struct {
	servers ir.Servers
	root    uint32  // ID of the clause
	facts   []facts // of its nodes, by ID from the root's on
	// caseArg is the collation of the argument of the CASE around, which its
	// CaseTests stand for; nil outside.
	caseArg *collation
	// of an expression in a query
	statement *statement // nil: it is asked about by itself
	may       may
	outputs   []collation // of the sub-query that is compared with
}

// visit decides on *slot and what is below. lazy says that the expression may
// remain unevaluated for some rows: a value computed ahead of the scan must not
// fail there, when here it might never have been asked for.
func (w *walker) visit(slot *ir.Expr, lazy bool) (collation, error) {
	e := *slot
	if _, done := e.(*ir.Local); done {
		return value(e), nil
	}
	if !printable(e) && w.look(e).movable() {
		if lazy && !total(e) {
			// nor may the parts be sent: with the parameters' values at hand
			// the remote planner would compute the whole before it starts
			return collation{}, refuse(e, "might fail though it might never be reached")
		}
		if bindable(e.Base().Type) {
			*slot = &ir.Local{Node: *e.Base(), Expr: e}
			return value(*slot), nil
		}
	}
	state, err := w.node(e, lazy)
	if err != nil {
		return collation{}, err
	}
	if t := e.Base().Type; !known(t.Origin) {
		return collation{}, refuse(e, `type %s is neither built in nor of an extension named in "extensions"`, t.Name)
	}
	return state, nil
}

// printable: a value that is written into the statement.
func printable(e ir.Expr) bool {
	c, constant := e.(*ir.Const)
	return constant && !c.Large
}

// visitAll visits arguments and combines what they say of collations. In
// lazyFrom and behind, arguments may remain unevaluated.
func (w *walker) visitAll(args []ir.Expr, lazy bool, lazyFrom int) (collation, error) {
	var state collation
	for i := range args {
		s, err := w.visit(&args[i], lazy || i >= lazyFrom)
		if err != nil {
			return collation{}, err
		}
		state.merge(s)
	}
	return state, nil
}

// all is a lazyFrom for arguments that are all evaluated.
const all = int(^uint(0) >> 1)

// node decides on an expression that is to be evaluated on the remote server.
func (w *walker) node(e ir.Expr, lazy bool) (collation, error) {
	switch e := e.(type) {
	case *ir.Var:
		return w.column(e)
	case *ir.Const:
		return w.constant(e)
	case *ir.Op:
		return w.operation(e, e, lazy)
	case *ir.Distinct:
		if !plainEquality(e.Operator) {
			return collation{}, refuse(e, "IS DISTINCT FROM would find another operator than %s.%s there",
				e.Operator.Schema, e.Operator.Name)
		}
		return w.operation(e, &e.Op, lazy)
	case *ir.NullIf:
		if !plainEquality(e.Operator) {
			return collation{}, refuse(e, "NULLIF would find another operator than %s.%s there",
				e.Operator.Schema, e.Operator.Name)
		}
		return w.operation(e, &e.Op, lazy)
	case *ir.Func:
		return w.call(e, lazy)
	case *ir.ScalarArray:
		if err := w.operatorOK(e, e.Operator, e.Function); err != nil {
			return collation{}, err
		}
		settle(e.Args)
		state, err := w.visitAll(e.Args, lazy, all)
		if err != nil {
			return collation{}, err
		}
		return collation{}, state.checkInput(e, e.InputCollation, e.Function)
	case *ir.Bool:
		// what stands behind may be there because what stands before guards it
		_, err := w.visitAll(e.Args, lazy, 1)
		return collation{}, err
	case *ir.NullTest:
		_, err := w.visit(&e.Arg, lazy)
		return collation{}, err
	case *ir.BooleanTest:
		_, err := w.visit(&e.Arg, lazy)
		return collation{}, err
	case *ir.Coalesce:
		state, err := w.visitAll(e.Args, lazy, 1)
		return state.ofNode(e), err
	case *ir.Array:
		state, err := w.visitAll(e.Args, lazy, all)
		return state.ofNode(e), err
	case *ir.MinMax:
		return w.minMax(e, lazy)
	case *ir.Case:
		return w.caseExpr(e, lazy)
	case *ir.CaseTest:
		if w.caseArg == nil {
			return collation{}, refuse(e, "stand-in for a value outside of CASE")
		}
		state := w.caseArg.ofNode(e)
		state.explicit = false // COLLATE is written behind the argument, not here
		return state, nil
	case *ir.Subscript:
		return w.subscript(e, lazy)
	case *ir.JSONConstructor:
		return w.jsonConstructor(e, lazy)
	case *ir.IsJSON:
		return w.isJSON(e, lazy)
	case *ir.JSONQuery:
		return w.jsonQuery(e, lazy)
	case *ir.Row:
		return w.row(e, lazy)
	case *ir.RowCompare:
		return w.rowCompare(e, lazy)
	case *ir.FieldSelect:
		return w.fieldSelect(e, lazy)
	default:
		return w.cast(e, lazy)
	}
}

func (w *walker) column(e *ir.Var) (collation, error) {
	switch {
	case !e.Foreign():
		return collation{}, refuse(e, "value of type %s cannot be sent", e.Type.Name)
	case e.Attno == 0:
		return collation{}, refuse(e, "whole row of the foreign table")
	case e.Attno < 0 && e.Attno != ir.CtidAttno && e.Attno != ir.RemoteTableoidAttno:
		return collation{}, refuse(e, "system column that has no counterpart there")
	case holdsOIDs(e.Type):
		return collation{}, refuse(e, "column of type %s holds OIDs of the remote server", e.Type.Name)
	}
	return w.columnCollation(e), w.visible(e)
}

func (w *walker) constant(e *ir.Const) (collation, error) {
	switch {
	case e.LocalObject:
		return collation{}, refuse(e, "constant names a local object")
	case !e.Null && holdsOIDs(e.Type) && (!e.Type.OIDAlias || e.Type.Category == 'A'):
		return collation{}, refuse(e, "constant of type %s may name local objects", e.Type.Name)
	case !e.Null && localeDependent(e.Type):
		return collation{}, refuse(e, "constant of type %s reads differently under another locale", e.Type.Name)
	case e.Type.Typtype == 'p':
		return collation{}, refuse(e, "constant of pseudo-type %s", e.Type.Name)
	case missing(w.servers, constantSince(e)) != "":
		return collation{}, refuse(e, "value is %s", missing(w.servers, constantSince(e)))
	case e.Invalid:
		return collation{}, refuse(e, "constant is no text in the encoding of the database")
	case e.Type.OID == charType && !ascii(e.Text), e.Type.OID == charArrayType && !ascii(e.Text):
		return collation{}, refuse(e, "byte that is no character by itself")
	}
	return value(e), nil
}

// operation decides on Op and its kin; e is the node itself.
func (w *walker) operation(e ir.Expr, op *ir.Op, lazy bool) (collation, error) {
	if err := w.operatorOK(e, op.Operator, op.Function); err != nil {
		return collation{}, err
	}
	settle(op.Args)
	state, err := w.visitAll(op.Args, lazy, all)
	if err != nil {
		return collation{}, err
	}
	if err := state.checkInput(e, op.InputCollation, op.Function); err != nil {
		return collation{}, err
	}
	return state.ofNode(e), nil
}

func (w *walker) call(e *ir.Func, lazy bool) (collation, error) {
	if err := w.functionOK(e, e.Function); err != nil {
		return collation{}, err
	}
	if (e.Form == ir.CoerceExplicitCast || e.Form == ir.CoerceImplicitCast) && len(e.Args) == 0 {
		return collation{}, refuse(e, "cast of nothing")
	}
	if err := castOK(e); err != nil {
		return collation{}, err
	}
	if err := zoneOK(e); err != nil {
		return collation{}, err
	}
	state, err := w.visitAll(e.Args, lazy, all)
	if err != nil {
		return collation{}, err
	}
	if err := state.checkInput(e, e.InputCollation, e.Function); err != nil {
		return collation{}, err
	}
	return state.ofNode(e), nil
}

// minMax: the comparison is found there through the type, so the type's
// default operator class must be the same one.
func (w *walker) minMax(e *ir.MinMax, lazy bool) (collation, error) {
	if e.Comparison == nil || !e.Type.Builtin || e.Type.Typtype != 'b' {
		return collation{}, refuse(e, "order of type %s may be another one there", e.Type.Name)
	}
	if err := w.functionOK(e, e.Comparison); err != nil {
		return collation{}, err
	}
	state, err := w.visitAll(e.Args, lazy, all)
	if err != nil {
		return collation{}, err
	}
	if err := state.checkInput(e, e.InputCollation, e.Comparison); err != nil {
		return collation{}, err
	}
	return state.ofNode(e), nil
}

// subscript: of true arrays and of jsonb. An extension's types may do it by
// code that is another one there.
func (w *walker) subscript(e *ir.Subscript, lazy bool) (collation, error) {
	if t := e.Container.Base().Type; t.Category != 'A' && t.OID != jsonbType {
		return collation{}, refuse(e, "subscript of type %s", e.Container.Base().Type.Name)
	}
	for i := range e.Bounds {
		for _, bound := range []*ir.Expr{&e.Bounds[i].Lower, &e.Bounds[i].Upper} {
			if *bound == nil {
				continue
			}
			if _, err := w.visit(bound, lazy); err != nil {
				return collation{}, err
			}
		}
	}
	state, err := w.visit(&e.Container, lazy)
	return state.ofNode(e), err
}

func (w *walker) viaIO(e *ir.CoerceViaIO, lazy bool) (collation, error) {
	for _, f := range []*ir.Function{e.Output, e.Input} {
		if err := w.functionOK(e, f); err != nil {
			return collation{}, err
		}
	}
	switch from := e.Arg.Base().Type; {
	case printedBySettings(from):
		return collation{}, refuse(e, "text form of type %s depends on settings", from.Name)
	case from.OID == charType, from.OID == charArrayType:
		return collation{}, refuse(e, "text form of type %s depends on the server's version", from.Name)
	}
	if e.Type.OID == byteaType {
		return collation{}, refuse(e, "bytes of a text depend on %s", encoding)
	}
	state, err := w.visit(&e.Arg, lazy)
	return state.ofNode(e), err
}
