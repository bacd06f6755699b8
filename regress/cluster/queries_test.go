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

	"pgwire_fdw/regress/cluster/explain"
	"pgwire_fdw/regress/cluster/pgtest"
)

// queryTables fill the tables of random queries from r1, which has diffRows.
const queryTables = `
	CREATE TABLE r2 AS SELECT * FROM r1 WHERE id %% 3 <> 0; UPDATE r2 SET id = id * 2 - 30, t = CASE WHEN id %% 5 = 0 THEN t || 'x' ELSE t END;
	CREATE TABLE r3 AS SELECT * FROM r1 WHERE id BETWEEN 8 AND 20; UPDATE r3 SET id = NULL WHERE id = 9; UPDATE r3 SET i2 = NULL, t = NULL WHERE id %% 4 = 0;
	CREATE TABLE r4 AS SELECT * FROM r1 WHERE id IN (-1, 0, 5);
	CREATE TABLE r5 AS SELECT * FROM r1 WHERE false;
	CREATE UNIQUE INDEX ON r1 (id); CREATE UNIQUE INDEX ON r2 (id); CREATE INDEX ON r2 (t); CREATE INDEX ON r3 (i2);
	ANALYZE`

// queryViews are in each schema: a plain one, one whose condition must come
// first, and one that reads as another user.
const queryViews = `
	CREATE VIEW %[1]s.v1 AS SELECT * FROM %[1]s.r2 WHERE id < 40 OR id IS NULL;
	CREATE VIEW %[1]s.v2 WITH (security_barrier) AS SELECT * FROM %[1]s.r1 WHERE i2 > -3 OR b;
	CREATE VIEW %[1]s.v3 AS SELECT * FROM %[1]s.r3;
	GRANT USAGE ON SCHEMA %[1]s TO bob; GRANT SELECT ON ALL TABLES IN SCHEMA %[1]s TO bob; ALTER VIEW %[1]s.v3 OWNER TO bob`

// queryFunctions are here only, and are not inlined.
const queryFunctions = `
	CREATE FUNCTION local_odd(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 & 1 = 1; END';
	CREATE FUNCTION local_flip(int) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN RETURN $1 # 5; END'`

// placements are schemas whose tables have the same rows: where they are.
var placements = []string{"far", "far", "far", "mixed", "sharded"}

// queryVariants are settings of the local server under which a query is run
// with the foreign tables.
var queryVariants = []string{
	"",
	"SET enable_hashjoin = off; SET enable_mergejoin = off",
	"SET enable_nestloop = off; SET enable_hashagg = off",
	"SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on",
	"SET pgwire_fdw.ship_queries = off",
	"SET pgwire_fdw.ship_queries = off; SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on; SET enable_hashjoin = off",
	"SET enable_sort = off; SET enable_material = off; SET join_collapse_limit = 1",
	"SET from_collapse_limit = 1; SET geqo_threshold = 2; SET enable_memoize = off",
}

// queryTest is what the test runs on.
type queryTest struct {
	*testing.T
	local    *pgtest.Cluster
	conn     *pgx.Conn
	variants []string
	count    map[string]int
}

// TestQueries asks random whole queries of foreign tables and of local copies:
// rows must not differ, nor their order where the query fixes it, nor errors.
// PGWIRE_QUERY_SEED makes it go another way, PGWIRE_QUERY_COUNT on for longer,
// PGWIRE_QUERY_ONLY asks a single one of them again.
func TestQueries(t *testing.T) {
	seed, count, only := envInt("PGWIRE_QUERY_SEED", 1), envInt("PGWIRE_QUERY_COUNT", 300), envInt("PGWIRE_QUERY_ONLY", -1)
	q := newQueryTest(t)
	for n := range count {
		if only >= 0 && n != only {
			continue
		}
		q.one(seed, n)
		if q.count["different"] >= 12 {
			break
		}
	}
	t.Logf("seed %d: %v", seed, q.count)
	if only < 0 && q.count["same"] < q.count["queries"]*3/4 {
		t.Errorf("only %d of %d queries gave something to compare", q.count["same"], q.count["queries"])
	}
	// of three in five all tables are on one server, and some of those have to stay
	if only < 0 && q.count["whole"] < q.count["explained"]/5 {
		t.Errorf("only %d of %d queries were answered by the remote server alone", q.count["whole"], q.count["explained"])
	}
}

