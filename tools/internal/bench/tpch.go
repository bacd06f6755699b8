package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgwire_fdw/regress/cluster/explain"
	"pgwire_fdw/regress/cluster/tpch"
)

const (
	tpchScale   = 0.1 // at full size: 600 000 rows of lineitem
	tpchServers = 4
	// tpchPatience ends a query that takes too long; it counts with that time
	tpchPatience = 60 * time.Second
)

// bestOptions of postgres_fdw for queries of several tables: it asks the remote
// for estimates, reads in large portions, and Append may read from several
// servers at a time.
const bestOptions = ", fetch_size '10000', use_remote_estimate 'true', async_capable 'true'"

// bestStock is the name of a contender in tables.
const bestStock = "postgres_fdw with its best options"

// tpchContenders are both wrappers, pgwire_fdw as it comes.
var tpchContenders = []contender{{wire, "tpch_wire", "pgwire_fdw", ""}, {stock, "tpch_stock", "postgres_fdw", bestOptions}}

// tpchQueries measures the 22 queries with all tables on one server.
func (b *bench) tpchQueries(ctx context.Context) error {
	if err := b.loadTPCH(ctx); err != nil {
		return err
	}
	title := fmt.Sprintf("22 queries of TPC-H, scale %g, all tables on one server: total", tpchScale*b.scale)
	return b.tpchMeasure(ctx, title, "", true, atMost(direct, 1.3), atMost(stock, 1))
}

// tpchSharded measures them with tables split by hash over four servers.
func (b *bench) tpchSharded(ctx context.Context) error {
	if err := b.loadTPCH(ctx); err != nil {
		return err
	}
	if err := b.loadShards(ctx); err != nil {
		return err
	}
	title := fmt.Sprintf("the same with tables split by hash over %d servers, partition-wise joins and aggregates on: total", tpchServers)
	return b.tpchMeasure(ctx, title, "_split", false, faster(stock, 3))
}

// loadTPCH makes the tables of package tpch on the remote and foreign tables of
// each contender, once.
func (b *bench) loadTPCH(ctx context.Context) error {
	if b.tpchLoaded {
		return nil
	}
	scale := tpchScale * b.scale
	progress("loading TPC-H at scale %g", scale)
	if err := tpch.New(scale, tpch.Seed).Load(ctx, b.remote.PgConn(), "tpch"); err != nil {
		return err
	}
	for _, c := range tpchContenders {
		if err := b.tpchServer(ctx, c, c.schema, "postgres"); err != nil {
			return err
		}
		if err := execAll(ctx, b.local, tpch.Foreign(c.schema, c.schema, "tpch")...); err != nil {
			return err
		}
		if err := execAll(ctx, b.local, tpch.Analyze(c.schema)...); err != nil {
			return err
		}
	}
	b.tpchLoaded = true
	return nil
}

func (b *bench) tpchServer(ctx context.Context, c contender, server, database string) error {
	return execAll(ctx, b.local,
		fmt.Sprintf(`CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (host '127.0.0.1', port '%d', dbname '%s', sslmode 'disable'%s)`,
			server, c.fdw, b.remotePort, database, c.options),
		fmt.Sprintf(`CREATE USER MAPPING FOR postgres SERVER %s OPTIONS (user 'postgres', password '%s')`, server, password))
}

// loadShards splits the tables over databases, each a server of its own.
func (b *bench) loadShards(ctx context.Context) error {
	servers := map[string][]string{}
	for i := range tpchServers {
		database := fmt.Sprintf("shard%d", i)
		progress("loading %s", database)
		if err := execAll(ctx, b.remote, "CREATE DATABASE "+database); err != nil {
			return err
		}
		to, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/%s?sslmode=disable", password, b.remotePort, database))
		if err != nil {
			return err
		}
		err = tpch.Split(ctx, b.remote.PgConn(), to.PgConn(), "tpch", i, tpchServers)
		_ = to.Close(ctx)
		if err != nil {
			return err
		}
		for _, c := range tpchContenders {
			server := fmt.Sprintf("%s_%d", c.schema, i)
			if err := b.tpchServer(ctx, c, server, database); err != nil {
				return err
			}
			servers[c.schema] = append(servers[c.schema], server)
		}
	}
	for _, c := range tpchContenders {
		if err := execAll(ctx, b.local, tpch.Sharded(c.schema+"_split", servers[c.schema], "tpch")...); err != nil {
			return err
		}
		if err := execAll(ctx, b.local, tpch.Analyze(c.schema+"_split")...); err != nil {
			return err
		}
	}
	return nil
}

// tpchRun is one contender in a measure of the 22 queries.
type tpchRun struct {
	name  string
	conn  *pgx.Conn
	plans []*explain.Node // nil for the remote itself
	times []series        // by query
	late  int             // queries that were ended
}

