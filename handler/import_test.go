package handler

import (
	"strings"
	"testing"
)

func TestImport(t *testing.T) {
	r, err := Import([]byte("import_default\x00true\x00import_not_null\x00false\x00"))
	if err != nil || !r.Default || r.NotNull || !r.Collate || !r.Generated || r.Comments || !strings.Contains(r.SQL, "$3") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Import([]byte("import_default")); err == nil {
		t.Error("options without an end are read")
	}
	got := ImportTable(&ForeignTable{Name: "t", Schema: "s", Server: "x", Columns: []ForeignColumn{{Name: "a", Type: "int4", NotNull: true}}})
	if want := "CREATE FOREIGN TABLE t (\n  a int4 OPTIONS (column_name 'a') NOT NULL\n) SERVER x\nOPTIONS (schema_name 's', table_name 't');"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
