package ship

import "pgwire_fdw/handler/internal/ir"

// Since when the remote has SQL/JSON.
const (
	jsonConstructors = 16
	jsonQueries      = 17
)

const unknownType = 705

// plainJSON are the types that are the same text in JSON whatever the settings,
// and whose text JSON is read from in one way.
var plainJSON = oidSet(
	16,         // boolean
	20, 21, 23, // bigint smallint integer
	1700,     // numeric
	25, 1043, // text varchar
	114, jsonbType, // json
)

func (w *walker) jsonConstructor(e *ir.JSONConstructor, lazy bool) (collation, error) {
	since := jsonConstructors
	switch e.Kind {
	case ir.JSONObject, ir.JSONArray:
	case ir.JSONScalar:
		since = jsonQueries
	default:
		return collation{}, refuse(e, "JSON constructor of a kind that is not sent")
	}
	if why := missing(w.servers, since); why != "" {
		return collation{}, refuse(e, "JSON constructor is %s", why)
	}
	if e.Mutable {
		return collation{}, refuse(e, "JSON text of a value depends on settings")
	}
	for i := range e.Args {
		t := e.Args[i].Base().Type
		if c, ok := e.Args[i].(*ir.Const); ok && t.OID == unknownType && !c.Large && !c.Invalid {
			continue // a literal whose type nobody asks for: a key
		}
		if !plainJSON[t.OID] {
			return collation{}, refuse(e.Args[i], "JSON text of type %s depends on settings", t.Name)
		}
		if _, err := w.visit(&e.Args[i], lazy); err != nil {
			return collation{}, err
		}
	}
	return collation{}, nil
}

func (w *walker) isJSON(e *ir.IsJSON, lazy bool) (collation, error) {
	if why := missing(w.servers, jsonConstructors); why != "" {
		return collation{}, refuse(e, "IS JSON is %s", why)
	}
	if t := e.Arg.Base().Type; !plainJSON[t.OID] {
		return collation{}, refuse(e, "IS JSON of type %s", t.Name)
	}
	_, err := w.visit(&e.Arg, lazy)
	return collation{}, err
}

// jsonQuery: what JSON_VALUE answers is read by the input function of its type.
// Of the defaults the parser takes few kinds of expression, and no parameters.
func (w *walker) jsonQuery(e *ir.JSONQuery, lazy bool) (collation, error) {
	path, constant := e.Path.(*ir.Const)
	why := missing(w.servers, jsonQueries)
	switch {
	case why != "":
		return collation{}, refuse(e, "JSON function is %s", why)
	case e.Op == ir.JSONTableOp:
		return collation{}, refuse(e, "column of JSON_TABLE")
	case !constant || path.Large || e.Mutable:
		return collation{}, refuse(e, "JSON path that is no constant, or depends on settings")
	case !plainJSON[e.Type.OID]:
		return collation{}, refuse(e, "JSON function that returns type %s", e.Type.Name)
	}
	for _, v := range e.Passing {
		if t := v.Base().Type; !plainJSON[t.OID] {
			return collation{}, refuse(v, "type %s in a JSON path", t.Name)
		}
	}
	for _, slot := range []*ir.Expr{&e.Context, &e.Path} {
		if _, err := w.visit(slot, lazy); err != nil {
			return collation{}, err
		}
	}
	if _, err := w.visitAll(e.Passing, lazy, all); err != nil {
		return collation{}, err
	}
	for _, slot := range []*ir.Expr{&e.EmptyDefault, &e.ErrorDefault} {
		if *slot == nil {
			continue
		}
		if c, constant := (*slot).(*ir.Const); !constant || c.Large {
			return collation{}, refuse(*slot, "DEFAULT of a JSON function that is no constant")
		}
		if _, err := w.visit(slot, true); err != nil {
			return collation{}, err
		}
	}
	return ofResult(e.Collation), nil
}