// tpchMeasure times each query with each contender, in turn, adds a row of the
// totals, and a table with a line for each query.
func (b *bench) tpchMeasure(ctx context.Context, title, suffix string, withRemote bool, aims ...aim) error {
	runs, err := b.tpchRuns(ctx, suffix, withRemote)
	if err != nil {
		return err
	}
	queries := tpch.Queries(tpchScale * b.scale)
	// half as many rounds as of other measures: each takes long
	for round := range (b.runs+1)/2 + 1 {
		for i, q := range queries {
			for _, r := range runs {
				took, err := r.timed(ctx, q.SQL)
				if err != nil {
					return fmt.Errorf("%s: query %d: %w", r.name, q.Number, err)
				}
				if round > 0 {
					r.times[i] = append(r.times[i], took)
				}
			}
		}
		progress("%s: round %d of %d", title, round, (b.runs+1)/2)
	}
	times := map[string]series{}
	for _, r := range runs {
		times[r.name] = r.totals()
		_ = r.conn.Close(ctx)
	}
	b.report.add(title, times, aims...)
	b.report.tables = append(b.report.tables, tpchTable(title, queries, runs))
	return nil
}

// tpchRuns opens a session for each contender and has the plans.
func (b *bench) tpchRuns(ctx context.Context, suffix string, withRemote bool) ([]*tpchRun, error) {
	ways := append([]contender{}, tpchContenders...)
	if withRemote {
		ways = append(ways, contender{name: direct, schema: "tpch"})
	}
	queries := tpch.Queries(tpchScale * b.scale)
	var runs []*tpchRun
	for _, c := range ways {
		port, schema := b.localPort, c.schema+suffix
		if c.fdw == "" {
			port, schema = b.remotePort, c.schema
		}
		conn, err := connect(ctx, port)
		if err != nil {
			return nil, err
		}
		if err := execAll(ctx, conn, "SET search_path = "+schema, fmt.Sprintf("SET statement_timeout = %d", tpchPatience.Milliseconds()),
			"SET enable_partitionwise_join = on", "SET enable_partitionwise_aggregate = on"); err != nil {
			return nil, err
		}
		r := &tpchRun{name: c.name, conn: conn, times: make([]series, len(queries))}
		for _, q := range queries {
			if c.fdw == "" {
				break
			}
			plan, err := planOf(ctx, conn, q.SQL)
			if err != nil {
				return nil, err
			}
			r.plans = append(r.plans, plan)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func planOf(ctx context.Context, conn *pgx.Conn, sql string) (*explain.Node, error) {
	results, err := conn.PgConn().Exec(ctx, "EXPLAIN (FORMAT json) "+sql).ReadAll()
	if err != nil {
		return nil, err
	}
	return explain.Parse(results[0].Rows[0][0])
}

// timed runs a query to its end; one that takes longer than patience took that.
func (r *tpchRun) timed(ctx context.Context, sql string) (time.Duration, error) {
	start := time.Now()
	err := execAll(ctx, r.conn, sql)
	if err != nil && strings.Contains(err.Error(), "57014") {
		r.late++
		return tpchPatience, nil
	}
	return time.Since(start), err
}

// totals are of all queries together, one for each round.
func (r *tpchRun) totals() series {
	total := make(series, len(r.times[0]))
	for _, s := range r.times {
		for round, t := range s {
			total[round] += t
		}
	}
	return total
}

func (r *tpchRun) whole() int {
	n := 0
	for _, p := range r.plans {
		if p.Whole() {
			n++
		}
	}
	return n
}

// tpchTable has a line for each query.
func tpchTable(title string, queries []tpch.Query, runs []*tpchRun) table {
	t := table{title: strings.TrimSuffix(title, ": total"), header: []string{"query"}}
	for _, r := range runs {
		t.header = append(t.header, r.name)
		if r.plans != nil {
			t.header = append(t.header, "foreign scans")
		}
	}
	t.header = append(t.header, "postgres_fdw ÷ pgwire_fdw")
	slower := 0
	for i, q := range queries {
		line := []string{fmt.Sprint(q.Number)}
		for _, r := range runs {
			line = append(line, withSpread(r.times[i]))
			if r.plans == nil {
				continue
			}
			scans := fmt.Sprint(r.plans[i].Count("Foreign Scan"))
			if r.plans[i].Whole() {
				scans = "whole"
			}
			line = append(line, scans)
		}
		ours, theirs := runs[0].times[i].median(), runs[1].times[i].median()
		if ours > theirs {
			slower++
		}
		t.lines = append(t.lines, append(line, ratio(theirs, ours)))
	}
	t.after = fmt.Sprintf("Whole: the remote server answers all of the query, as one foreign scan: %d of 22 with pgwire_fdw, %d with %s "+
		"(use_remote_estimate, fetch_size 10000, async_capable). Slower than postgres_fdw: %d. A query is ended after %s, and counts with that: %d and %d were.",
		runs[0].whole(), runs[1].whole(), bestStock, slower, show(tpchPatience), runs[0].late, runs[1].late)
	return t
}
