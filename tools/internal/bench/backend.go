package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// parallel: a predicate that is shipped and costs the remote something. It may
// use workers only for a query that is read to its end without a cursor. How
// many it has is seen in its pg_stat_activity while the query runs. (An equality,
// because of which the remote expects few rows; and of numbers, because what
// depends on the database's encoding is not shipped.)
func (b *bench) parallel(ctx context.Context) error {
	const where = ` WHERE sqrt(sqrt(sqrt(n))) = 2`
	watcher, err := connect(ctx, b.remotePort)
	if err != nil {
		return err
	}
	defer watcher.Close(ctx)
	if err := execAll(ctx, b.remote, `PREPARE costly AS SELECT * FROM mixed`+where); err != nil {
		return err
	}
	seen := map[string]int{}
	watched := func(name string, conn *pgx.Conn, sql string) way {
		return way{name: name, run: func(ctx context.Context) error {
			most, err := b.watch(ctx, watcher, func() error { return execAll(ctx, conn, sql) })
			seen[name] = max(seen[name], most)
			return err
		}}
	}
	ways := []way{
		watched(wire, b.local, `SELECT * FROM wire.mixed`+where),
		watched(stock, b.local, `SELECT * FROM stock.mixed`+where),
		watched(direct, b.remote, `EXECUTE costly`),
	}
	title := "shipped WHERE with a costly predicate"
	if err := b.inTurn(ctx, title, ways); err != nil {
		return err
	}
	b.report.note("Parallel workers of the remote during the shipped predicate: %d for pgwire_fdw, %d for postgres_fdw, %d for the direct query.",
		seen[wire], seen[stock], seen[direct])
	return nil
}

// watch runs f and returns the largest number of parallel workers seen on the
// remote meanwhile.
func (b *bench) watch(ctx context.Context, watcher *pgx.Conn, f func() error) (int, error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	most := 0
	for {
		select {
		case err := <-done:
			return most, err
		case <-time.After(5 * time.Millisecond):
			var n int
			if err := watcher.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'`).Scan(&n); err != nil {
				return most, err
			}
			most = max(most, n)
		}
	}
}

// firstQuery: what a new backend pays for its first foreign query. Of that time
// a connection to the remote is taken off, measured as a client that connects
// and authenticates the same way, and nothing more.
func (b *bench) firstQuery(ctx context.Context) error {
	const fresh = 21
	connecting := series{}
	first, second := map[string]series{}, map[string]series{}
	memory := map[string][]int{}
	for range fresh {
		start := time.Now()
		conn, err := connect(ctx, b.remotePort)
		if err != nil {
			return err
		}
		connecting = append(connecting, time.Since(start))
		_ = conn.Close(ctx)
		for name, sql := range map[string]string{
			wire: `SELECT v FROM wire.kv WHERE id = 1`, stock: `SELECT v FROM stock.kv WHERE id = 1`, plain: `SELECT count(*) FROM pg_class`,
		} {
			t1, t2, kb, err := b.newBackend(ctx, sql)
			if err != nil {
				return err
			}
			first[name], second[name] = append(first[name], t1), append(second[name], t2)
			memory[name] = append(memory[name], kb)
		}
	}
	beyond := map[string]series{}
	for name, times := range first {
		for _, t := range times {
			beyond[name] = append(beyond[name], t-connecting.median())
		}
	}
	delete(beyond, plain)
	b.report.add("first foreign query in a new backend, less the connection (at most 10 ms)", beyond)
	b.report.note("A connection to the remote alone takes %s; a second foreign query %s (postgres_fdw %s). "+
		"Private memory after the first query: %.1f MB with pgwire_fdw, %.1f MB with postgres_fdw, %.1f MB in a backend with no foreign query.",
		show(connecting.median()), show(second[wire].median()), show(second[stock].median()),
		mb(memory[wire]), mb(memory[stock]), mb(memory[plain]))
	return b.memoryAfterScan(ctx)
}

