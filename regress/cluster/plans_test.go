package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/pgtest"
)

// planTables are made on both servers. Keys are dense, so that joins meet; a is
// wider in all than the least fetch_memory.
const planTables = `
	CREATE TABLE a (id int PRIMARY KEY, k int, v int, pad text);
	INSERT INTO a SELECT g, g % 50, CASE WHEN g % 13 > 0 THEN g * 7919 % 1000 END, repeat('x', CASE WHEN g % 40 = 0 THEN 3000 ELSE 300 END) FROM generate_series(1, 240) g;
	CREATE TABLE b (id int PRIMARY KEY, k int, v int, pad text);
	INSERT INTO b SELECT g, g % 20, g * 31 % 100, 'b' || g FROM generate_series(1, 60) g;
	CREATE TABLE c (id int, k int, v int, pad text);
	INSERT INTO c SELECT g, g % 5, nullif(g % 7, 3), 'c' FROM generate_series(1, 12) g;
	ANALYZE`

// planFunctions stop in the middle of what they read, as functions do.
const planFunctions = `
	CREATE FUNCTION some_of(q text, n int) RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE r record; i int := 0;
	BEGIN
		IF n = 0 THEN RETURN; END IF;
		FOR r IN EXECUTE q LOOP
			i := i + 1;
			RETURN NEXT row(r.id, r.k, r.v)::text;
			EXIT WHEN i = n;
		END LOOP;
	END $$;
	CREATE FUNCTION some_caught(q text, n int, other text) RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE r record; x record; i int := 0;
	BEGIN
		IF n = 0 THEN RETURN; END IF;
		FOR r IN EXECUTE q LOOP
			i := i + 1;
			BEGIN
				EXECUTE other INTO x;
				IF i % 3 = 0 THEN PERFORM 1 / (i - i); END IF;
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
			RETURN NEXT row(r.id, r.k, r.v)::text;
			EXIT WHEN i = n;
		END LOOP;
	END $$;
	CREATE FUNCTION first_of(q text) RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE r record; n int;
	BEGIN
		EXECUTE q INTO r;
		GET DIAGNOSTICS n = ROW_COUNT;
		IF n > 0 THEN RETURN NEXT row(r.id, r.k, r.v)::text; END IF;
	END $$`

// planSwitches make the planner go ways that it would not by itself.
var planSwitches = []string{"enable_hashjoin = off", "enable_mergejoin = off", "enable_nestloop = off", "enable_material = off", "enable_memoize = off",
	"enable_hashagg = off", "enable_sort = off", "enable_incremental_sort = off", "enable_seqscan = off", "work_mem = '64kB'", "cursor_tuple_fraction = 1",
	"cursor_tuple_fraction = 0.0001", "parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0", "from_collapse_limit = 1; SET join_collapse_limit = 1"}

// relations makes random queries of a known shape: columns id, k and v.
type relations struct {
	*rand.Rand
	aliases int
}

func (g *relations) alias() string { g.aliases++; return fmt.Sprintf("x%d", g.aliases) }

func (g *relations) pick(of ...string) string { return of[g.IntN(len(of))] }

// table is written as a mark, which of puts a schema in place of.
func (g *relations) table() string { return g.pick("@a", "@a", "@b", "@b", "@c") }

// cond is a condition on one relation, sent or not.
func (g *relations) cond(x string) string {
	c := g.pick("%[1]s.v %% 7 <> 3", "%[1]s.id > %[2]d", "%[1]s.id <= %[2]d", "%[1]s.k BETWEEN 3 AND %[3]d", "%[1]s.v IS NULL", "%[1]s.id + random() >= %[2]d",
		"%[1]s.k + random() < %[3]d", "true", "%[1]s.v IS NOT NULL", "%[1]s.id IN (1, 5, %[2]d, %[3]d)", "%[1]s.id = (SELECT %[2]d)", "%[1]s.v > %[2]d")
	return strings.NewReplacer("%[1]s", x, "%[2]d", fmt.Sprint(g.IntN(150)), "%[3]d", fmt.Sprint(g.IntN(50)), "%%", "%").Replace(c)
}

