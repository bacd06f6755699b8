package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestTransactionsAtRandom runs the same random transactions through foreign
// tables and where the tables are: each statement answers the same, and what is
// written there at the end is the same, savepoints, failures, rests that nobody
// reads and locks in between.
func TestTransactionsAtRandom(t *testing.T) {
	r := newRig(t)
	schema := func(name string) []string {
		return []string{"CREATE SCHEMA " + name,
			"CREATE TABLE " + name + ".written (n int)",
			fmt.Sprintf(`CREATE FUNCTION %[1]s.write() RETURNS int LANGUAGE sql AS $$ INSERT INTO %[1]s.written SELECT count(*) + 1 FROM %[1]s.written RETURNING n $$`, name),
			fmt.Sprintf("CREATE VIEW %[1]s.writer AS SELECT %[1]s.write() AS n", name),
			fmt.Sprintf("CREATE VIEW %[1]s.failing AS SELECT %[1]s.write() / 0 AS n", name)}
	}
	r.remote.Exec(t, append(schema("direct"), schema("far")...)...)
	r.remote.Exec(t, "CREATE VIEW direct.big AS SELECT * FROM public.big", "CREATE TABLE direct.t AS SELECT * FROM public.t")
	r.local.Exec(t, "CREATE SCHEMA far",
		"CREATE FOREIGN TABLE far.writer (n int) SERVER remote", "CREATE FOREIGN TABLE far.failing (n int) SERVER remote",
		"CREATE FOREIGN TABLE far.written (n int) SERVER remote",
		"CREATE FOREIGN TABLE far.t (id int, v text, n int) SERVER remote OPTIONS (schema_name 'public', fetch_size '7')",
		"CREATE FOREIGN TABLE far.big (id int, pad text) SERVER remote OPTIONS (schema_name 'public')",
		"ALTER SERVER remote OPTIONS (ADD lazy_commit 'false')")
	far, direct, there := open(t, r.local), open(t, r.remote), open(t, r.remote)
	far.must("SET search_path = far, public")
	direct.must("SET search_path = direct, public")
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	isolation := []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}
	committed := 0
	for i := range times(1000, 80) {
		script := append([]string{"BEGIN ISOLATION LEVEL " + isolation[rnd.Intn(3)]}, randomTransaction(rnd)...)
		for j, sql := range script {
			got, want := far.answer(sql), direct.answer(sql)
			if got != want {
				t.Fatalf("transaction %d: %s: %s, want %s", i, strings.Join(script[:j+1], "; "), got, want)
			}
			if sql == "COMMIT" && got == "COMMIT\n" {
				committed++
			}
		}
		if got, want := there.get("SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM far.written"),
			there.get("SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM direct.written"); got != want {
			t.Fatalf("transaction %d: %s: written %s, want %s", i, strings.Join(script, "; "), got, want)
		}
	}
	if committed < 30 {
		t.Errorf("only %d transactions have committed", committed)
	}
	if n := there.get("SELECT count(*) FROM far.written"); n == "0" {
		t.Error("nothing was written")
	}
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

// randomTransaction makes the statements of a transaction that mostly gets to its
// end: what fails does so behind a savepoint, more often than not.
func randomTransaction(rnd *rand.Rand) (script []string) {
	plain := []string{
		"SELECT n FROM writer", "SELECT n FROM writer", "SELECT n FROM writer",
		"SELECT count(*) FROM written",
		"SELECT id FROM big LIMIT 1",
		"SELECT EXISTS (SELECT FROM big WHERE length(pad) > 10)",
		"SELECT id FROM t WHERE id = 7 FOR UPDATE",
		"SELECT count(*) FROM (SELECT id FROM t LIMIT 10 FOR UPDATE) x",
		"DO $$ DECLARE r record; BEGIN FOR r IN SELECT id, pad FROM big LOOP EXIT WHEN r.id > 3; END LOOP; END $$",
		"DO $$ BEGIN PERFORM n FROM failing; EXCEPTION WHEN division_by_zero THEN PERFORM n FROM writer; END $$",
		"DO $$ DECLARE r record; BEGIN FOR r IN SELECT id, pad FROM big LOOP IF r.id > 3 THEN RAISE SQLSTATE 'ZZ001'; END IF; END LOOP; EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL; END $$",
	}
	cursors := map[string]string{"c": "SELECT id FROM t", "d": "SELECT id FROM big", "l": "SELECT id FROM t FOR SHARE"}
	type level struct {
		name string
		open map[string]bool // cursors
	}
	levels := []level{{open: map[string]bool{}}}
	for range 3 + rnd.Intn(12) {
		top := &levels[len(levels)-1]
		cursor := string("cdl"[rnd.Intn(3)])
		switch n := rnd.Intn(20); {
		case n < 8:
			script = append(script, plain[rnd.Intn(len(plain))])
		case n < 11 && !top.open[cursor]:
			top.open[cursor] = true
			// the remote portal is made, and goes with, where the first row is asked for
			script = append(script, "DECLARE "+cursor+" CURSOR FOR "+cursors[cursor], "FETCH 1 FROM "+cursor)
		case n < 13 && top.open[cursor]:
			script = append(script, fmt.Sprintf("FETCH %d FROM %s", 1+rnd.Intn(20), cursor))
		case n == 13 && top.open[cursor]:
			delete(top.open, cursor)
			script = append(script, "CLOSE "+cursor)
		case n < 16 && len(levels) < 4:
			name := string("xyz"[len(levels)-1])
			levels = append(levels, level{name, maps.Clone(top.open)})
			script = append(script, "SAVEPOINT "+name)
		case n < 18 && len(levels) > 1:
			if rnd.Intn(2) == 0 {
				script = append(script, "SELECT n FROM failing")
			}
			at := 1 + rnd.Intn(len(levels)-1)
			closed := func(name string, _ bool) bool { return !top.open[name] }
			levels = levels[:at+1]
			levels[at].open = maps.Clone(levels[at-1].open)
			maps.DeleteFunc(levels[at].open, closed)
			script = append(script, "ROLLBACK TO "+levels[at].name)
		case n == 18 && len(levels) > 1:
			script = append(script, "RELEASE "+top.name)
			levels[len(levels)-2].open = top.open
			levels = levels[:len(levels)-1]
		case n == 19 && rnd.Intn(20) == 0:
			script = append(script, "SELECT n FROM failing")
		}
	}
	return append(script, []string{"COMMIT", "COMMIT", "COMMIT", "ROLLBACK"}[rnd.Intn(4)])
}

// answer is what the client sees of a statement: tags and values, or the SQLSTATE.
func (s *session) answer(sql string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	results, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	} else if err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintln(&b, r.CommandTag)
		for _, row := range r.Rows {
			for _, v := range row {
				fmt.Fprintf(&b, "%s\t", v)
			}
			fmt.Fprintln(&b)
		}
	}
	return b.String()
}
