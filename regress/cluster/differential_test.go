package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/pgtest"
)

// diffRemoteDefaults are defaults of the remote database that change how text
// is read and written. A remote session must not be moved by any of them.
const diffRemoteDefaults = `DO $$ DECLARE s text; BEGIN
	FOREACH s IN ARRAY ARRAY['datestyle = ''SQL, DMY''', 'timezone = ''Asia/Kathmandu''', 'intervalstyle = sql_standard', 'extra_float_digits = -5',
		'bytea_output = escape', 'standard_conforming_strings = off', 'search_path = decoy, public', 'array_nulls = off', 'quote_all_identifiers = on',
		'transform_null_equals = on', 'xmloption = document', 'timezone_abbreviations = ''Australia''', 'backslash_quote = off'] LOOP
		EXECUTE format('ALTER DATABASE %I SET %s', current_database(), s);
	END LOOP;
	CREATE SCHEMA decoy;
	CREATE FUNCTION decoy.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''decoy''::text';
	CREATE FUNCTION decoy.never(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
	CREATE OPERATOR decoy.= (LEFTARG = int, RIGHTARG = int, PROCEDURE = decoy.never);
END $$`

// diffSettings are local settings; each round uses one line.
var diffSettings = []string{
	"",
	"SET datestyle = 'German, DMY'; SET timezone = 'Europe/Vienna'; SET intervalstyle = 'sql_standard'",
	"SET datestyle = 'SQL, MDY'; SET timezone = 'America/New_York'; SET extra_float_digits = -10; SET bytea_output = 'escape'",
	"SET intervalstyle = 'iso_8601'; SET timezone = 'Asia/Kathmandu'; SET standard_conforming_strings = off; SET escape_string_warning = off",
	"SET datestyle = 'Postgres, YMD'; SET array_nulls = off; SET timezone = 'Australia/Lord_Howe'; SET quote_all_identifiers = on",
	"SET timezone_abbreviations = 'India'; SET timezone = 'Europe/London'; SET search_path = decoy, pg_catalog, public; SET bytea_output = 'escape'",
}

// diffFunctions are inlined by the planner: implicit casts of their arguments
// then stand where the remote's parser would not make them. The decoys hide
// built-in objects in one of the rounds.
const diffFunctions = `
	CREATE FUNCTION diff_ratio(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 / nullif($2, 0)';
	CREATE FUNCTION diff_sum(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
	CREATE FUNCTION diff_half(float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2::float8';
	CREATE FUNCTION diff_lt(oid, oid) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';
	CREATE FUNCTION diff_same(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 LIKE $2';
	CREATE DOMAIN diff_v2 AS varchar(2);
	CREATE SCHEMA decoy;
	CREATE FUNCTION decoy.upper(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN 'decoy'; END$$;
	CREATE TABLE one (a int); INSERT INTO one VALUES (5), (NULL), (17)`

// differential is what the test runs on.
type differential struct {
	*testing.T
	conn   *pgx.Conn
	major  int  // of the servers
	oracle bool // there is a table p of postgres_fdw
	count  map[string]int
}

