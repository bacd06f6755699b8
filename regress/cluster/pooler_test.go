package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgwire_fdw/regress/cluster/pgtest"
)

// poolerTables are read through the pooler as p.*, directly as public.*. The two
// columns v and w have one type, so that a statement run in another's place is
// not found out by it.
const poolerTables = `
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TABLE facts (id int PRIMARY KEY, v text, w text, code varchar(20), n numeric, f float8, at timestamptz, ts timestamp,
		d date, i interval, b bytea, a text[], e mood, j jsonb, q int);
	INSERT INTO facts SELECT g, 'v' || g, 'w' || g, 'c' || g, g / 7.0, g / 3.0, '2026-01-31 22:00+00'::timestamptz + g * interval '1 day 3 hours',
		'2026-01-02 03:04:05'::timestamp + g * interval '1 minute', '2026-02-01'::date + g, g * interval '1 day 1 hour' - interval '1 month',
		decode(lpad(to_hex(g), 6, '0'), 'hex'), ARRAY['a\b', NULL, 'NULL', g::text], CASE WHEN g % 2 = 0 THEN 'sad' ELSE 'happy' END::mood,
		jsonb_build_object('g', g), g % 10 FROM generate_series(1, 2000) g;
	ANALYZE facts`

// poolerLocal makes the foreign tables; columns i, f, at, b and q have other
// types than the remote's, so these values are read from the remote's text.
const poolerLocal = `
	CREATE FOREIGN TABLE %[1]s.facts (id int, v text, w text, code varchar(20), n numeric, f text, at text, ts timestamp,
		d text, i text, b text, a text[], e public.mood, j jsonb, q text) SERVER %[2]s;
	CREATE FOREIGN TABLE %[1]s.typed (id int, f float8, at timestamptz, d date, i interval, b bytea, a text[]) SERVER %[2]s OPTIONS (schema_name 'public', table_name 'facts');
	CREATE FOREIGN TABLE %[1]s.big (id int, pad text) SERVER %[2]s OPTIONS (schema_name 'public', table_name 'big')`

// hostileDefaults are what a session of the remote starts with when nobody asks
// for anything.
const hostileDefaults = `
	ALTER DATABASE postgres SET search_path = "$user", public;
	ALTER DATABASE postgres SET DateStyle = 'SQL, DMY';
	ALTER DATABASE postgres SET IntervalStyle = 'iso_8601';
	ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo';
	ALTER DATABASE postgres SET extra_float_digits = -5;
	ALTER DATABASE postgres SET array_nulls = off;
	ALTER DATABASE postgres SET bytea_output = 'escape';
	ALTER DATABASE postgres SET standard_conforming_strings = off`

// ignoring makes PgBouncer take the parameters that it cannot pass on.
const ignoring = "ignore_startup_parameters = extra_float_digits, search_path, IntervalStyle, array_nulls, bytea_output, options"

type poolerKind struct {
	name string
	pgtest.PoolerOptions
	pooled string // the server's option, "" for its default
	since  [2]int // version of PgBouncer that has it
}

// poolerKinds are the ways a pooler is set up. DateStyle, TimeZone and
// client_encoding it always passes on; without "ignoring" it refuses the rest.
var poolerKinds = []poolerKind{
	{name: "transaction", PoolerOptions: pgtest.PoolerOptions{Mode: "transaction", Conf: []string{ignoring}}},
	{name: "transaction_refusing", PoolerOptions: pgtest.PoolerOptions{Mode: "transaction"}},
	{name: "session", PoolerOptions: pgtest.PoolerOptions{Mode: "session", Size: 12, Conf: []string{ignoring}}},
	{name: "session_refusing", PoolerOptions: pgtest.PoolerOptions{Mode: "session", Size: 12}},
	{name: "transaction_told", pooled: "true", PoolerOptions: pgtest.PoolerOptions{Mode: "transaction"}},
	{name: "session_told", pooled: "false", PoolerOptions: pgtest.PoolerOptions{Mode: "session", Size: 12}},
	{name: "transaction_unprepared", since: [2]int{1, 21},
		PoolerOptions: pgtest.PoolerOptions{Mode: "transaction", Conf: []string{ignoring, "max_prepared_statements = 0"}}},
	{name: "transaction_prepared", pooled: "false", since: [2]int{1, 21},
		PoolerOptions: pgtest.PoolerOptions{Mode: "transaction", Conf: []string{ignoring, "max_prepared_statements = 50"}}},
}