func newQueryTest(t *testing.T) *queryTest {
	remote, local := pgtest.Start(t, pgtest.Options{Name: "remote"}), pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	te := `"POSIX"`
	if ask(t, local.Connect(t), `SELECT count(*)::text FROM pg_collation WHERE collname = 'en-x-icu'`) == "1" {
		te = `"en-x-icu"`
	}
	columns := fmt.Sprintf(diffColumns, te, `"default"`)
	rows := strings.ReplaceAll(diffRows, "INTO r ", "INTO r1 ")
	for _, c := range []*pgtest.Cluster{remote, local} {
		c.Exec(t, "CREATE SCHEMA here; SET search_path = here, public; SET timezone = 'UTC'; CREATE TABLE r1 ("+columns+"); "+rows+"; "+fmt.Sprintf(queryTables))
	}
	remote.Exec(t, "ALTER DATABASE postgres SET timezone = 'Asia/Kathmandu'", "SET search_path = here, public;"+hashed("", func(table string, part int) string {
		return fmt.Sprintf("CREATE TABLE %[1]s_%[2]d PARTITION OF %[1]s_all FOR VALUES WITH (MODULUS 2, REMAINDER %[2]d)", table, part)
	})+"INSERT INTO r1_all SELECT * FROM r1; INSERT INTO r2_all SELECT * FROM r2; INSERT INTO r3_all SELECT * FROM r3; ANALYZE")
	for _, server := range []string{"s0", "s1"} {
		pgtest.Link(t, local, remote, server)
	}
	foreign := func(schema, table, server string) string {
		return fmt.Sprintf("CREATE FOREIGN TABLE %s.%s (%s) SERVER %s OPTIONS (schema_name 'here'); ", schema, table, columns, server)
	}
	sql := "CREATE SCHEMA far; CREATE SCHEMA mixed; CREATE SCHEMA sharded;"
	for _, table := range []string{"r1", "r2", "r3", "r4", "r5"} {
		sql += foreign("far", table, "s0")
	}
	sql += foreign("mixed", "r1", "s0") + foreign("mixed", "r2", "s0") + foreign("mixed", "r3", "s1") +
		"CREATE VIEW mixed.r4 AS SELECT * FROM here.r4;" + foreign("mixed", "r5", "s1")
	sql += foreign("sharded", "r4", "s0") + foreign("sharded", "r5", "s1") +
		strings.ReplaceAll(hashed("sharded.", func(table string, part int) string {
			return fmt.Sprintf("CREATE FOREIGN TABLE %[1]s_%[2]d PARTITION OF %[1]s FOR VALUES WITH (MODULUS 2, REMAINDER %[2]d) SERVER s%[2]d OPTIONS (schema_name 'here')", table, part)
		}), "_all", "")
	local.Exec(t, sql, "CREATE ROLE bob")
	for _, schema := range []string{"here", "far", "mixed", "sharded"} {
		local.Exec(t, fmt.Sprintf(queryViews, schema))
	}
	for _, server := range []string{"s0", "s1"} {
		local.Exec(t, fmt.Sprintf("CREATE USER MAPPING FOR bob SERVER %s OPTIONS (user '%s', password '%s')", server, pgtest.Superuser, pgtest.Password))
	}
	local.Exec(t, queryFunctions, strings.SplitN(diffFunctions, "CREATE DOMAIN", 2)[0])
	local.Exec(t, "ANALYZE far.r1, far.r2, far.r3; ANALYZE sharded.r1, sharded.r2") // the others have none: plans differ
	q := &queryTest{T: t, local: local, conn: local.Connect(t), count: map[string]int{}}
	q.run("SELECT count(*) FROM far.r1") // loads the module
	for _, v := range queryVariants {
		if name, _, own := strings.Cut(v, " ="); !own || !strings.Contains(name, "pgwire_fdw.") || q.has(strings.TrimPrefix(name, "SET ")) {
			q.variants = append(q.variants, v)
		}
	}
	return q
}

