package handler

import (
	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// ImportReply is how to import a schema.
type ImportReply struct {
	option.ImportSettings
	// SQL asks for the tables: $1 schema, $2 "limit", "except" or "all", $3 names
	// (text of a text[]) that go with it. Its columns are those of
	// pgwire_import_reply of bridge.h.
	SQL string
}

// Import reads the options of IMPORT FOREIGN SCHEMA.
func Import(options []byte) (ImportReply, *Error) {
	invariant.MaybePanic("import")
	pairs, err := option.SplitPairs(options)
	if err != nil {
		return ImportReply{}, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	return ImportReply{ImportSettings: option.ParseImport(pairs), SQL: importSQL}, nil
}

// importSQL has a row for each column, in order; one with NULLs for a table
// without columns, and for a schema without tables. Partitions are read through
// their parents, unless they are asked for by name.
const importSQL = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
 pg_get_expr(d.adbin, d.adrelid), a.attgenerated, cn.nspname, co.collname,
 obj_description(c.oid, 'pg_class'), col_description(c.oid, a.attnum)
FROM pg_namespace n
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'f', 'm', 'p')
 AND CASE $2 WHEN 'limit' THEN c.relname = ANY ($3::text[])
 WHEN 'except' THEN NOT c.relispartition AND c.relname <> ALL ($3::text[])
 ELSE NOT c.relispartition END
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
WHERE n.nspname = $1::name
ORDER BY c.relname, a.attnum`

// What crosses of a table to be created (pgwire_import_table_args of bridge.h).
type (
	ForeignTable  = deparse.ForeignTable
	ForeignColumn = deparse.ForeignColumn
)

// ImportTable writes the command that creates a foreign table.
func ImportTable(t *ForeignTable) string {
	invariant.MaybePanic("import_table")
	return t.Create()
}
