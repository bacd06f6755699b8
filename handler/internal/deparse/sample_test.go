package deparse

import "testing"

func TestSampleTable(t *testing.T) {
	for _, c := range []struct {
		columns []string
		sample  Sample
		want    string
	}{
		{[]string{"a", "select"}, Sample{}, `SELECT a, "select" FROM "S".t`},
		{nil, Sample{}, `SELECT NULL FROM "S".t`},
		{[]string{"a"}, Sample{Rows: 0.006}, `SELECT a FROM "S".t TABLESAMPLE BERNOULLI (0.6)`},
		{[]string{"a"}, Sample{Rows: 1e-9, Random: true}, `SELECT a FROM "S".t WHERE pg_catalog.random() < 0.000000001`},
		{[]string{"a"}, Sample{Blocks: 0.25}, `SELECT a FROM "S".t TABLESAMPLE SYSTEM (25)`},
		{[]string{"a"}, Sample{Blocks: 0.25, Rows: 0.5}, `SELECT a FROM "S".t TABLESAMPLE SYSTEM (25) WHERE pg_catalog.random() < 0.5`},
	} {
		if got := SampleTable("S", "t", c.columns, c.sample); got != c.want {
			t.Errorf("%+v: %s, want %s", c.sample, got, c.want)
		}
	}
}