func (q *queryTest) has(setting string) bool {
	return len(q.run("SELECT 1 FROM pg_settings WHERE name = '"+setting+"'").rows) == 1
}

// hashed makes the three large tables partitioned ones, like those of schema here.
func hashed(prefix string, partition func(table string, part int) string) string {
	sql := ""
	for _, table := range []string{"r1", "r2", "r3"} {
		sql += fmt.Sprintf("CREATE TABLE %s%s_all (LIKE here.%[2]s) PARTITION BY HASH (id);", prefix, table)
		for part := range 2 {
			sql += partition(prefix+table, part) + ";"
		}
	}
	return sql
}

// run executes statements in the session, which is made anew if it has ended.
func (q *queryTest) run(sql string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if q.conn.IsClosed() {
		for range 50 {
			time.Sleep(200 * time.Millisecond)
			conn, err := pgx.Connect(ctx, q.local.ConnString("postgres"))
			if err == nil {
				q.conn = conn
				break
			}
		}
	}
	results, err := q.conn.PgConn().Exec(ctx, sql).ReadAll()
	a := answer{err: err}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		a.state = e.Code
	} else if err != nil {
		a.state = "the session has ended"
	}
	for _, r := range slices.Backward(results) {
		if len(r.FieldDescriptions) == 0 {
			continue
		}
		for _, row := range r.Rows {
			a.rows = append(a.rows, strings.Join(texts(row), "|"))
		}
		break
	}
	return a
}

// randomQuery is one with what it takes to run it.
type randomQuery struct {
	body   *clause
	params []param
	plan   string // kind of plan if it has parameters
	cursor bool   // read by a cursor, which goes back to the beginning once
	order  []int  // columns that it is ordered by
}

// newRandomQuery makes a query, a large one or a small one.
func newRandomQuery(rng *rand.Rand) *randomQuery {
	r := &randomQuery{}
	g := &queryGenerator{Rand: rng, wild: rng.IntN(4) == 0}
	if g.chance(15) {
		g.params = &r.params
		r.plan = g.pick([]string{"custom", "generic"})
	}
	r.body = g.query(g.kinds(), []int{0, 1, 1, 1, 2, 2}[g.IntN(6)], nil)
	r.order = g.order
	if g.chance(4) {
		r.body = join("", r.body, optional(g.pick([]string{" FOR UPDATE", " FOR SHARE", " FOR NO KEY UPDATE"})))
	} else if r.cursor = g.chance(7) && len(r.params) == 0; r.cursor {
		r.body = join("", r.body)
	}
	return r
}

// statement is what runs the query, or explains it, with the tables of a placement.
func (r *randomQuery) statement(placement, settings, explain string) string {
	sql := "RESET ALL; SET client_min_messages = error; SET statement_timeout = '10s'; SET timezone = 'Europe/Vienna'; SET search_path = " + placement + ", public; "
	if settings != "" {
		sql += settings + "; "
	}
	switch {
	case r.cursor && explain == "":
		return "ROLLBACK; " + sql + "BEGIN; DECLARE c SCROLL CURSOR FOR " + r.body.String() + "; FETCH 2 FROM c; MOVE ABSOLUTE 0 IN c; FETCH ALL FROM c; COMMIT"
	case len(r.params) == 0:
		return sql + explain + r.body.String()
	}
	types, values := make([]string, len(r.params)), make([]string, len(r.params))
	for i, p := range r.params {
		types[i], values[i] = p.sqlType, p.value
	}
	return sql + "SET plan_cache_mode = force_" + r.plan + "_plan; DEALLOCATE ALL; PREPARE q(" + strings.Join(types, ", ") + ") AS " +
		r.body.String() + "; " + explain + "EXECUTE q(" + strings.Join(values, ", ") + ")"
}

