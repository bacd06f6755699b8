package option

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Connection is what the options of a server and of a user mapping say about
// the connection of that mapping.
type Connection struct {
	// Params are the parameters of libpq that are set, by libpq's names, never
	// empty. What is not set is absent: the defaults are the session's.
	Params map[string]string
	// KeepConnections leaves the connection open after the transaction.
	KeepConnections bool
	// LazyCommit leaves the answer to a harmless COMMIT unread for a while.
	LazyCommit bool
	// ParallelCommit and ParallelAbort end transactions on several servers at the
	// same time.
	ParallelCommit, ParallelAbort bool
	// Pooled is "auto", "true" or "false": whether another session of the server
	// may serve each transaction.
	Pooled string
	// MaxConnections is how many connections one session may hold to the server, ≥ 1.
	MaxConnections int
	// PasswordRequired holds a user who is no superuser to the password rule.
	PasswordRequired bool
}

// String lists the parameters for a human, without the secret values.
func (c Connection) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		value := c.Params[name]
		if s := Lookup(name); s == nil || s.Secret {
			value = "********"
		}
		fmt.Fprintf(&b, "%s=%s ", name, value)
	}
	fmt.Fprintf(&b, "keep_connections=%t lazy_commit=%t pooled=%s max_connections_per_server=%d password_required=%t",
		c.KeepConnections, c.LazyCommit, c.Pooled, c.MaxConnections, c.PasswordRequired)
	return b.String()
}

// GoString is String: %#v must not show a password either.
func (c Connection) GoString() string { return c.String() }

// ParseConnection reads the options of a server followed by those of a user
// mapping; a later one goes before an earlier one.
//
// The values have normally passed Validate. Where they have not (a wrapper
// that once had no validator, a catalog edited by hand), names that are not
// known are left out, and a value that is not well formed counts as not set:
// the default holds, which for password_required is the safe one. libpq's
// parameters are handed on as they are, those that Validate refuses too: who
// connects checks them again and says what is wrong.
func ParseConnection(pairs []Pair) Connection {
	v := values{pairs: pairs}
	c := Connection{
		Params:           map[string]string{},
		KeepConnections:  v.bool("keep_connections"),
		LazyCommit:       v.bool("lazy_commit"),
		ParallelCommit:   v.bool("parallel_commit"),
		ParallelAbort:    v.bool("parallel_abort"),
		Pooled:           v.text("pooled"),
		MaxConnections:   v.int("max_connections_per_server"),
		PasswordRequired: v.bool("password_required"),
	}
	for _, p := range pairs {
		if s := Lookup(p.Name); s != nil && s.Libpq && p.Value != "" {
			c.Params[p.Name] = p.Value
		}
	}
	return c
}

// Relation is what the options of a server and of a foreign table say about
// planning and scanning that table.
type Relation struct {
	// SchemaName and TableName of the remote table; empty: as the local ones.
	SchemaName, TableName string
	// StartupCost and TupleCost are in the planner's units, ≥ 0; they may be
	// infinite, as they may for postgres_fdw.
	StartupCost, TupleCost float64
	// FetchSize is the number of rows in a portion, ≥ 1.
	FetchSize int
	// BatchSize is the number of rows in one INSERT, ≥ 1.
	BatchSize int
	// FetchMemory is in bytes, 64 kB to 1 GB.
	FetchMemory int64
	// Truncatable says whether TRUNCATE may be sent.
	Truncatable bool
	// AnalyzeSampling is one of the option's values, "auto" by default.
	AnalyzeSampling string
}

// ParseRelation reads the options of a server and of a foreign table; the
// table's go before the server's. localMajor is the major version of the local
// server, on which fdw_tuple_cost's default depends. Values that are not well
// formed or out of range count as not set (see ParseConnection).
func ParseRelation(localMajor int, server, table []Pair) Relation {
	v := values{pairs: slices.Concat(server, table), major: localMajor}
	return Relation{
		SchemaName:  v.text("schema_name"),
		TableName:   v.text("table_name"),
		StartupCost: v.real("fdw_startup_cost"),
		TupleCost:   v.real("fdw_tuple_cost"),
		FetchSize:   v.int("fetch_size"),
		BatchSize:   v.int("batch_size"),
		FetchMemory: v.bytes("fetch_memory"),
		Truncatable: v.bool("truncatable"),

		AnalyzeSampling: v.text("analyze_sampling"),
	}
}

// ImportSettings is what the options of IMPORT FOREIGN SCHEMA say: what of the
// remote tables is imported beside columns and their types.
type ImportSettings struct {
	Collate, Default, Generated, NotNull, Comments bool
}

// ParseImport reads the options of IMPORT FOREIGN SCHEMA, which Validate has seen.
func ParseImport(pairs []Pair) ImportSettings {
	v := values{pairs: pairs}
	return ImportSettings{
		Collate:   v.bool("import_collate"),
		Default:   v.bool("import_default"),
		Generated: v.bool("import_generated"),
		NotNull:   v.bool("import_not_null"),
		Comments:  v.bool("import_comments"),
	}
}

// ColumnName returns the name of a remote column: the option column_name among
// the options of the foreign column, else the local name.
func ColumnName(column []Pair, local string) string {
	if name := (values{pairs: column}).text("column_name"); name != "" {
		return name
	}
	return local
}

// values reads options by name: the last one that is well formed, else the
// default of the table, which a test knows to be well formed.
type values struct {
	pairs []Pair
	major int
}

func (v values) find(name string) string {
	s := Lookup(name)
	for i := len(v.pairs) - 1; i >= 0; i-- {
		if p := v.pairs[i]; p.Name == name && s.check(p.Value) == nil {
			return p.Value
		}
	}
	return s.Default(v.major)
}

func (v values) text(name string) string { return v.find(name) }

func (v values) bool(name string) bool {
	b, _ := parseBool(v.find(name))
	return b
}

func (v values) int(name string) int {
	n, _ := parseInt(v.find(name))
	return n
}

func (v values) real(name string) float64 {
	f, _ := parseReal(v.find(name))
	return f
}

func (v values) bytes(name string) int64 {
	n, _ := parseBytes(v.find(name))
	return n
}
