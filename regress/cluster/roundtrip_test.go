package cluster

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestRoundTrip takes rows from one server to the other and compares them with
// what the remote says of itself.
func TestRoundTrip(t *testing.T) {
	remote := pgtest.Start(t, pgtest.Options{Name: "remote"})
	local := pgtest.Start(t, pgtest.Options{Name: "local"})
	remote.Exec(t, `CREATE TABLE t (id bigint PRIMARY KEY, v text, n numeric, at timestamptz);
		INSERT INTO t SELECT g, CASE WHEN g % 7 > 0 THEN repeat(chr(64 + g % 26), g % 50) END, g / 3.0,
			'2026-01-01 00:00+00'::timestamptz + g * interval '1 minute' FROM generate_series(1, 20000) g`)
	pgtest.Link(t, local, remote, "remote")
	local.Exec(t, `CREATE FOREIGN TABLE t (id bigint, v text, n numeric, at timestamptz) SERVER remote`)

	const digest = `SELECT count(*) || ' ' || md5(string_agg(x::text, '' ORDER BY id)) FROM t x`
	want, got := ask(t, remote.Connect(t), digest), ask(t, local.Connect(t), digest)
	if got != want {
		t.Errorf("the foreign table has %s, the remote %s", got, want)
	}
}

// TestRemoteGoneBetweenTransactions: a connection found dead before anything
// was done in a transaction is made anew, and the user sees nothing of it.
func TestRemoteGoneBetweenTransactions(t *testing.T) {
	remote := pgtest.Start(t, pgtest.Options{Name: "remote"})
	local := pgtest.Start(t, pgtest.Options{Name: "local"})
	remote.Exec(t, `CREATE TABLE t (id int); INSERT INTO t VALUES (42)`)
	pgtest.Link(t, local, remote, "remote")
	local.Exec(t, `CREATE FOREIGN TABLE t (id int) SERVER remote`)

	conn := local.Connect(t)
	for round := range 2 {
		if got := ask(t, conn, `SELECT id::text FROM t`); got != "42" {
			t.Fatalf("round %d: %s", round, got)
		}
		remote.Down(t, pgtest.Fast)
		remote.Up(t)
	}
}

// ask runs a query of one row and one text column.
func ask(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var s string
	if err := conn.QueryRow(context.Background(), sql).Scan(&s); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", sql, err))
	}
	return s
}
