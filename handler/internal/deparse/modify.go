package deparse

import (
	"strconv"
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

// RowChange is one row's change of a table: the columns by their remote names.
type RowChange struct {
	Operation ir.Operation
	Schema    string
	Table     string
	Targets   []RowTarget // of an insert or update
	// Keys identify the row of an update or delete; without them ctid and tableoid do.
	Keys      []string
	DoNothing bool // ON CONFLICT DO NOTHING
	Returning []string
}

// RowTarget is a column that is set to a parameter, or, where it is generated, to
// DEFAULT.
type RowTarget struct {
	Name      string
	Generated bool
}

// SQL writes the statement. at and n are place and length of the row in VALUES, with
// its parentheses, where there is one; else 0.
//
//	INSERT INTO s.t(a, b, c) VALUES ($1, $2, DEFAULT) ON CONFLICT DO NOTHING RETURNING a, b
//	UPDATE s.t SET a = $1, c = DEFAULT WHERE ctid = $2 AND tableoid = $3
//	DELETE FROM s.t WHERE k = $1
//
// Parameters have no cast: the remote takes the types of its own columns.
func (c *RowChange) SQL() (sql string, at, n int) {
	w := &rowWriter{}
	switch c.Operation {
	case ir.Insert:
		w.insert(c)
	case ir.Update:
		w.put("UPDATE ", c.name(), " SET ")
		for i, t := range c.Targets {
			w.separate(i, ", ")
			w.put(Ident(t.Name), " = ", w.value(t))
		}
		w.identity(c)
	case ir.Delete:
		w.put("DELETE FROM ", c.name())
		w.identity(c)
	}
	for i, name := range c.Returning {
		w.separate(i, ", ", " RETURNING ")
		w.put(Ident(name))
	}
	return w.String(), w.at, w.n
}

// CopySQL writes the COPY that inserts the rows of such a change: of the columns that
// are not generated, which are nowhere named. Empty: they cannot be copied.
func (c *RowChange) CopySQL() string {
	w := &rowWriter{}
	if c.Operation != ir.Insert || c.DoNothing || len(c.Returning) > 0 {
		return ""
	}
	n := 0
	for _, t := range c.Targets {
		if !t.Generated {
			w.separate(n, ", ", "COPY "+c.name()+"(")
			w.put(Ident(t.Name))
			n++
		}
	}
	if n == 0 {
		return ""
	}
	w.put(") FROM STDIN (FORMAT binary)")
	return w.String()
}

func (c *RowChange) name() string { return Ident(c.Schema) + "." + Ident(c.Table) }

type rowWriter struct {
	strings.Builder
	params int
	at, n  int // of the row in VALUES
}

func (w *rowWriter) put(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
}

// separate writes what stands in front of item i: separator, or in front of the
// first one what is given for that.
func (w *rowWriter) separate(i int, separator string, first ...string) {
	if i > 0 {
		w.put(separator)
	} else {
		w.put(first...)
	}
}

func (w *rowWriter) param() string {
	w.params++
	return "$" + strconv.Itoa(w.params)
}

func (w *rowWriter) value(t RowTarget) string {
	if t.Generated {
		return "DEFAULT"
	}
	return w.param()
}

func (w *rowWriter) insert(c *RowChange) {
	w.put("INSERT INTO ", c.name())
	for i, t := range c.Targets {
		w.separate(i, ", ", "(")
		w.put(Ident(t.Name))
	}
	for i, t := range c.Targets {
		if i == 0 {
			w.put(") VALUES ")
			w.at = w.Len()
		}
		w.separate(i, ", ", "(")
		w.put(w.value(t))
	}
	if len(c.Targets) > 0 {
		w.put(")")
		w.n = w.Len() - w.at
	} else {
		w.put(" DEFAULT VALUES")
	}
	if c.DoNothing {
		w.put(" ON CONFLICT DO NOTHING")
	}
}

// identity writes WHERE.
func (w *rowWriter) identity(c *RowChange) {
	for i, key := range c.Keys {
		w.separate(i, " AND ", " WHERE ")
		w.put(Ident(key), " = ", w.param())
	}
	if len(c.Keys) == 0 {
		w.put(" WHERE ctid = ", w.param(), " AND tableoid = ", w.param())
	}
}
