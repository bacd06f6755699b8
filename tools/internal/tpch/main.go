// Command tpch makes the tables of package regress/cluster/tpch in two
// databases that there are, and asks the 22 queries.
//
// The remote database gets the tables in schema tpch. The local one gets a copy
// of them in schema tpch, and foreign tables in schemas pgwire_fdw and
// postgres_fdw; the servers of these are called tpch_pgwire_fdw and
// tpch_postgres_fdw, the latter with use_remote_estimate. What of that name was
// there is dropped first. With -ask each query is asked of every schema; a
// table says which answers differ from those of the copy, how many foreign
// scans there are, whether the remote answers all of it, and how long it took.
//
//	go run ./tools/internal/tpch -remote 'host=/tmp/r user=postgres' -local 'host=/tmp/l user=postgres' -scale 0.01 -ask
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/explain"
	"pgwire_fdw/regress/cluster/tpch"
)

const schema = "tpch"

// wrappers are also the names of their schemas.
var wrappers = []struct{ name, options string }{
	{"pgwire_fdw", ""},
	{"postgres_fdw", ", use_remote_estimate 'true', fetch_size '10000'"},
}

func main() {
	var local, remote, password string
	var scale float64
	var load, ask bool
	flag.StringVar(&remote, "remote", "", "database that gets the tables")
	flag.StringVar(&local, "local", "", "database that gets the foreign tables and a copy")
	flag.StringVar(&password, "password", "postgres", "of the remote user, for the user mappings")
	flag.Float64Var(&scale, "scale", 0.01, "1 has six million rows of lineitem")
	flag.BoolVar(&load, "load", true, "make the tables, rather than use those that are there")
	flag.BoolVar(&ask, "ask", false, "ask the queries")
	flag.Parse()
	if err := run(context.Background(), local, remote, password, scale, load, ask); err != nil {
		fmt.Fprintln(os.Stderr, "tpch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, local, remote, password string, scale float64, load, ask bool) error {
	there, err := pgconn.Connect(ctx, remote)
	if err != nil {
		return err
	}
	defer there.Close(ctx)
	here, err := pgconn.Connect(ctx, local)
	if err != nil {
		return err
	}
	defer here.Close(ctx)
	if load {
		g := tpch.New(scale, tpch.Seed)
		for _, conn := range []*pgconn.PgConn{there, here} {
			if err := tpch.Exec(ctx, conn, "SET client_min_messages = warning", "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
				return err
			}
			if err := g.Load(ctx, conn, schema); err != nil {
				return err
			}
		}
		if err := link(ctx, here, there, password); err != nil {
			return err
		}
	}
	if ask {
		return questions(ctx, here, scale)
	}
	return nil
}

// link makes the servers and foreign tables of each wrapper.
func link(ctx context.Context, here, there *pgconn.PgConn, password string) error {
	results, err := there.Exec(ctx, `SELECT inet_server_addr(), current_setting('port'), current_database(), current_user`).ReadAll()
	if err != nil {
		return err
	}
	row := results[0].Rows[0]
	host := "127.0.0.1"
	if row[0] != nil {
		host = strings.TrimSuffix(string(row[0]), "/32")
	}
	for _, w := range wrappers {
		server := schema + "_" + w.name
		if err := tpch.Exec(ctx, here,
			"CREATE EXTENSION IF NOT EXISTS "+w.name,
			fmt.Sprintf("DROP SERVER IF EXISTS %s CASCADE", server),
			fmt.Sprintf("DROP SCHEMA IF EXISTS %s CASCADE", w.name),
			fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (host '%s', port '%s', dbname '%s'%s)", server, w.name, host, row[1], row[2], w.options),
			fmt.Sprintf("CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (user '%s', password '%s')", server, row[3], password)); err != nil {
			return err
		}
		if err := tpch.Exec(ctx, here, tpch.Foreign(w.name, server, schema)...); err != nil {
			return err
		}
	}
	return nil
}

// answer is what became of a query with the tables of one schema.
type answer struct {
	rows []string
	plan *explain.Node
	took time.Duration
	err  error
}

// ask runs a query with the tables of a schema.
func ask(ctx context.Context, conn *pgconn.PgConn, schema, sql string) (a answer) {
	if a.err = tpch.Exec(ctx, conn, "SET search_path = "+schema, "SET statement_timeout = '120s'"); a.err != nil {
		return a
	}
	results, err := conn.Exec(ctx, "EXPLAIN (FORMAT json, VERBOSE) "+sql).ReadAll()
	if err != nil {
		return answer{err: err}
	}
	if a.plan, a.err = explain.Parse(results[0].Rows[0][0]); a.err != nil {
		return a
	}
	start := time.Now()
	if results, a.err = conn.Exec(ctx, sql).ReadAll(); a.err != nil {
		return a
	}
	a.took = time.Since(start)
	for _, row := range results[0].Rows {
		a.rows = append(a.rows, fmt.Sprintf("%q", row))
	}
	return a
}

func questions(ctx context.Context, conn *pgconn.PgConn, scale float64) error {
	whole := map[string]int{}
	for _, q := range tpch.Queries(scale) {
		want := ask(ctx, conn, schema, q.SQL)
		if want.err != nil {
			return want.err
		}
		fmt.Printf("%2d %5d rows  copy %7.1f ms", q.Number, len(want.rows), want.took.Seconds()*1e3)
		for _, w := range wrappers {
			got := ask(ctx, conn, w.name, q.SQL)
			if got.err != nil {
				fmt.Printf("  %s FAILS: %v", w.name, got.err)
				continue
			}
			verdict := fmt.Sprintf("%d scans", got.plan.Count("Foreign Scan"))
			if got.plan.Whole() {
				verdict = "whole"
				whole[w.name]++
			}
			if !slices.Equal(got.rows, want.rows) {
				verdict += " DIFFERENT ROWS"
			}
			fmt.Printf("  %s %7.1f ms %-8s", w.name, got.took.Seconds()*1e3, verdict)
		}
		fmt.Println()
	}
	fmt.Println("whole on the remote:", whole)
	return nil
}
