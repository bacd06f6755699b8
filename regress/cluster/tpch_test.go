package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/explain"
	"pgwire_fdw/regress/cluster/pgtest"
	"pgwire_fdw/regress/cluster/tpch"
)

// tpchScale is small, and large enough that every query has an answer.
const tpchScale = 0.01

// tpchWhole is how many queries are answered by the remote server alone.
const tpchWhole = 22

// tpchTables makes the tables of package tpch in schema tpch of a server.
func tpchTables(t *testing.T, c *pgtest.Cluster, scale float64) {
	t.Helper()
	if err := tpch.New(scale, tpch.Seed).Load(context.Background(), c.Connect(t).PgConn(), "tpch"); err != nil {
		t.Fatal(err)
	}
}

// asked is what came of a query.
type asked struct {
	rows []string
	plan *explain.Node
}

// ask runs a query with the tables of some schemas, and has its plan.
func askIn(t *testing.T, conn *pgx.Conn, path, sql string) (a asked) {
	t.Helper()
	exec := func(sql string) []*pgconn.Result {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		if err != nil {
			t.Fatalf("tables of %s: %v\n%s", path, describe(err), sql)
		}
		return results
	}
	exec("SET search_path = " + path)
	var err error
	if a.plan, err = explain.Parse(exec("EXPLAIN (VERBOSE, FORMAT json) " + sql)[0].Rows[0][0]); err != nil {
		t.Fatal(err)
	}
	for _, row := range exec(sql)[0].Rows {
		a.rows = append(a.rows, strings.Join(texts(row), "|"))
	}
	return a
}

// TestTPCH: the 22 queries give the same rows with foreign tables as with
// copies of them, and are answered by the remote server alone.
func TestTPCH(t *testing.T) {
	remote, local := pgtest.Start(t, pgtest.Options{Name: "remote"}), pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	tpchTables(t, remote, tpchScale)
	tpchTables(t, local, tpchScale)
	pgtest.Link(t, local, remote, "remote")
	local.Exec(t, tpch.Foreign("far", "remote", "tpch")...)
	conn := local.Connect(t)
	whole := 0
	for _, q := range tpch.Queries(tpchScale) {
		want, got := askIn(t, conn, "tpch", q.SQL), askIn(t, conn, "far", q.SQL)
		if len(want.rows) == 0 || want.rows[0] == "NULL" {
			t.Errorf("query %d has no answer: it compares nothing", q.Number)
		}
		if !slices.Equal(got.rows, want.rows) {
			t.Errorf("query %d: %d rows, the copy has %d\n%s", q.Number, len(got.rows), len(want.rows), difference(got.rows, want.rows))
		}
		if got.plan.Whole() {
			whole++
		} else {
			t.Logf("query %d: %d foreign scans; here: %s", q.Number, got.plan.Count("Foreign Scan"), strings.Join(got.plan.Local(), ", "))
		}
	}
	t.Logf("%d of the 22 queries are answered by the remote server alone", whole)
	if whole < tpchWhole {
		t.Errorf("%d of the 22 queries are answered by the remote server alone, %d were", whole, tpchWhole)
	}
}

// TestTPCHSharded: the same with tables split by hash over databases.
func TestTPCHSharded(t *testing.T) {
	const shards = 3
	remote, local := pgtest.Start(t, pgtest.Options{Name: "remote"}), pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	tpchTables(t, local, tpchScale)
	source := local.Connect(t).PgConn()
	local.Exec(t, "CREATE EXTENSION pgwire_fdw")
	var servers []string
	for i := range shards {
		name := fmt.Sprintf("shard%d", i)
		remote.Exec(t, "CREATE DATABASE "+name)
		if err := tpch.Split(context.Background(), source, remote.ConnectAs(t, pgtest.Superuser, name).PgConn(), "tpch", i, shards); err != nil {
			t.Fatal(err)
		}
		local.Exec(t,
			fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host '127.0.0.1', port '%d', dbname '%[1]s')", name, remote.Port),
			fmt.Sprintf("CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (user '%s', password '%s')", name, pgtest.Superuser, pgtest.Password))
		servers = append(servers, name)
	}
	local.Exec(t, tpch.Sharded("far", servers, "tpch")...)
	conn := local.Connect(t)
	for _, settings := range []string{"", "SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on"} {
		if _, err := conn.Exec(context.Background(), settings); err != nil {
			t.Fatal(err)
		}
		scans, joins := 0, 0
		for _, q := range tpch.Queries(tpchScale) {
			want, got := askIn(t, conn, "tpch", q.SQL), askIn(t, conn, "far", q.SQL)
			if !slices.Equal(got.rows, want.rows) {
				t.Errorf("%s: query %d: %d rows, the copy has %d\n%s", settings, q.Number, len(got.rows), len(want.rows), difference(got.rows, want.rows))
			}
			scans += got.plan.Count("Foreign Scan")
			joins += got.plan.Count("Hash Join", "Merge Join", "Nested Loop")
		}
		t.Logf("%q: %d foreign scans and %d local joins in the 22 queries", settings, scans, joins)
	}
}
