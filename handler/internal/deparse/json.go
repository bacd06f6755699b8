package deparse

import "pgwire_fdw/handler/internal/ir"

var jsonConstructors = map[ir.JSONKind]string{
	ir.JSONObject: "JSON_OBJECT(", ir.JSONArray: "JSON_ARRAY(", ir.JSONScalar: "JSON_SCALAR(",
}

// jsonConstructor writes JSON_OBJECT('a'::text VALUE c1 NULL ON NULL RETURNING jsonb).
// Without arguments there is no place for what is done about nulls.
func (w *writer) jsonConstructor(e *ir.JSONConstructor) {
	w.put(jsonConstructors[e.Kind])
	for i, a := range e.Args {
		switch {
		case i == 0:
		case e.Kind == ir.JSONObject && i%2 == 1:
			w.put(" VALUE ")
		default:
			w.put(", ")
		}
		w.expr(a)
	}
	if e.Kind != ir.JSONScalar && len(e.Args) > 0 {
		if e.Absent {
			w.put(" ABSENT ON NULL")
		} else {
			w.put(" NULL ON NULL")
		}
		if e.Unique && e.Kind == ir.JSONObject {
			w.put(" WITH UNIQUE KEYS")
		}
	}
	switch {
	case e.Kind == ir.JSONScalar:
	case len(e.Args) > 0:
		w.put(" RETURNING ", e.Type.Name)
	default:
		w.put("RETURNING ", e.Type.Name)
	}
	w.put(")")
}

var jsonItems = []string{"VALUE", "OBJECT", "ARRAY", "SCALAR"}

func (w *writer) isJSON(e *ir.IsJSON) {
	w.put("(")
	w.expr(e.Arg)
	w.put(" IS JSON ", jsonItems[e.Item])
	if e.Unique {
		w.put(" WITH UNIQUE KEYS")
	}
	w.put(")")
}

var (
	jsonFunctions  = []string{"JSON_EXISTS(", "JSON_QUERY(", "JSON_VALUE("}
	jsonWrappers   = []string{" WITHOUT WRAPPER", " WITHOUT WRAPPER", " WITH CONDITIONAL WRAPPER", " WITH UNCONDITIONAL WRAPPER"}
	jsonBehaviours = []string{" NULL", " ERROR", " EMPTY", " TRUE", " FALSE", " UNKNOWN", " EMPTY ARRAY", " EMPTY OBJECT"}
)

// jsonQuery writes JSON_VALUE(c1, '$."a"'::jsonpath PASSING c2 AS x RETURNING
// text NULL ON EMPTY NULL ON ERROR).
func (w *writer) jsonQuery(e *ir.JSONQuery) {
	if int(e.Op) >= len(jsonFunctions) {
		w.fail("no SQL text for a column of JSON_TABLE")
		return
	}
	w.put(jsonFunctions[e.Op])
	w.expr(e.Context)
	w.put(", ")
	w.expr(e.Path)
	for i, v := range e.Passing {
		if i == 0 {
			w.put(" PASSING ")
		} else {
			w.put(", ")
		}
		w.expr(v)
		w.put(" AS ", Ident(e.Names[i]))
	}
	if e.Op != ir.JSONExistsOp {
		w.put(" RETURNING ", e.Type.Name)
	}
	if e.Op == ir.JSONQueryFn {
		w.put(jsonWrappers[e.Wrapper])
		if e.OmitQuotes {
			w.put(" OMIT QUOTES")
		} else {
			w.put(" KEEP QUOTES")
		}
	}
	w.behavior(e.OnEmpty, e.EmptyDefault, " ON EMPTY")
	w.behavior(e.OnError, e.ErrorDefault, " ON ERROR")
	w.put(")")
}

func (w *writer) behavior(b ir.JSONBehavior, value ir.Expr, on string) {
	switch {
	case b == ir.JSONNoBehavior:
		return
	case b == ir.JSONDefault:
		w.put(" DEFAULT ")
		w.expr(value)
	default:
		w.put(jsonBehaviours[b])
	}
	w.put(on)
}
