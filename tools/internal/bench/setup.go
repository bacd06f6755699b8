package main

import (
	"context"
	"fmt"
)

const (
	mixedRows  = 2_000_000
	narrowRows = 5_000_000
	keyRows    = 100_000
)

// The three contenders, which are also schemas of the local server, and the
// suffix of those that go through the proxy.
const (
	wire   = "pgwire_fdw"
	stock  = "postgres_fdw"
	stock2 = "postgres_fdw, fetch_size 10000"
	direct = "straight to the remote"
	plain  = "no foreign query"
	far    = "_far"
)

// contender is an FDW with its options.
type contender struct{ name, schema, fdw, options string }

var contenders = []contender{
	{wire, "wire", "pgwire_fdw", ""},
	{stock, "stock", "postgres_fdw", ""},
	{stock2, "stock2", "postgres_fdw", ", fetch_size '10000'"},
}

// load makes the tables of the remote, all in its cache, and the foreign
// tables of every contender, near and far.
func (b *bench) load(ctx context.Context) error {
	progress("loading %d and %d rows", b.rows(mixedRows), b.rows(narrowRows))
	if err := execAll(ctx, b.remote,
		`CREATE EXTENSION pg_prewarm`,
		fmt.Sprintf(`CREATE TABLE mixed AS SELECT g::int8 AS id, (g::int8 * 7919 %% 1000003)::int4 AS a, sqrt(g)::float8 AS f,
			(g::int8 * 31 %% 10000019) / 100.0::numeric(14,4) AS n, '2000-01-01'::date + g %% 9000 AS d,
			'2026-01-01 00:00+00'::timestamptz - g * interval '7 seconds' AS ts, 'note number ' || g AS s,
			md5(g::text)::varchar(40) AS vc, g %% 3 = 0 AS b FROM generate_series(1, %d) g`, b.rows(mixedRows)),
		fmt.Sprintf(`CREATE TABLE narrow AS SELECT g::int8 AS id, (g %% 1000)::int4 AS a, (g::int8 * 13 %% 1000003)::int4 AS b
			FROM generate_series(1, %d) g`, b.rows(narrowRows)),
		fmt.Sprintf(`CREATE TABLE kv AS SELECT g AS id, 'value of ' || g AS v FROM generate_series(1, %d) g`, keyRows),
		`ALTER TABLE kv ADD PRIMARY KEY (id)`,
		`CREATE TABLE kv2 (LIKE kv INCLUDING ALL)`, `INSERT INTO kv2 SELECT * FROM kv`,
		// What the FDW's own session keeps on the remote, seen from inside it.
		`CREATE VIEW inside AS SELECT (SELECT count(*) FROM pg_prepared_statements) AS statements,
			(SELECT count(*) FROM pg_cursors) AS portals`,
		`VACUUM ANALYZE`,
		`SELECT pg_prewarm('mixed'), pg_prewarm('narrow'), pg_prewarm('kv'), pg_prewarm('kv_pkey'), pg_prewarm('kv2'), pg_prewarm('kv2_pkey')`,
	); err != nil {
		return err
	}
	if err := execAll(ctx, b.local, `CREATE EXTENSION pgwire_fdw`, `CREATE EXTENSION postgres_fdw`); err != nil {
		return err
	}
	for _, c := range contenders {
		// _b and _c are more servers of one wrapper, for sessions that use three
		for suffix, port := range map[string]int{"": b.remotePort, "_b": b.remotePort, "_c": b.remotePort, far: b.proxyPort} {
			if err := b.foreign(ctx, c, c.schema+suffix, port); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreign makes a server named like its schema, and the foreign tables in it.
func (b *bench) foreign(ctx context.Context, c contender, schema string, port int) error {
	table := func(name, columns string) string {
		return fmt.Sprintf(`CREATE FOREIGN TABLE %s.%s (%s) SERVER %[1]s OPTIONS (schema_name 'public')`, schema, name, columns)
	}
	return execAll(ctx, b.local,
		fmt.Sprintf(`CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres', sslmode 'disable'%s)`,
			schema, c.fdw, port, c.options),
		fmt.Sprintf(`CREATE USER MAPPING FOR postgres SERVER %s OPTIONS (user 'postgres', password '%s')`, schema, password),
		fmt.Sprintf(`CREATE SCHEMA %s`, schema),
		table("mixed", `id int8, a int4, f float8, n numeric(14,4), d date, ts timestamptz, s text, vc varchar(40), b bool`),
		table("narrow", `id int8, a int4, b int4`),
		table("kv", `id int4, v text`),
		table("kv2", `id int4, v text`),
		table("inside", `statements int8, portals int8`),
	)
}
