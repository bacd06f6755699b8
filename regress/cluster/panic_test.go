package cluster

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestPanics: a panic in any export or goroutine is an ERROR, and the session
// goes on as if nothing had been.
func TestPanics(t *testing.T) {
	r := newRig(t)
	there := open(t, r.remote)
	const query, analyze, importing = "SELECT count(*) FROM t", "ANALYZE t", "IMPORT FOREIGN SCHEMA public FROM SERVER remote INTO imported"
	statements := map[string]string{"plan": query, "conn_open": query, "dial": query, "session.connect": query, "scan_open": query,
		"scan_bind": query, "scan_next": query, "xact_pre_commit": "BEGIN; " + query + "; COMMIT", "analyze": analyze, "import": importing, "import_table": importing}
	r.local.Exec(t, "CREATE SCHEMA imported")
	for point, statement := range statements {
		t.Run(point, func(t *testing.T) {
			s := open(t, r.local)
			s.works() // a block of memory is kept from the first scan on
			s.must("SELECT pgwire_fdw_disconnect_all()")
			before := s.usage()
			s.must(fmt.Sprintf("SELECT test_fault('%s')", point))
			e := s.refused(statement, "XX000 08001")
			if !strings.Contains(e.Message+e.Detail, "injected fault in "+point) {
				t.Errorf("the error does not say where it comes from: %s", describe(e))
			}
			s.works()
			s.works()
			s.must("SELECT pgwire_fdw_disconnect_all()")
			s.settled(before)
		})
	}
	noCrash(t, r.local)
	pgtest.WaitUntil(t, patience, "no remote session is in a transaction", func() bool { return r.remoteSessions(there, "AND state <> 'idle'") == "0" })
}

// TestPanicWhenItIsTooLate: where nothing may be raised any more, the
// connections are given up, because their state is unknown.
func TestPanicWhenItIsTooLate(t *testing.T) {
	r := newRig(t)
	there := open(t, r.remote)
	alone := func(t *testing.T) {
		t.Helper()
		pgtest.WaitUntil(t, patience, "no remote session is at work", func() bool { return r.remoteSessions(there, "AND state <> 'idle'") == "0" })
	}
	t.Run("commit", func(t *testing.T) {
		s := open(t, r.local)
		s.works()
		s.must("SELECT test_fault('xact_commit')")
		s.works() // has happened before the panic
		s.works()
		s.works()
		alone(t)
	})
	t.Run("abort", func(t *testing.T) {
		s := open(t, r.local)
		s.works()
		s.must("SELECT test_fault('xact_abort')")
		s.refused("BEGIN; SELECT count(*) FROM t; SELECT 1/0", "22012")
		s.must("ROLLBACK")
		there.must("INSERT INTO t VALUES (-1, 'new', 0)")
		s.want("SELECT v FROM t WHERE id = -1", "new") // not the aborted transaction's snapshot
		there.must("DELETE FROM t WHERE id = -1")
		s.works()
		alone(t)
	})
	for _, point := range []string{"subxact_abort", "subxact_commit"} {
		t.Run(point, func(t *testing.T) {
			s := open(t, r.local)
			s.works()
			s.must(fmt.Sprintf("SELECT test_fault('%s')", point))
			s.must("BEGIN; SELECT count(*) FROM t; SAVEPOINT a; SELECT count(*) FROM t")
			if point == "subxact_abort" {
				s.must("ROLLBACK TO a")
			} else {
				s.must("RELEASE a")
			}
			s.refused("SELECT count(*) FROM t", "08006")
			s.must("ROLLBACK")
			s.works()
			s.works()
			alone(t)
		})
	}
	t.Run("cancel", func(t *testing.T) {
		s := open(t, r.local)
		s.works()
		s.must("SELECT test_fault('cancel')")
		s.refused("SET statement_timeout = '200ms'; SELECT * FROM asleep", "57014")
		s.works()
		s.works()
	})
	noCrash(t, r.local)
}