// TestDifferential asks random questions of a foreign table and of a local copy
// of the remote table; the answers must not differ. PGWIRE_DIFF_SEED and
// PGWIRE_DIFF_SECONDS make it go another way, or on for longer.
func TestDifferential(t *testing.T) {
	seed, limit := envInt("PGWIRE_DIFF_SEED", 1), time.Duration(envInt("PGWIRE_DIFF_SECONDS", 20))*time.Second
	d := newDifferential(t)
	rng := rand.New(rand.NewPCG(uint64(seed), 2))
	begun := time.Now()
	for n := 0; n == 0 || time.Since(begun) < limit; n++ {
		settings := diffSettings[n%len(diffSettings)]
		d.round(&generator{Rand: rng, major: d.major}, settings, 40)
		if t.Failed() && d.count["different"] > 20 {
			break
		}
	}
	t.Logf("seed %d: %v", seed, d.count)
	if ran := d.count["same rows"]; ran < d.count["queries"]*7/10 {
		t.Errorf("only %d of %d queries gave rows to compare", ran, d.count["queries"])
	}
	if d.count["shipped"] < d.count["explained"]*2/5 {
		t.Errorf("only %d of %d conditions were sent to the remote server", d.count["shipped"], d.count["explained"])
	}
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func newDifferential(t *testing.T) *differential {
	remote, local := pgtest.Start(t, pgtest.Options{Name: "remote"}), pgtest.Start(t, pgtest.Options{Name: "local"})
	te, tn := `"POSIX"`, `"default"`
	collations := ""
	if ask(t, local.Connect(t), `SELECT count(*)::text FROM pg_collation WHERE collname = 'en-x-icu'`) == "1" {
		te, tn = `"en-x-icu"`, "public.loose"
		collations = `CREATE COLLATION public.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`
	}
	columns := fmt.Sprintf(diffColumns, te, tn)
	for _, c := range []*pgtest.Cluster{remote, local} {
		c.Exec(t, collations, "SET timezone = 'UTC'", "CREATE TABLE r ("+columns+")", diffRows, "ANALYZE r")
	}
	remote.Exec(t, diffRemoteDefaults)
	local.Exec(t, diffFunctions)
	pgtest.Link(t, local, remote, "remote")
	local.Exec(t, "CREATE FOREIGN TABLE f ("+columns+") SERVER remote OPTIONS (schema_name 'public', table_name 'r')")
	d := &differential{T: t, conn: local.Connect(t), count: map[string]int{}}
	fmt.Sscan(ask(t, d.conn, "SELECT current_setting('server_version_num')::int / 10000 || ''"), &d.major)
	if ask(t, d.conn, `SELECT count(*)::text FROM pg_available_extensions WHERE name = 'postgres_fdw'`) == "1" {
		local.Exec(t, "CREATE EXTENSION postgres_fdw",
			fmt.Sprintf("CREATE SERVER oracle FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres')", remote.Port),
			fmt.Sprintf("CREATE USER MAPPING FOR CURRENT_USER SERVER oracle OPTIONS (user '%s', password '%s')", pgtest.Superuser, pgtest.Password),
			"CREATE FOREIGN TABLE p ("+columns+") SERVER oracle OPTIONS (schema_name 'public', table_name 'r')")
		d.oracle = true
	}
	return d
}

// round asks some questions in one session's settings.
func (d *differential) round(g *generator, settings string, n int) {
	for _, sql := range []string{"DISCARD ALL", "SET statement_timeout = '30s'", settings} {
		if a := d.run(sql); a.err != nil {
			d.Fatalf("%s: %v", sql, a.err)
		}
	}
	for range n {
		g.risky = g.IntN(5) == 0
		g.params = nil
		switch g.IntN(8) {
		case 0:
			d.prepared(g)
		case 1:
			d.joined(g)
		case 2:
			d.appended(g)
		default:
			g.tables = []string{"x"}
			cond := g.value("bool", 1+g.IntN(4))
			d.compare(g, settings, "SELECT "+g.columns()+" FROM TABLE x WHERE "+cond)
		}
	}
}

func (g *generator) columns() string {
	return []string{"x.id", "x", "x.id, x.ctid", "count(*)"}[g.IntN(4)]
}

// prepared: values are parameters, in both kinds of plan.
func (d *differential) prepared(g *generator) {
	var params []param
	g.tables, g.params = []string{"x"}, &params
	cond := g.value("bool", 1+g.IntN(4))
	g.params = nil
	types, values := make([]string, len(params)), make([]string, len(params))
	for i, p := range params {
		types[i], values[i] = p.sqlType, p.value
	}
	declared, given := "", ""
	if len(params) > 0 {
		declared, given = "("+strings.Join(types, ", ")+")", "("+strings.Join(values, ", ")+")"
	}
	mode := []string{"custom", "generic"}[g.IntN(2)]
	d.compare(g, "SET plan_cache_mode = force_"+mode+"_plan; DEALLOCATE ALL",
		"PREPARE q"+declared+" AS SELECT x.id FROM TABLE x WHERE "+cond, "EXECUTE q"+given)
}

// joined: the condition refers to another table too, so the foreign one is
// looked up row by row; as a join, an outer join, a lateral or correlated query.
func (d *differential) joined(g *generator) {
	g.tables = []string{"x", "o"}
	cond := g.value("bool", 1+g.IntN(3))
	form := []string{
		"SELECT o.id, x.id FROM r o JOIN TABLE x ON %s WHERE o.id < 12",
		"SELECT o.id, x.id FROM r o LEFT JOIN TABLE x ON x.i2 = o.i2 AND %s WHERE o.id < 12",
		"SELECT o.id, x.id FROM TABLE o LEFT JOIN TABLE x ON %s WHERE o.id < 6 AND x.b IS NOT TRUE",
		"SELECT o.id, y.id FROM r o, LATERAL (SELECT x.id FROM TABLE x WHERE %s ORDER BY x.id LIMIT 3) y WHERE o.id < 12",
		"SELECT o.id FROM r o WHERE o.id < 12 AND EXISTS (SELECT 1 FROM TABLE x WHERE x.id = o.id AND %s)",
		"SELECT o.id, (SELECT count(*) FROM TABLE x WHERE %s) FROM r o WHERE o.id < 12",
	}[g.IntN(6)]
	how := "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off"
	if g.IntN(3) == 0 {
		how = "RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material"
	}
	d.compare(g, how, fmt.Sprintf(form, cond))
}

// appended: conditions come into the scan from above a UNION ALL, in terms of
// its columns.
func (d *differential) appended(g *generator) {
	const source = `(SELECT id, i2::int8 i2, i2 i8, f4, id f8, i2 n, id n2, b, vc t, tc, te, tn, vc, bp, nm, ch, ba, d, ti, tt, d ts, tz, iv, u, ci ip, ci, mac, bi, vb, j, js, ia, ta, na, za, ir, zr, id o, rc, mo, pt, ctid FROM TABLE
		UNION ALL SELECT id::int8, i8, i8, f8, f8, n, n, b, t, tc, te, tn, t, bp, nm, ch, ba, ts, ti, tt, ts, tz, iv, u, ip, ip, mac, vb, vb, j, js, ia, ta, na, za, ir, zr, o, rc, mo, pt, ctid FROM r WHERE id < 3) x`
	g.tables = []string{"x"}
	cond := g.value("bool", 1+g.IntN(4))
	d.compare(g, "", "SELECT x.id, x.ip, x.n, x.bi FROM "+source+" WHERE "+cond)
}

// ambiguousCollation is ERRCODE_INDETERMINATE_COLLATION.
const ambiguousCollation = "42P22"

// answer is what became of a query.
type answer struct {
	rows  []string
	state string // SQLSTATE
	err   error
}

func (d *differential) run(sql string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	results, err := d.conn.PgConn().Exec(ctx, sql).ReadAll()
	a := answer{err: err}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		a.state = e.Code
	} else if err != nil {
		d.Fatalf("%s: %v", sql, err)
	}
	if len(results) > 0 {
		for _, row := range results[len(results)-1].Rows {
			a.rows = append(a.rows, strings.Join(texts(row), "|"))
		}
	}
	return a
}