// newBackend runs sql twice in a new session of the local server.
func (b *bench) newBackend(ctx context.Context, sql string) (first, second time.Duration, kb int, err error) {
	conn, err := connect(ctx, b.localPort)
	if err != nil {
		return 0, 0, 0, err
	}
	defer conn.Close(ctx)
	for _, t := range []*time.Duration{&first, &second} {
		start := time.Now()
		if err := execAll(ctx, conn, sql); err != nil {
			return 0, 0, 0, err
		}
		*t = time.Since(start)
	}
	s, err := look(int(conn.PgConn().PID()))
	return first, second, s.kb, err
}

// memoryAfterScan: what reading the whole of a table leaves.
func (b *bench) memoryAfterScan(ctx context.Context) error {
	var after [2]float64
	for i, schema := range []string{"wire", "stock"} {
		conn, err := connect(ctx, b.localPort)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		pid := int(conn.PgConn().PID())
		most, done := 0, make(chan error, 1)
		go func() {
			done <- execAll(ctx, conn, fmt.Sprintf("EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM %s.mixed", schema))
		}()
		for running := true; running; {
			select {
			case err = <-done:
				running = false
			case <-time.After(20 * time.Millisecond):
				if s, lookErr := look(pid); lookErr == nil {
					most = max(most, s.kb)
				}
			}
		}
		if err != nil {
			return err
		}
		after[i] = mb([]int{most})
	}
	b.report.note("Private memory while reading %s rows × 9 columns, at most: %.1f MB with pgwire_fdw, %.1f MB with postgres_fdw.",
		count(b.rows(mixedRows)), after[0], after[1])
	return nil
}

// growth: a million re-scans in one query, ten thousand queries in one session.
func (b *bench) growth(ctx context.Context) error {
	conn, err := connect(ctx, b.localPort)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	pid := int(conn.PgConn().PID())
	if err := b.rescans(ctx, conn, pid); err != nil {
		return err
	}
	var early, late sample
	queries := b.rows(10_000)
	start := time.Now()
	for i := range queries {
		if err := execAll(ctx, conn, fmt.Sprintf(`SELECT v FROM wire.kv WHERE id = %d`, i%keyRows+1)); err != nil {
			return err
		}
		if i == queries/10 {
			if early, err = lookInside(ctx, conn, pid); err != nil {
				return err
			}
		}
	}
	if late, err = lookInside(ctx, conn, pid); err != nil {
		return err
	}
	b.report.note("%s queries in one session, %s each: %s after a tenth, %s at the end; on the remote %d prepared statements and %d portals after a tenth, %d and %d at the end.",
		count(queries), show(time.Since(start)/time.Duration(queries)), early, late,
		early.statements, early.portals, late.statements, late.portals)
	return nil
}

// rescans runs one query that scans a foreign table again for each of many
// outer rows, and looks at the backend from outside meanwhile.
func (b *bench) rescans(ctx context.Context, conn *pgx.Conn, pid int) error {
	n := b.rows(1_000_000)
	sql := fmt.Sprintf(`SELECT count(v) FROM generate_series(1, %d) g, LATERAL (SELECT v FROM wire.kv WHERE id = g %% %d + 1 OFFSET 0) k`, n, keyRows)
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- execAll(ctx, conn, sql) }()
	var samples []sample
	interval := max(20*time.Millisecond, time.Duration(float64(500*time.Millisecond)*min(1, b.scale*2)))
	for {
		select {
		case err := <-done:
			if err != nil || len(samples) == 0 {
				return err
			}
			last, err := lookInside(ctx, conn, pid)
			if err != nil {
				return err
			}
			b.report.note("%s re-scans in one query, %s each: %s after a tenth, %s shortly before the end; then %d prepared statements and %d portals on the remote.",
				count(n), show(time.Since(start)/time.Duration(n)), samples[len(samples)/10], samples[len(samples)-1], last.statements, last.portals)
			return nil
		case <-time.After(interval):
			s, err := look(pid)
			if err != nil {
				return err
			}
			samples = append(samples, s)
		}
	}
}
