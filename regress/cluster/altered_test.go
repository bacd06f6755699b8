package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// alteredQueries are prepared with generic plans: a scan, a join, an aggregate,
// a whole query, and one whose parts are joined here.
var alteredQueries = []string{
	"SELECT id, v FROM a WHERE n > 3 ORDER BY id",
	"SELECT a.id, b.v FROM a JOIN b ON a.id = b.id WHERE a.n = 2 ORDER BY a.id",
	"SELECT n, count(*), max(v) FROM a GROUP BY n ORDER BY n",
	"WITH w AS (SELECT n, sum(id) AS s FROM a GROUP BY n) SELECT w.n, w.s, (SELECT min(b.v) FROM b WHERE b.n = w.n) FROM w WHERE w.s > 10 ORDER BY w.n",
	"SELECT a.id, c.n FROM a JOIN (SELECT b.id, b.n FROM b LIMIT 1000) c ON a.id = c.id ORDER BY a.id LIMIT 3",
}

// TestAlteredRemote: a remote table is not what it was when the statement was
// planned: that is an error that says so, or the right rows; and once it is again, the
// statement works. Nothing is left behind.
func TestAlteredRemote(t *testing.T) {
	remote, local := pgtest.Start(t, pgtest.Options{Name: "remote"}), pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	remote.Exec(t, `CREATE ROLE limited LOGIN PASSWORD 'limited'`,
		`CREATE TABLE a (id int PRIMARY KEY, n int, v text); INSERT INTO a SELECT g, g % 5, 'v' || g FROM generate_series(1, 60) g;
		CREATE TABLE b (LIKE a); INSERT INTO b SELECT id, n, v || 'b' FROM a WHERE id % 3 = 0; GRANT SELECT ON a, b TO limited; ANALYZE`)
	pgtest.Link(t, local, remote, "remote")
	local.Exec(t, "ALTER USER MAPPING FOR CURRENT_USER SERVER remote OPTIONS (SET user 'limited', SET password 'limited')", testFunctions,
		"CREATE FOREIGN TABLE a (id int, n int, v text) SERVER remote; CREATE FOREIGN TABLE b (id int, n int, v text) SERVER remote")
	s := open(t, local)
	s.must("SET plan_cache_mode = force_generic_plan")
	var want []string
	for i, sql := range alteredQueries {
		s.must(fmt.Sprintf("PREPARE q%d AS %s", i, sql))
		want = append(want, s.rows(fmt.Sprintf("EXECUTE q%d", i)))
		if !strings.Contains(want[i], "\n") {
			t.Fatalf("%s: %q is little to compare", sql, want[i])
		}
	}
	before := s.usage()
	for _, c := range []struct{ name, do, undo, states string }{
		{"dropped", "ALTER TABLE a RENAME TO gone", "ALTER TABLE gone RENAME TO a", "42P01"},
		{"without a column", "ALTER TABLE a RENAME n TO m", "ALTER TABLE a RENAME m TO n", "42703"},
		{"without privilege", "REVOKE SELECT ON a FROM limited", "GRANT SELECT ON a TO limited", "42501"},
		{"of other types", "ALTER TABLE a ALTER id TYPE numeric, ALTER v TYPE varchar(50), ALTER n TYPE numeric(5,0)", "ALTER TABLE a ALTER id TYPE int, ALTER v TYPE text, ALTER n TYPE int", ""},
		{"of wider types", "ALTER TABLE a ALTER id TYPE bigint, ALTER n TYPE bigint", "ALTER TABLE a ALTER id TYPE int, ALTER n TYPE int", ""},
		{"with a column more", "ALTER TABLE a ADD x int DEFAULT 5", "ALTER TABLE a DROP x", ""},
		{"with values that do not fit", "ALTER TABLE a ALTER n TYPE text USING 'x' || n", "ALTER TABLE a ALTER n TYPE int USING substr(n, 2)::int", "22P02 42883 42804"},
		{"a view that fails", "ALTER TABLE a RENAME TO gone; CREATE VIEW a AS SELECT id, n / (id - id) AS n, v FROM gone; GRANT SELECT ON a TO limited", "DROP VIEW a; ALTER TABLE gone RENAME TO a", "22012"},
	} {
		remote.Exec(t, c.do)
		failed := 0
		for i := range alteredQueries {
			got, err := s.tryRows(fmt.Sprintf("EXECUTE q%d", i))
			switch {
			case err == nil && sortedLines(got) != sortedLines(want[i]):
				t.Errorf("%s: %s\n%q, want %q", c.name, alteredQueries[i], got, want[i])
			case err != nil && !within(state(err), c.states):
				t.Errorf("%s: %s\n%s", c.name, alteredQueries[i], describe(err))
			case err != nil:
				failed++
			}
		}
		if c.states != "" && failed == 0 {
			t.Errorf("%s: nothing fails", c.name)
		}
		remote.Exec(t, c.undo)
		for i := range alteredQueries {
			if got := s.rows(fmt.Sprintf("EXECUTE q%d", i)); got != want[i] {
				t.Errorf("after %s: %s\n%q, want %q", c.name, alteredQueries[i], got, want[i])
			}
		}
	}
	s.settled(before)
	noCrash(t, local)
}

// tryRows runs a query and returns its rows as lines. What has become outdated
// on the remote may fail once.
func (s *session) tryRows(sql string) (string, error) {
	results, err := s.conn.PgConn().Exec(s.Context(), sql).ReadAll()
	if state(err) == "0A000" {
		// a statement that the remote had prepared now has other columns; it is
		// sent again, unless it was not the first in its transaction
		results, err = s.conn.PgConn().Exec(s.Context(), sql).ReadAll()
	}
	if err != nil {
		return "", err
	}
	var lines []string
	for _, row := range results[len(results)-1].Rows {
		lines = append(lines, strings.Join(texts(row), "|"))
	}
	return strings.Join(lines, "\n"), nil
}

func (s *session) rows(sql string) string {
	s.Helper()
	rows, err := s.tryRows(sql)
	if err != nil {
		s.Fatalf("%s: %s", sql, describe(err))
	}
	return rows
}

func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