func texts(row [][]byte) []string {
	out := make([]string, len(row))
	for i, v := range row {
		if out[i] = string(v); v == nil {
			out[i] = "NULL"
		}
	}
	return out
}

// compare asks the same of copy and foreign table: setup, statements to prepare
// (all but the last) and the query, in which TABLE stands for the table.
func (d *differential) compare(g *generator, setup string, statements ...string) {
	of := func(table string) answer {
		sql := setup
		for _, s := range statements {
			sql += "; " + strings.ReplaceAll(s, "TABLE", "public."+table)
		}
		return d.run(sql)
	}
	want, got := of("r"), of("f")
	slices.Sort(want.rows)
	slices.Sort(got.rows)
	d.count["queries"]++
	switch {
	case want.state != "" && got.state != "":
		d.count["both fail"]++
		if want.state[:2] != got.state[:2] && !(g.risky && want.state[:2] == "22") {
			d.differ(setup, statements, "fails with %v, the copy with %v", got.err, want.err)
		}
		return
	case g.risky && (want.state == "" || want.state[:2] == "22") && (got.state == "" || got.state[:2] == "22") && want.state != got.state:
		d.count["one fails"]++
		return
	case want.state == ambiguousCollation && got.state == "":
		// a value computed here goes there without its collation, so the
		// remote's parser has nothing to complain about
		d.count["only the copy fails"]++
		return
	case got.err != nil:
		d.differ(setup, statements, "fails: %v", got.err)
	case want.err != nil:
		d.differ(setup, statements, "does not fail as the copy does: %v", want.err)
	case !slices.Equal(want.rows, got.rows):
		d.differ(setup, statements, "answers %d rows, the copy %d:\n%s", len(got.rows), len(want.rows), difference(got.rows, want.rows))
	default:
		d.count["same rows"]++
	}
	d.explain(statements)
}

func (d *differential) differ(setup string, statements []string, format string, args ...any) {
	d.count["different"]++
	d.Errorf("%s; %s\n%s\n%s", setup, strings.Join(statements, "; "), fmt.Sprintf(format, args...), d.plan(statements, "f"))
}

func difference(got, want []string) string {
	var lines []string
	for _, row := range got {
		if !slices.Contains(want, row) {
			lines = append(lines, "+ "+row)
		}
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			lines = append(lines, "- "+row)
		}
	}
	return strings.Join(lines[:min(len(lines), 6)], "\n")
}

// plan is the lines of EXPLAIN that say what is done where.
func (d *differential) plan(statements []string, table string) string {
	last := len(statements) - 1
	sql := "EXPLAIN (VERBOSE, COSTS OFF) " + strings.ReplaceAll(statements[last], "TABLE", "public."+table)
	if last > 0 {
		sql = "DEALLOCATE ALL; " + strings.ReplaceAll(statements[0], "TABLE", "public."+table) + "; " + sql
	}
	var lines []string
	for _, line := range d.run(sql).rows {
		if strings.Contains(line, "Remote SQL:") || strings.Contains(line, "Filter:") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// explain counts conditions that were sent.
func (d *differential) explain(statements []string) {
	plan := d.plan(statements, "f")
	if !strings.Contains(plan, "Remote SQL:") {
		return
	}
	d.count["explained"]++
	ours := strings.Contains(plan, " WHERE ")
	if ours {
		d.count["shipped"]++
	}
	if !d.oracle {
		return
	}
	if theirs := strings.Contains(d.plan(statements, "p"), " WHERE "); theirs && !ours {
		d.count["shipped by postgres_fdw only"]++
		if testing.Verbose() && d.count["shipped by postgres_fdw only"] <= 20 {
			d.Logf("postgres_fdw sends more of: %s", strings.Join(statements, "; "))
		}
	} else if ours && !theirs {
		d.count["not shipped by postgres_fdw"]++
	}
}