// planForms are the shapes: {r} and {s} are relations, {x}, {y} their aliases,
// {c} and {d} conditions on them, {n} and {m} small numbers.
var planForms = []string{
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {c})",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {c} AND {c} ORDER BY 1, 2, 3 LIMIT {n} OFFSET {m})",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {c} ORDER BY 1 DESC, 2, 3 LIMIT {n})",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {c} ORDER BY {x}.id FETCH FIRST {n} ROWS WITH TIES)",
	"(SELECT 1 AS id, 2 AS k, count(*)::int AS v FROM (SELECT FROM {r} {x} WHERE {c} LIMIT {n} OFFSET {m}) z)",
	"(SELECT 1 AS id, 2 AS k, count(*)::int AS v FROM (SELECT FROM {r} {x} JOIN {s} {y} ON {x}.id <= {y}.id LIMIT {n}) z)",
	"(SELECT {x}.id, {y}.k, {y}.v FROM {r} {x} JOIN {s} {y} ON {x}.id = {y}.id WHERE {c})",
	"(SELECT {x}.id, {y}.k, {y}.v FROM {r} {x} JOIN {s} {y} ON {x}.id = {y}.id AND {x}.k = {y}.k)",
	"(SELECT {x}.id, {y}.k, {x}.v FROM {r} {x} LEFT JOIN {s} {y} ON {x}.id = {y}.id AND {d} WHERE {c})",
	"(SELECT {x}.id, {y}.k, {x}.v FROM {r} {x} FULL JOIN {s} {y} ON {x}.id = {y}.id)",
	"(SELECT {y}.id, {x}.k, {y}.v FROM {r} {x}, {s} {y} WHERE {x}.id < 4 AND {y}.k < 3 AND {y}.id > {x}.id)",
	"(SELECT id, k, v FROM {r} {x} WHERE {c} UNION ALL SELECT id, k, v FROM {s} {y} WHERE {d})",
	"(SELECT id, k, v FROM {r} {x} WHERE {c} UNION SELECT id, k, v FROM {s} {y})",
	"(SELECT id, k, v FROM {r} {x} EXCEPT SELECT id, k, v FROM {s} {y} WHERE {d})",
	"(SELECT id, k, v FROM {r} {x} INTERSECT SELECT id, k, v FROM {s} {y})",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE EXISTS (SELECT FROM {s} {y} WHERE {y}.k = {x}.k AND {d}))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE EXISTS (SELECT FROM {s} {y} WHERE {y}.id > {x}.id OFFSET 0))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE EXISTS (SELECT FROM {s} {y} WHERE {d}))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE NOT EXISTS (SELECT FROM {s} {y} WHERE {y}.id = {x}.id AND {d}))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {x}.k IN (SELECT {y}.k FROM {s} {y} WHERE {d}))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {x}.id IN (SELECT {y}.id FROM {s} {y} WHERE {y}.k >= {x}.k OFFSET 0))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {x}.v NOT IN (SELECT {y}.v FROM {s} {y} WHERE {d}))",
	"(SELECT {x}.id, {x}.k, {x}.v FROM {r} {x} WHERE {x}.id < ALL (SELECT {y}.id FROM {s} {y} WHERE {y}.k = {x}.k))",
	"(SELECT {x}.id, l.k, l.v FROM {r} {x}, LATERAL (SELECT {y}.k, {y}.v FROM {s} {y} WHERE {y}.k = {x}.k AND {d} ORDER BY {y}.id, {y}.k, {y}.v LIMIT 2) l)",
	"(SELECT {x}.id, l.k, l.v FROM {r} {x} LEFT JOIN LATERAL (SELECT 1 AS k, count(*)::int AS v FROM (SELECT FROM {s} {y} WHERE {y}.id >= {x}.id LIMIT 3) z) l ON {x}.v > 50)",
	"(SELECT {x}.id, {x}.k, (SELECT max({y}.v) FROM {s} {y} WHERE {y}.id = {x}.id) AS v FROM {r} {x})",
	"(SELECT {x}.id, {x}.k, (SELECT {y}.id FROM {s} {y} WHERE {y}.k = {x}.k ORDER BY 1 LIMIT 1) AS v FROM {r} {x} WHERE {c})",
	"(WITH w AS MATERIALIZED (SELECT id, k, v FROM {r} {x}) SELECT o.id, p.k, p.v FROM w o JOIN w p ON o.id = p.id AND o.k = p.k)",
	"(WITH w AS MATERIALIZED (SELECT id, k, v FROM {r} {x}) SELECT id, k, v FROM w WHERE id = 3 OR EXISTS (SELECT FROM w p LIMIT 1 OFFSET {n}))",
	"(WITH w AS MATERIALIZED (SELECT id, k, v FROM {r} {x}) SELECT {y}.id, {y}.k, {y}.v FROM {s} {y} WHERE EXISTS (SELECT FROM w WHERE w.id = {y}.id))",
	"(WITH RECURSIVE w AS (SELECT id, k, v FROM @c WHERE id < 4 UNION ALL SELECT {y}.id, {y}.k, {y}.v FROM w JOIN @b {y} ON {y}.id = w.id * 2) SELECT * FROM w)",
	"(SELECT {x}.k AS id, {x}.k, count(*)::int AS v FROM {r} {x} WHERE {c} GROUP BY {x}.k)",
	"(SELECT {x}.id, {x}.k, row_number() OVER (ORDER BY {x}.id, {x}.k, {x}.v)::int AS v FROM {r} {x} WHERE {c})",
	"(SELECT DISTINCT ON ({x}.k) {x}.id, {x}.k, {x}.v FROM {r} {x} ORDER BY {x}.k, {x}.id, {x}.v)",
	"(SELECT {x}.id, {x}.k, length(pad) AS v FROM @a {x} WHERE {c})",
	"(SELECT {x}.id, ({x}).k, {x}.v FROM @b {x} WHERE {x} IS NOT NULL AND {c})",
	"(SELECT {x}.id, {x}.k, {x}.v FROM @a {x} WHERE {x}.id BETWEEN {n} AND {n} + {m})",
}