// poolerRig is a rig whose remote is also reached through a pooler, as the
// server "pooled", by the tables of schema p.
func poolerRig(t *testing.T) rig {
	pgtest.PoolerVersion(t)
	r := newRig(t, "max_connections = 60")
	r.remote.Exec(t, poolerTables, hostileDefaults)
	pgtest.Link(t, r.local, r.remote, "pooled")
	r.local.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE SCHEMA p; DROP FOREIGN TABLE big",
		fmt.Sprintf(poolerLocal, "public", "remote"), fmt.Sprintf(poolerLocal, "p", "pooled"),
		`ALTER FOREIGN TABLE p.facts OPTIONS (schema_name 'public')`)
	return r
}

// pool puts a new pooler in front of the remote.
func (r rig) pool(t *testing.T, o pgtest.PoolerOptions) *pgtest.Pooler {
	t.Helper()
	p := pgtest.StartPooler(t, r.remote, o)
	r.local.Exec(t, fmt.Sprintf("ALTER SERVER pooled OPTIONS (SET port '%s')", p.Port))
	return p
}

// readSuite are reads whose answers must not depend on how the remote is
// reached. A script's statements are separated by semicolons; its answer is the
// rows of all of them, or the SQLSTATE at which it ended.
//
// The first ofSettings of them depend on settings, the others on how results
// are left and transactions go.
var readSuite = []string{
	`SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM facts x`,
	`SELECT md5(string_agg(x::text, '' ORDER BY id)) FROM typed x`,
	`SELECT * FROM facts WHERE id = 77`,
	`SELECT * FROM typed WHERE id = 77`,
	`SELECT id FROM facts WHERE code = 'c500'`,
	`SELECT id FROM facts WHERE v LIKE 'v199%' ORDER BY id`,
	`SELECT id FROM typed WHERE at = '2026-03-01 01:00+00' OR d = '2026-02-11' ORDER BY id`,
	`SELECT id FROM typed WHERE i < '3 days' ORDER BY id`,
	`SELECT id FROM typed WHERE b = '\x000017' OR a = ARRAY['a\b', NULL, 'NULL', '5'] OR f = 1 / 3.0::float8 ORDER BY id`,
	`SELECT id FROM facts WHERE a = '{"a\\b",NULL,"NULL",8}' ORDER BY id`,
	`SELECT id FROM facts WHERE e = 'sad' AND j = '{"g": 12}'`,
	`SELECT x.id, y.w FROM facts x JOIN facts y ON y.id = x.id + 1 WHERE x.id < 20 ORDER BY 1`,
	`SELECT EXISTS (SELECT FROM big WHERE id > 5), (SELECT id FROM facts ORDER BY id LIMIT 1)`,
	`SELECT count(*) FROM (SELECT * FROM big LIMIT 10) x`,
	`BEGIN; SELECT v FROM facts WHERE id = 1; SELECT w FROM facts WHERE id = 2; SELECT v FROM facts WHERE id = 3; COMMIT`,
	`BEGIN; SELECT v FROM facts WHERE id = 4; SAVEPOINT a; SELECT w FROM facts WHERE id = 5; ROLLBACK TO a; SELECT at FROM facts WHERE id = 6; RELEASE a; COMMIT`,
	`BEGIN; SAVEPOINT a; SELECT at FROM facts WHERE id = 5; ROLLBACK TO a; SELECT at, i, b, f FROM facts WHERE id = 6; COMMIT`,
	`BEGIN; SELECT v FROM facts WHERE id = 1; SAVEPOINT a; SELECT n / (id - 7) FROM facts WHERE id BETWEEN 6 AND 8; ROLLBACK TO a; SELECT v FROM facts WHERE id = 2; COMMIT`,
	`BEGIN; DECLARE c CURSOR FOR SELECT id, at FROM facts ORDER BY id; FETCH 3 FROM c; SELECT v FROM facts WHERE id = 9; FETCH 2 FROM c; CLOSE c; COMMIT`,
	`BEGIN; DECLARE c CURSOR FOR SELECT id, length(pad) FROM big; FETCH 2 FROM c; SELECT i FROM facts WHERE id = 9; COMMIT; SELECT i FROM facts WHERE id = 10`,
	`BEGIN; SELECT id, d FROM facts WHERE id = 11 FOR UPDATE; SELECT v FROM facts WHERE id = 12; COMMIT`,
	`BEGIN; SELECT id, d FROM facts WHERE id < 250 ORDER BY id FOR SHARE; ROLLBACK`,
	`BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT f FROM facts WHERE id = 13; SELECT f FROM facts WHERE id = 14; COMMIT`,
	`SELECT 1 / (id - 3) FROM facts WHERE id = 3`,
	`PREPARE q(int) AS SELECT v FROM facts WHERE id = $1; EXECUTE q(1); EXECUTE q(2); EXECUTE q(3); EXECUTE q(4); EXECUTE q(5); EXECUTE q(6); EXECUTE q(7); DEALLOCATE q`,
}

