package deparse

import (
	"strconv"
	"strings"
)

// Sample is how much of a table is read for its statistics. Zero fractions mean
// all; both together: of so many blocks so many rows.
type Sample struct {
	Blocks float64 // TABLESAMPLE SYSTEM
	Rows   float64 // TABLESAMPLE BERNOULLI, or random() where Random is set or blocks are sampled
	Random bool    // the relation takes no TABLESAMPLE
}

// SampleTable writes the statement that reads these columns (remote names) of a
// table for its statistics; no columns at all read a NULL for each row.
func SampleTable(schema, table string, columns []string, s Sample) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Ident(c))
	}
	if len(columns) == 0 {
		b.WriteString("NULL")
	}
	b.WriteString(" FROM " + Ident(schema) + "." + Ident(table))
	if s.Blocks > 0 {
		b.WriteString(" TABLESAMPLE SYSTEM (" + number(100*s.Blocks) + ")")
	}
	switch {
	case s.Rows == 0:
	case s.Random || s.Blocks > 0:
		b.WriteString(" WHERE pg_catalog.random() < " + number(s.Rows))
	default:
		b.WriteString(" TABLESAMPLE BERNOULLI (" + number(100*s.Rows) + ")")
	}
	return b.String()
}

// number writes a positive number with nine digits, so that any server reads it
// as it is.
func number(f float64) string {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 9, 64), 64)
	return strconv.FormatFloat(f, 'f', -1, 64)
}