// relation is one of them, or a table.
func (g *relations) relation(depth int) string {
	if depth <= 0 {
		return g.table()
	}
	x, y := g.alias(), g.alias()
	form := planForms[g.IntN(len(planForms))]
	for _, hole := range []struct {
		name string
		fill func() string
	}{
		{"{r}", func() string { return g.relation(depth - 1 - g.IntN(2)) }}, {"{s}", func() string { return g.relation(depth - 1 - g.IntN(2)) }},
		{"{c}", func() string { return g.cond(x) }}, {"{d}", func() string { return g.cond(y) }},
		{"{n}", func() string { return g.pick("0", "1", "2", "7", "30", "200") }}, {"{m}", func() string { return g.pick("0", "0", "1", "5", "90") }},
		{"{x}", func() string { return x }}, {"{y}", func() string { return y }},
	} {
		for strings.Contains(form, hole.name) {
			form = strings.Replace(form, hole.name, hole.fill(), 1)
		}
	}
	return form
}

func (g *relations) query() string {
	return "SELECT id, k, v FROM " + g.relation(1+g.IntN(3)) + " q"
}

// of puts tables in place of the marks.
func (g *relations) of(query string) string {
	for strings.Contains(query, "@") {
		query = strings.Replace(query, "@", g.pick("f1.", "f1.", "f1.", "f2.", "f2.", "f3.", "public."), 1)
	}
	return query
}

func local(query string) string { return strings.ReplaceAll(query, "@", "public.") }

// plansRig has the tables in two servers, and as foreign tables in the local one.
func plansRig(t *testing.T) rig {
	t.Helper()
	r := newRig(t)
	for _, c := range []*pgtest.Cluster{r.remote, r.local} {
		c.Exec(t, planTables)
	}
	linkPlans(t, r)
	return r
}

func linkPlans(t *testing.T, r rig) {
	t.Helper()
	pgtest.Link(t, r.local, r.remote, "other", "fetch_size '7'")
	r.local.Exec(t, planFunctions, "ALTER SERVER remote OPTIONS (fetch_size '1', fetch_memory '64kB')")
	for i, options := range []string{"remote OPTIONS (schema_name 'public'", "remote OPTIONS (schema_name 'public', fetch_size '2'", "other OPTIONS (schema_name 'public'"} {
		schema := fmt.Sprintf("f%d", i+1)
		r.local.Exec(t, "CREATE SCHEMA "+schema)
		for _, table := range []string{"a", "b", "c"} {
			r.local.Exec(t, fmt.Sprintf("CREATE FOREIGN TABLE %s.%s (id int, k int, v int, pad text) SERVER %s, table_name '%s')", schema, table, options, table))
		}
	}
}

// rowsOf runs statements and returns the rows of the last, each as the text of a
// composite value. Only ways for the test to go on end in an error.
func rowsOf(s *session, conn *pgx.Conn, sql string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	var e *pgconn.PgError
	if err != nil && !errors.As(err, &e) {
		s.Fatalf("%s: %v", sql, err)
	}
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, row := range results[len(results)-1].Rows {
		if len(row) == 1 {
			rows = append(rows, string(row[0]))
			continue
		}
		values := make([]string, len(row))
		for i := range row {
			values[i] = string(row[i])
		}
		rows = append(rows, "("+strings.Join(values, ",")+")")
	}
	return rows, nil
}

