package store

import (
	"strconv"
	"strings"

	"pgwire_fdw/handler/internal/session"
)

// A statement for several rows spares the remote most of what it does for a
// statement: it takes half the time per row or less.
const (
	// valuesRows is how many rows one statement has.
	valuesRows = 64
	// valuesParams bounds its parameters.
	valuesParams = 2048
)

// rowsPerStatement is how many rows a statement may have; 1: one.
func (w *Writer) rowsPerStatement() int {
	if w.spec.Values.Len == 0 || len(w.spec.Types) == 0 {
		return 1
	}
	return max(min(valuesRows, valuesParams/len(w.spec.Types)), 1)
}

// partOfSeveral is the statement for n rows at a time.
func (w *Writer) partOfSeveral(n int) session.Part {
	p := &w.several
	if p.SQL == "" {
		*p = w.single
		p.PerBind = n
		p.SQL = repeatValues(w.spec.SQL, w.spec.Values, n, len(w.spec.Types))
	}
	p.Formats = w.single.Formats
	return *p
}

// repeatValues writes the row of VALUES n times, with parameters of its own each.
func repeatValues(sql string, at Span, n, params int) string {
	var b strings.Builder
	row := sql[at.At : at.At+at.Len]
	b.WriteString(sql[:at.At])
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		renumber(&b, row, i*params)
	}
	b.WriteString(sql[at.At+at.Len:])
	return b.String()
}

// renumber writes SQL with add added to the numbers of its parameters. What
// stands in quotes is left alone.
func renumber(b *strings.Builder, sql string, add int) {
	quote := byte(0)
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		b.WriteByte(c)
		switch {
		case quote != 0:
			if c == quote {
				quote = 0 // a doubled one begins again
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '$':
			end := i + 1
			for end < len(sql) && sql[end] >= '0' && sql[end] <= '9' {
				end++
			}
			if n, err := strconv.Atoi(sql[i+1 : end]); err == nil {
				b.WriteString(strconv.Itoa(n + add))
				i = end - 1
			}
		}
	}
}
