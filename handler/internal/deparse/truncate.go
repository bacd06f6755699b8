package deparse

import "strings"

// TableName is a remote table's.
type TableName struct{ Schema, Name string }

// Truncate is a TRUNCATE of remote tables, at least one.
type Truncate struct {
	Tables  []TableName
	Restart bool // RESTART IDENTITY, else CONTINUE
	Cascade bool // CASCADE, else RESTRICT
}

// SQL writes the statement. What is the default is written too: the local user has
// asked for it, or not asked for the other.
func (t Truncate) SQL() string {
	var b strings.Builder
	b.WriteString("TRUNCATE ")
	for i, table := range t.Tables {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Ident(table.Schema) + "." + Ident(table.Name))
	}
	if t.Restart {
		b.WriteString(" RESTART IDENTITY")
	} else {
		b.WriteString(" CONTINUE IDENTITY")
	}
	if t.Cascade {
		b.WriteString(" CASCADE")
	} else {
		b.WriteString(" RESTRICT")
	}
	return b.String()
}