// times is how often a loop runs: all of n when PGWIRE_LONG_TESTS is set.
func times(n, short int) int {
	if os.Getenv("PGWIRE_LONG_TESTS") != "" {
		return n
	}
	return short
}

// TestErrorLoop: a great many errors, each caught where it arises, leave memory, stack and
// everything else as they were.
func TestErrorLoop(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name, body, state string
		n                 int
	}{
		{"remote errors", "PERFORM v FROM failing WHERE id = 500", "22012", times(100_000, 30_000)},
		{"bad values", "PERFORM v FROM wrong WHERE id = 1", "22P02", times(100_000, 30_000)},
		{"panics", "PERFORM test_fault('scan_open'); PERFORM v FROM t WHERE id = 1", "XX000", 100_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, r.local)
			s.must("SET client_min_messages = 'error'")
			s.must("DROP FOREIGN TABLE IF EXISTS wrong; CREATE FOREIGN TABLE wrong (id int, v int) SERVER remote OPTIONS (table_name 't')")
			loop := func(n int) string {
				return fmt.Sprintf(`DO $$ DECLARE bad int := 0; BEGIN
					PERFORM count(*) FROM t;
					FOR i IN 1..%d LOOP
						BEGIN %s; EXCEPTION WHEN OTHERS THEN
							IF SQLSTATE = '%s' THEN bad := bad + 1; ELSE RAISE; END IF;
						END;
					END LOOP;
					IF bad <> %d THEN RAISE 'only %% errors', bad; END IF; END $$`, n, c.body, c.state, n)
			}
			s.must(loop(2000)) // caches, arenas and Go's heap reach their size
			before := s.usage()
			started := time.Now()
			for done := 0; done < c.n; done += 10_000 {
				s.must(loop(10_000))
			}
			t.Logf("%d errors in %v", c.n, time.Since(started))
			s.flat(before, 8<<10)
			s.works()
		})
	}
	noCrash(t, r.local)
}

// TestPanicLoop: panics in the middle of things, each of which may cost the
// connection.
func TestPanicLoop(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	points := []string{"scan_next", "scan_bind", "plan", "xact_pre_commit", "xact_abort", "xact_commit"}
	round := func() {
		for _, point := range points {
			s.must(fmt.Sprintf("SELECT test_fault('%s')", point))
			if err := s.try("SELECT count(*) FROM t"); err != nil && state(err) != "XX000" {
				t.Fatalf("%s: %s", point, describe(err))
			}
			_ = s.try("BEGIN; SELECT count(*) FROM t; SELECT 1/0")
			s.must("ROLLBACK")
			s.works()
		}
	}
	for range 5 {
		round()
	}
	before := s.usage()
	for range times(1000, 60) {
		round()
	}
	s.flat(before, 8<<10)
	noCrash(t, r.local)
}

// TestPanicUnheard: a panic in an export that has no error to fill gives the
// connections up, is not taken for an answer, and leaves nothing behind.
func TestPanicUnheard(t *testing.T) {
	r := newRig(t)
	for point, trigger := range map[string]string{
		"scan_close":      "SELECT count(*) FROM t",
		"scan_reset":      "SELECT count(*) FROM big WHERE random() < 2",
		"conn_close":      "SELECT pgwire_fdw_disconnect_all()",
		"conn_invalidate": "CREATE SERVER another FOREIGN DATA WRAPPER pgwire_fdw",
	} {
		t.Run(point, func(t *testing.T) {
			s := open(t, r.local)
			s.works()
			s.must("SELECT pgwire_fdw_disconnect_all()")
			before := s.usage()
			s.must("BEGIN; SELECT count(*) FROM t")
			s.must(fmt.Sprintf("SELECT test_fault('%s')", point))
			s.must(trigger)
			e := s.refused("SELECT count(*) FROM t", "08006")
			if !strings.Contains(e.Message, "after an internal error") {
				t.Errorf("the error is %s", describe(e))
			}
			s.must("ROLLBACK")
			s.works()
			s.works()
			s.must("SELECT pgwire_fdw_disconnect_all()")
			s.settled(before)
		})
	}
	noCrash(t, r.local)
}
