package option

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
)

func TestParseConnectionDefaults(t *testing.T) {
	c := ParseConnection(nil)
	if len(c.Params) != 0 || !c.KeepConnections || !c.LazyCommit || !c.PasswordRequired {
		t.Errorf("%v", c)
	}
}

func TestParseConnection(t *testing.T) {
	c := ParseConnection([]Pair{
		{"host", "h"}, {"port", "5433"}, {"sslcert", "server.crt"}, {"sslkey", "server.key"}, {"dbname", ""},
		{"fetch_size", "10"}, {"extensions", "cube"}, {"keep_connections", "OFF"}, {"lazy_commit", "false"},
		{"service", "s"}, {"gssencmode", "require"}, {"client_encoding", "LATIN1"}, {"bogus", "1"}, // not validated
		// the user mapping
		{"user", "u"}, {"password", "p"}, {"sslcert", "mapping.crt"}, {"sslkey", ""}, {"password_required", "false"},
	})
	want := map[string]string{"host": "h", "port": "5433", "sslcert": "mapping.crt", "sslkey": "server.key", "user": "u", "password": "p",
		"service": "s", "gssencmode": "require"}
	if !maps.Equal(c.Params, want) {
		t.Errorf("parameters %v, want %v", c.Params, want)
	}
	if c.KeepConnections || c.LazyCommit || c.PasswordRequired {
		t.Errorf("%v", c)
	}
}

// What no validator has seen falls back to the default, for the password rule
// to the safe one.
func TestParseConnectionBadValues(t *testing.T) {
	c := ParseConnection([]Pair{{"keep_connections", "maybe"}, {"lazy_commit", ""}, {"password_required", "0"}})
	if !c.KeepConnections || !c.LazyCommit || !c.PasswordRequired {
		t.Errorf("%v", c)
	}
}

func TestConnectionHidesSecrets(t *testing.T) {
	c := ParseConnection([]Pair{{"host", "db.example"}, {"user", "u"}, {"password", "hunter2"}, {"sslpassword", "hunter3"}})
	c.Params["unknown"] = "hunter4"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(verb, c)
		if strings.Contains(text, "hunter") || !strings.Contains(text, "host=db.example") {
			t.Errorf("%s gives %s", verb, text)
		}
	}
}

func TestParseRelation(t *testing.T) {
	if got, want := ParseRelation(15, nil, nil), (Relation{StartupCost: 100, TupleCost: 0.01, FetchSize: 100, BatchSize: 1, FetchMemory: 4 << 20, Truncatable: true, AnalyzeSampling: "auto"}); got != want {
		t.Errorf("defaults: %+v, want %+v", got, want)
	}
	for major, want := range map[int]float64{0: 0.01, 14: 0.01, 15: 0.01, 16: 0.01, 17: 0.2, 18: 0.2, 19: 0.2} {
		if got := ParseRelation(major, nil, nil).TupleCost; got != want {
			t.Errorf("fdw_tuple_cost on %d: %g, want %g", major, got, want)
		}
	}
	server := []Pair{{"fdw_startup_cost", "1.5"}, {"fdw_tuple_cost", "inf"}, {"fetch_size", "1e3"}, {"fetch_memory", "1MB"}, {"host", "h"}, {"analyze_sampling", "off"}}
	want := Relation{StartupCost: 1.5, TupleCost: math.Inf(1), FetchSize: 1000, BatchSize: 1, FetchMemory: 1 << 20, Truncatable: true, AnalyzeSampling: "off"}
	if got := ParseRelation(17, server, nil); got != want {
		t.Errorf("server: %+v, want %+v", got, want)
	}
	table := []Pair{{"schema_name", "S"}, {"table_name", "T"}, {"fetch_size", "7"}, {"fetch_memory", "64"}, {"truncatable", "off"}, {"analyze_sampling", "import"}}
	want = Relation{SchemaName: "S", TableName: "T", StartupCost: 1.5, TupleCost: math.Inf(1), FetchSize: 7, BatchSize: 1, FetchMemory: 64 << 10, AnalyzeSampling: "import"}
	if got := ParseRelation(17, server, table); got != want {
		t.Errorf("table: %+v, want %+v", got, want)
	}
	// a bad value of the table leaves the server's in force
	bad := []Pair{{"fetch_size", "0"}, {"fetch_memory", "1kB"}, {"fdw_startup_cost", "-1"}, {"fdw_tuple_cost", "nan"}, {"analyze_sampling", "Auto"}}
	want = Relation{StartupCost: 1.5, TupleCost: math.Inf(1), FetchSize: 1000, BatchSize: 1, FetchMemory: 1 << 20, Truncatable: true, AnalyzeSampling: "off"}
	if got := ParseRelation(17, server, bad); got != want {
		t.Errorf("bad: %+v, want %+v", got, want)
	}
}

func TestParseImport(t *testing.T) {
	if got, want := ParseImport(nil), (ImportSettings{Collate: true, Generated: true, NotNull: true}); got != want {
		t.Errorf("defaults: %+v, want %+v", got, want)
	}
	got := ParseImport([]Pair{{"import_collate", "false"}, {"import_default", "true"}, {"import_generated", "off"}, {"import_not_null", "false"}, {"import_comments", "on"}})
	if want := (ImportSettings{Default: true, Comments: true}); got != want {
		t.Errorf("the reverse: %+v, want %+v", got, want)
	}
}

func TestColumnName(t *testing.T) {
	for _, c := range []struct {
		options []Pair
		want    string
	}{
		{nil, "local"}, {[]Pair{{"column_name", "Remote"}}, "Remote"}, {[]Pair{{"column_name", ""}}, "local"}, {[]Pair{{"other", "x"}}, "local"},
	} {
		if got := ColumnName(c.options, "local"); got != c.want {
			t.Errorf("ColumnName(%v) = %q, want %q", c.options, got, c.want)
		}
	}
}
