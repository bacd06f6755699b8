package handler

import (
	"math"
	"testing"
)

func TestAnalyzeSample(t *testing.T) {
	const base = `SELECT "A", b FROM s.far`
	for _, c := range []struct {
		method        string
		tuples, pages float64
		samples       bool
		sql           string
		fraction      float64
	}{
		{"off", 1e6, 100, true, base, 1},
		{"auto", -1, 100, true, base, 1},
		{"auto", 300, 10, true, base, 1},
		{"auto", math.NaN(), 10, true, base, 1},
		{"auto", math.Inf(1), 10, true, base, 1},
		{"auto", 3000, 100, true, base + " TABLESAMPLE BERNOULLI (10)", 0.1},
		{"auto", 3000, 100, false, base + " WHERE pg_catalog.random() < 0.1", 0.1},
		{"auto", 300000, 2400, true, base + " TABLESAMPLE BERNOULLI (0.1)", 0.001},
		{"auto", 300000, 3000, true, base + " TABLESAMPLE SYSTEM (10) WHERE pg_catalog.random() < 0.01", 0.001},
		{"auto", 301, 1e9, true, base + " TABLESAMPLE SYSTEM (0.00003) WHERE pg_catalog.random() < 1", 300. / 301},
		{"import", 3000, 100, true, base + " TABLESAMPLE BERNOULLI (10)", 0.1},
		{"bernoulli", 300000, 3000, true, base + " TABLESAMPLE BERNOULLI (0.1)", 0.001},
		{"bernoulli", 3000, 100, false, base + " WHERE pg_catalog.random() < 0.1", 0.1},
		{"system", 3000, 100, true, base + " TABLESAMPLE SYSTEM (10)", 0.1},
		{"random", 3000, 100, true, base + " WHERE pg_catalog.random() < 0.1", 0.1},
	} {
		r, err := Analyze(AnalyzeArgs{Major: 15, Schema: "s", Table: "t",
			ServerOptions: []byte("analyze_sampling\x00off\x00"), TableOptions: []byte("table_name\x00far\x00analyze_sampling\x00" + c.method + "\x00"),
			Columns: []NamedOptions{{Name: "a", Options: []byte("column_name\x00A\x00")}, {Name: "b"}},
			Tuples:  c.tuples, Pages: c.pages, CanSample: c.samples, Target: 300})
		if err != nil {
			t.Fatal(err)
		}
		if r.SampleSQL != c.sql || r.Fraction != c.fraction || r.Import != (c.method == "import") {
			t.Errorf("%s of %g rows in %g pages: %g, %v by %s\nwant %g by %s", c.method, c.tuples, c.pages, r.Fraction, r.Import, r.SampleSQL, c.fraction, c.sql)
		}
	}
}

func TestAnalyzeDraws(t *testing.T) {
	for method, want := range map[string]float64{"bernoulli": 300, "system": 1, "random": 300, "auto": 300} {
		pages := 10.
		if method == "auto" {
			pages = 3000
		}
		r, err := Analyze(AnalyzeArgs{TableOptions: []byte("analyze_sampling\x00" + method + "\x00"), Tuples: 3000, Pages: pages, CanSample: true, Target: 300})
		if err != nil || math.Abs(r.Draws-want) > 1e-9 {
			t.Errorf("%s: %g draws, want %g (%v)", method, r.Draws, want, err)
		}
	}
}

func TestAnalyzeBadOptions(t *testing.T) {
	for _, a := range []AnalyzeArgs{{ServerOptions: []byte("x")}, {TableOptions: []byte("x")}, {Columns: []NamedOptions{{Options: []byte("x")}}}} {
		if _, err := Analyze(a); err == nil {
			t.Errorf("%+v: no error", a)
		}
	}
}