const ofSettings = 11

// TestPooler reads the same directly and through a pooler.
func TestPooler(t *testing.T) {
	r := poolerRig(t)
	version := pgtest.PoolerVersion(t)
	for _, kind := range poolerKinds {
		t.Run(kind.name, func(t *testing.T) {
			if version[0] < kind.since[0] || version[0] == kind.since[0] && version[1] < kind.since[1] {
				t.Skipf("PgBouncer %v knows no prepared statements", version)
			}
			r.pool(t, kind.PoolerOptions)
			if kind.pooled != "" {
				r.local.Exec(t, fmt.Sprintf("ALTER SERVER pooled OPTIONS (ADD pooled '%s')", kind.pooled))
				defer r.local.Exec(t, "ALTER SERVER pooled OPTIONS (DROP pooled)")
			}
			direct, pooled := open(t, r.local), open(t, r.local)
			pooled.must("SET search_path = p, public")
			for round := range 2 {
				for _, script := range readSuite {
					want, got := direct.transcript(script), pooled.transcript(script)
					if got != want {
						t.Errorf("round %d: %s\n through the pooler: %s\n directly: %s", round, script, got, want)
					}
				}
			}
			oneRoundTrip(pooled)
			t.Run("clients", func(t *testing.T) { r.crowd(t, 8, 400) })
			t.Run("left_behind", func(t *testing.T) { r.nothingLeft(t) })
		})
	}
}

// oneRoundTrip checks that a query by key is sent and answered at once, whatever
// has to go with it.
func oneRoundTrip(s *session) {
	s.Helper()
	for range 3 {
		plan := s.transcript("EXPLAIN (ANALYZE, COSTS off) SELECT v FROM facts WHERE id = 4")
		if !strings.Contains(plan, " round trips=1 ") {
			s.Errorf("not one round trip: %s", plan)
		}
	}
}

// transcript runs a script and returns what it answers.
func (s *session) transcript(script string) string {
	s.Helper()
	var out strings.Builder
	defer s.must("ROLLBACK")
	for _, sql := range strings.Split(script, "; ") {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		results, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
		cancel()
		for _, result := range results {
			for _, row := range result.Rows {
				fmt.Fprintf(&out, "%s\n", strings.Join(textOf(row), "|"))
			}
		}
		if err != nil {
			fmt.Fprintf(&out, "%s\n", state(err))
			if !strings.Contains(script, "ROLLBACK TO") {
				break
			}
		}
	}
	return out.String()
}

func textOf(row [][]byte) []string {
	fields := make([]string, len(row))
	for i, v := range row {
		fields[i] = "NULL"
		if v != nil {
			fields[i] = string(v)
		}
	}
	return fields
}

// crowd runs n clients at the same time, each with statements of its own, and
// checks every answer.
func (r rig) crowd(t *testing.T, n, rounds int) {
	var wg sync.WaitGroup
	failures := make([]string, n)
	for i := range n {
		conn := r.local.Connect(t)
		wg.Add(1)
		go func() {
			defer wg.Done()
			failures[i] = reader(conn, i, rounds)
		}()
	}
	wg.Wait()
	for i, failure := range failures {
		if failure != "" {
			t.Errorf("client %d: %s", i, failure)
		}
	}
}

// reader asks for one value by key again and again, by itself and in
// transactions, and counts what goes wrong.
func reader(conn *pgx.Conn, i, rounds int) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	column := string("vw"[i%2])
	one := fmt.Sprintf("SELECT %s FROM p.facts WHERE id = $1", column)
	two := fmt.Sprintf("SELECT %s, at FROM p.facts WHERE id = $1", column)
	wrong, failed, first := 0, map[string]int{}, ""
	note := func(key int, got string, err error) {
		want := fmt.Sprintf("%s%d", column, key)
		switch {
		case err != nil:
			failed[state(err)]++
		case got != want:
			wrong++
		default:
			return
		}
		if first == "" {
			first = fmt.Sprintf("asked for %s, got %q, %v", want, got, err)
		}
	}
	for k := range rounds {
		key := (k*37+i*101)%2000 + 1
		var got, at string
		err := conn.QueryRow(ctx, one, key).Scan(&got)
		note(key, got, err)
		if k%4 > 0 {
			continue
		}
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err.Error()
		}
		for range 2 {
			got = ""
			if err = tx.QueryRow(ctx, two, key).Scan(&got, &at); err != nil {
				note(key, got, err)
				break
			}
			note(key, got, nil)
			key = key%2000 + 1
		}
		_ = tx.Rollback(ctx)
	}
	if wrong == 0 && len(failed) == 0 {
		return ""
	}
	return fmt.Sprintf("%d wrong answers, errors %v; the first: %s", wrong, failed, first)
}