// TestPlans compares what plans of all kinds, cursors and functions read of
// foreign tables in small portions with what they read of copies.
// PGWIRE_DIFF_SEED and PGWIRE_DIFF_SECONDS are as in TestDifferential.
func TestPlans(t *testing.T) {
	r := plansRig(t)
	p := newPlans(t, r, 0)
	p.scripts()
	if p.count["fetches"] == 0 || p.count["queries"] == 0 {
		t.Error("nothing was compared")
	}
	if lost := p.count["lost without need"]; lost > p.count["fetches"]/100 {
		t.Errorf("%d of %d fetches found the rows of a cursor gone", lost, p.count["fetches"])
	}
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

func newPlans(t *testing.T, r rig, client int) *plans {
	seed := uint64(envInt("PGWIRE_DIFF_SEED", 1))
	return &plans{session: open(t, r.local), copies: r.local.Connect(t), count: map[string]int{},
		g: &relations{Rand: rand.New(rand.NewPCG(seed, uint64(5+client)))}}
}

// scripts runs some, for as long as the test may take.
func (p *plans) scripts() {
	limit := time.Duration(envInt("PGWIRE_DIFF_SECONDS", 10)) * time.Second
	for begun := time.Now(); time.Since(begun) < limit && p.count["different"] < 10; {
		p.script()
	}
	p.Logf("seed %d: %v", envInt("PGWIRE_DIFF_SEED", 1), p.count)
}

// plans is what the test runs on.
type plans struct {
	*session
	copies  *pgx.Conn
	g       *relations
	count   map[string]int
	cursors []*cursor
	block   bool // in a transaction block
	depth   int  // savepoints that there are
	log     []string
	faults  *faults // that may come, nil: none
}

// run runs statements on the foreign side.
func (p *plans) run(sql string) ([]string, error) {
	p.log = append(p.log, sql)
	begun := time.Now()
	rows, err := rowsOf(p.session, p.conn, sql)
	if took := time.Since(begun); p.faults != nil && took > 30*time.Second {
		p.differ("took %v", took)
	}
	return rows, err
}

func (p *plans) do(sql string) {
	p.Helper()
	if _, err := p.run(sql); err != nil && !p.excused(err) {
		p.differ("fails: %s", describe(err))
	}
}

func (p *plans) differ(format string, args ...any) {
	p.Helper()
	p.count["different"]++
	p.Errorf("%s\n%s", strings.Join(p.log, ";\n"), fmt.Sprintf(format, args...))
	for p.block && p.conn.PgConn().TxStatus() == 'E' {
		p.recover()
	}
}

// answer is the right one; false: too much of it, or it takes too long.
func (p *plans) answer(query string) ([]string, bool) {
	rows, err := rowsOf(p.session, p.copies, local(query))
	if err != nil && state(err) != "57014" {
		p.Fatalf("%s: %s", local(query), describe(err))
	}
	return rows, err == nil && len(rows) < 20_000
}

// script is one session's worth of steps, some in transactions.
func (p *plans) script() {
	p.log, p.cursors, p.block, p.depth = nil, nil, false, 0
	settings := "RESET ALL; DEALLOCATE ALL; SET statement_timeout = '6s'; SET client_min_messages = error"
	for range p.g.IntN(5) {
		settings += "; SET " + planSwitches[p.g.IntN(len(planSwitches))]
	}
	if _, err := rowsOf(p.session, p.copies, "SET statement_timeout = '1s'; SET jit = off"); err != nil {
		p.Fatal(err)
	}
	p.do(settings)
	for range 6 + p.g.IntN(30) {
		p.step()
	}
	p.faults.calm()
	if p.block {
		p.end(p.g.pick("COMMIT", "ROLLBACK"))
	}
	for _, c := range slices.Clone(p.cursors) { // those WITH HOLD
		p.fetch(c)
		p.do("CLOSE " + c.name)
	}
	p.log = nil
	if p.g.IntN(4) == 0 || p.faults != nil {
		p.works()
	}
}

func (p *plans) step() {
	p.faults.next(p)
	switch n := p.g.IntN(20); {
	case n < 8 && !p.block:
		p.block = true
		p.do("BEGIN ISOLATION LEVEL " + p.g.pick("READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"))
	case n < 5:
		p.whole(p.g.query())
	case n < 6:
		p.function()
	case n < 7:
		p.prepared()
	case !p.block:
		p.whole(p.g.query())
	case n < 9 && len(p.cursors) < 4 || len(p.cursors) == 0:
		p.declare()
	case n < 10:
		p.savepoint()
	case n < 11:
		p.fail()
	case n < 12 && len(p.cursors) > 0:
		i := p.g.IntN(len(p.cursors))
		name := p.cursors[i].name
		p.cursors = slices.Delete(p.cursors, i, i+1)
		p.do("CLOSE " + name)
	case n < 13 && p.g.IntN(3) == 0:
		p.end(p.g.pick("COMMIT", "COMMIT", "ROLLBACK"))
	case len(p.cursors) > 0:
		p.fetch(p.cursors[p.g.IntN(len(p.cursors))])
	}
}

// whole reads a query to its end.
func (p *plans) whole(query string) {
	want, ok := p.answer(query)
	if !ok {
		return
	}
	how := p.g.pick("", "", "EXPLAIN ANALYZE ")
	got, err := p.run(how + p.g.of(query))
	if err == nil && how != "" {
		got, err = p.run(p.g.of(query))
	}
	p.compare(query, want, got, err)
}

func (p *plans) compare(query string, want, got []string, err error) {
	if p.excused(err) || p.timedOut(err) {
		return
	}
	p.count["queries"]++
	want = slices.Clone(want)
	slices.Sort(want)
	slices.Sort(got)
	switch {
	case err != nil:
		p.differ("%s fails: %s", query, describe(err))
	case !slices.Equal(want, got):
		p.differ("%s answers %d rows, the copy %d:\n%s", query, len(got), len(want), difference(got, want))
	}
}

// timedOut tells whether a query took too long, and goes on behind it.
func (p *plans) timedOut(err error) bool {
	if state(err) != "57014" {
		return false
	}
	p.count["timed out"]++
	if p.block {
		p.recover()
	}
	return true
}

// prepared reads it several times, with a parameter.
func (p *plans) prepared() {
	query := p.g.query()
	p.do("DEALLOCATE ALL; SET plan_cache_mode = force_" + p.g.pick("generic", "custom") + "_plan")
	at, n := " WHERE q.id > $1 ORDER BY 1, 2, 3 LIMIT $2", []int{0, 3, 40, 100000}
	if p.g.IntN(2) == 0 {
		at = " WHERE q.id > $1 - $2"
	}
	p.do("PREPARE p(int, int) AS " + p.g.of(query) + at)
	for range 1 + p.g.IntN(3) {
		first, second := fmt.Sprint(p.g.IntN(100)), fmt.Sprint(n[p.g.IntN(len(n))])
		want, ok := p.answer(query + strings.NewReplacer("$1", first, "$2", second).Replace(at))
		if !ok {
			return
		}
		got, err := p.run(p.g.pick("", "", "EXPLAIN ANALYZE EXECUTE p("+first+","+second+"); ") + "EXECUTE p(" + first + ", " + second + ")")
		p.compare(query+at, want, got, err)
		if err != nil {
			return
		}
	}
}

// function reads the first rows only.
func (p *plans) function() {
	query := p.g.query()
	want, ok := p.answer(query)
	if !ok {
		return
	}
	n := []int{0, 1, 2, 5, 70, 1000}[p.g.IntN(6)]
	text := "$q$" + p.g.of(query) + "$q$"
	var got []string
	var err error
	switch p.g.IntN(3) {
	case 0:
		got, err = p.run(fmt.Sprintf("SELECT some_of(%s, %d)", text, n))
	case 1:
		got, err = p.run(fmt.Sprintf("SELECT some_caught(%s, %d, $o$%s$o$)", text, n, p.g.of("SELECT count(*) FROM @b WHERE k < 3")))
	default:
		n = 1
		got, err = p.run("SELECT first_of(" + text + ")")
	}
	if p.excused(err) || p.timedOut(err) {
		return
	}
	p.count["functions"]++
	c := newCursor("", want)
	switch {
	case err != nil:
		p.differ("%s fails: %s", query, describe(err))
	case len(got) != min(n, len(want)):
		p.differ("%s: %d rows instead of %d of %d", query, len(got), n, len(want))
	default:
		for _, row := range got {
			if c.left[row]--; c.left[row] < 0 {
				p.differ("%s: row %s, which is not one of the %d, or comes twice", query, row, len(want))
				return
			}
		}
	}
}