// one makes and asks one query.
func (q *queryTest) one(seed, n int) {
	rng := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
	q.count["queries"]++
	var r *randomQuery
	var want answer
	// what gives rows says more
	for attempt := 0; attempt < 4 && len(want.rows) == 0; attempt++ {
		r = newRandomQuery(rng)
		want = q.run(r.statement("here", "", ""))
	}
	switch want.state {
	case "":
	case "57014":
		q.count["too long"]++
		return
	default:
		q.count["fails"]++
	}
	placement := placements[rng.IntN(len(placements))]
	settings := []string{"", q.variants[1+rng.IntN(len(q.variants)-1)]}
	for _, s := range settings {
		got := q.run(r.statement(placement, s, ""))
		if got.state == "57014" {
			q.count["too long here"]++
			continue
		}
		if different(r, want, got) == "" {
			continue
		}
		if q.unstable(r, want) {
			q.count["unstable"]++
			continue
		}
		q.count["different"]++
		q.report(fmt.Sprintf("seed %d, query %d", seed, n), r, placement, s)
		return
	}
	if want.state == "" {
		q.count["same"]++
		if len(want.rows) == 0 {
			q.count["no rows"]++
		}
	}
	if n%4 == 0 {
		q.explain(r, placement)
	}
}

// unstable tells whether a query has more than one right answer, or PostgreSQL
// gets some wrong: the copies themselves give another under other settings.
func (q *queryTest) unstable(r *randomQuery, want answer) bool {
	for _, settings := range q.variants[1:] {
		if got := q.run(r.statement("here", settings, "")); different(r, want, got) != "" {
			return true
		}
	}
	return false
}

// explain counts what is done where.
func (q *queryTest) explain(r *randomQuery, placement string) {
	a := q.run(r.statement(placement, "", "EXPLAIN (FORMAT json) "))
	if a.err != nil || len(a.rows) == 0 {
		return
	}
	plan, err := explain.Parse([]byte(a.rows[0]))
	if err != nil {
		q.Fatal(err)
	}
	if plan.Count("Foreign Scan") > 0 {
		q.count["explained"]++
	}
	if plan.Whole() {
		q.count["whole"]++
	}
}

// different tells how an answer differs from that of the copies, "" if not.
func different(r *randomQuery, want, got answer) string {
	switch {
	case want.state == ambiguousCollation && got.state == "":
		return "" // a value computed here goes there without its collation
	case want.state == "0A000" && got.state == "":
		return "" // a FULL JOIN that only the remote's planner has a way for
	case want.state != got.state && (want.state == "" || got.state == "" || len(got.state) != 5 || want.state[:2] != got.state[:2]):
		return fmt.Sprintf("fails with %v, the copies with %v", got.err, want.err)
	case want.state != "":
		return ""
	}
	a, b := slices.Sorted(slices.Values(want.rows)), slices.Sorted(slices.Values(got.rows))
	if !slices.Equal(a, b) {
		return fmt.Sprintf("%d rows, the copies give %d\n%s", len(b), len(a), difference(b, a))
	}
	for i := range want.rows {
		if x, y := ordering(r, want.rows[i]), ordering(r, got.rows[i]); x != y {
			return fmt.Sprintf("row %d is %q, with the copies %q", i, y, x)
		}
	}
	return ""
}

// ordering is of a row the columns that it is ordered by.
func ordering(r *randomQuery, row string) string {
	fields := strings.Split(row, "|")
	key := ""
	for _, i := range r.order {
		if i < len(fields) {
			key += fields[i] + "|"
		}
	}
	return key
}

// report makes a query that differs as small as it can, and says how it does.
func (q *queryTest) report(name string, r *randomQuery, placement, settings string) {
	var want, got answer
	bad := func() bool {
		want = q.run(r.statement("here", "", ""))
		if want.state != "" {
			return false
		}
		got = q.run(r.statement(placement, settings, ""))
		return got.state != "57014" && different(r, want, got) != ""
	}
	if r.order != nil && bad() {
		// perhaps it is not the order that matters
		order := r.order
		if r.order = nil; !bad() {
			r.order = order
		}
	}
	before := r.body.String()
	r.body.shrink(400, bad)
	if bad(); q.unstable(r, want) {
		r.body = join("", before)
		bad()
	}
	plan := q.run(r.statement(placement, settings, "EXPLAIN (VERBOSE, COSTS OFF) "))
	q.Errorf("%s, tables %s: %s\n%s\n%s", name, placement, different(r, want, got), r.statement(placement, settings, ""), strings.Join(plan.rows, "\n"))
}