// nothingLeft looks at the remote's sessions for what would meet the pooler's
// next client.
func (r rig) nothingLeft(t *testing.T) {
	t.Helper()
	s := open(t, r.remote)
	s.want(`SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.pid <> pg_backend_pid()
		AND a.datname = current_database() AND (l.locktype = 'advisory' OR a.state LIKE 'idle in%')`, "0")
	s.want("SELECT count(*) FROM pg_class WHERE relpersistence = 't'", "0")
}

// TestPoolerSharesNothing has one session of the remote for two clients of the
// pooler: what the one leaves does not change what the other reads.
func TestPoolerSharesNothing(t *testing.T) {
	r := poolerRig(t)
	p := r.pool(t, pgtest.PoolerOptions{Mode: "transaction", Size: 1, Conf: []string{ignoring}})
	r.remote.Exec(t, `CREATE SCHEMA evil; CREATE FUNCTION evil.eq(varchar, varchar) RETURNS bool LANGUAGE sql AS 'SELECT true';
		CREATE OPERATOR evil.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = evil.eq)`)
	other := &session{T: t, conn: p.Connect(t)}
	direct, pooled := open(t, r.local), open(t, r.local)
	pooled.must("SET search_path = p, public")
	// PgBouncer itself sets what it passes on
	look := `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE source = 'session'
		AND name NOT IN ('client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'application_name')`
	for _, leave := range []string{"SELECT 1", "SET search_path = evil, pg_catalog, public", "SET DateStyle = German",
		"SET IntervalStyle = sql_standard", "SET extra_float_digits = -10", "SET bytea_output = escape", "SET array_nulls = off",
		"SET standard_conforming_strings = off", "CREATE TEMP TABLE facts AS SELECT 1 AS id", "CREATE DOMAIN pg_temp.mood AS int"} {
		other.must(leave)
		before := other.get("SELECT coalesce((" + look + "), '')")
		for _, script := range readSuite[:ofSettings] {
			want, got := direct.transcript(script), pooled.transcript(script)
			if got != want {
				t.Errorf("after %s: %s\n through the pooler: %s\n directly: %s", leave, script, got, want)
			}
		}
		other.want("SELECT coalesce(("+look+"), '')", before)
		other.want("SELECT count(*) FROM pg_prepared_statements", "0")
		other.want("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()", "0")
	}
}

// TestPoolerCapture: an operator in schema public, where a remote user may
// create, is not called in place of the built-in one.
func TestPoolerCapture(t *testing.T) {
	r := poolerRig(t)
	r.remote.Exec(t, `CREATE TABLE names (id int, name varchar); INSERT INTO names SELECT g, 'n' || g FROM generate_series(1, 100000) g;
		CREATE TABLE called (n int);
		CREATE FUNCTION public.eq(varchar, varchar) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO called VALUES (1); RETURN true; END';
		CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.eq)`)
	r.local.Exec(t, `CREATE FOREIGN TABLE p.names (id int, name varchar) SERVER pooled OPTIONS (schema_name 'public')`)
	for _, conf := range [][]string{{ignoring}, nil} {
		for _, mode := range []string{"transaction", "session"} {
			r.pool(t, pgtest.PoolerOptions{Mode: mode, Conf: conf})
			s := open(t, r.local)
			for range 3 {
				s.want("SELECT count(*) FROM p.names WHERE name = 'n4711'", "1")
			}
			s.must("BEGIN")
			s.want("SELECT count(*) FROM p.names WHERE name = 'n4711'", "1")
			s.want("SELECT count(*) FROM p.names WHERE name = 'n4712'", "1")
			s.must("COMMIT")
		}
	}
	rs := open(t, r.remote)
	rs.want("SELECT count(*) FROM called", "0")
}
