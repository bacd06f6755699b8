package deparse

import "testing"

func TestForeignTable(t *testing.T) {
	table := ForeignTable{Name: `a "b"`, Schema: `it's\`, Server: "Srv", Columns: []ForeignColumn{
		{Name: "id", Type: "integer", NotNull: true, Expression: "nextval('s'::regclass)"},
		{Name: "Text", Type: "character varying(10)", CollationSchema: "pg_catalog", Collation: "C"},
		{Name: "g", Type: "integer", Expression: "id + 1", Generated: 's'},
		{Name: "v", Type: "integer", Expression: "id + 2", Generated: 'v', NotNull: true},
		{Name: "select", Type: "s.t[]", Generated: 's'},
	}}
	const want = `CREATE FOREIGN TABLE "a ""b""" (
  id integer OPTIONS (column_name 'id') DEFAULT (nextval('s'::regclass)) NOT NULL,
  "Text" character varying(10) OPTIONS (column_name 'Text') COLLATE pg_catalog."C",
  g integer OPTIONS (column_name 'g') GENERATED ALWAYS AS (id + 1) STORED,
  v integer OPTIONS (column_name 'v') GENERATED ALWAYS AS (id + 2) VIRTUAL NOT NULL,
  "select" s.t[] OPTIONS (column_name 'select')
) SERVER "Srv"
OPTIONS (schema_name E'it''s\\', table_name 'a "b"');`
	if got := table.Create(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	empty := ForeignTable{Name: "none", Schema: "s", Server: "x"}
	if got := empty.Create(); got != "CREATE FOREIGN TABLE \"none\" (\n) SERVER x\nOPTIONS (schema_name 's', table_name 'none');" {
		t.Error(got)
	}
}
