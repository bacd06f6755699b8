package cluster

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// heldThere counts what a session of ours holds on the remote, asked through
// the session itself: open portals and prepared statements.
func heldThere(s *session) (portals, statements int) {
	s.Helper()
	portals, _ = strconv.Atoi(s.get("SELECT n FROM cursors"))
	statements, _ = strconv.Atoi(s.get("SELECT n FROM statements"))
	return portals, statements
}

// maxStatements bounds the prepared statements of a connection.
const maxStatements = 128

func newSoakRig(t *testing.T) rig {
	t.Helper()
	r := newRig(t)
	r.remote.Exec(t, "CREATE VIEW cursors AS SELECT count(*) AS n FROM pg_cursors WHERE name <> ''",
		"CREATE VIEW statements AS SELECT count(*) AS n FROM pg_prepared_statements")
	r.local.Exec(t, "CREATE FOREIGN TABLE cursors (n int) SERVER remote", "CREATE FOREIGN TABLE statements (n int) SERVER remote")
	return r
}

func (s *session) checkRemote() {
	s.Helper()
	if portals, statements := heldThere(s); portals != 0 || statements > maxStatements {
		s.Errorf("the remote session has %d cursors and %d prepared statements", portals, statements)
	}
}

// TestRescans: a great many executions of a scan in one query, read to the end
// and abandoned, cost no more memory than a few.
func TestRescans(t *testing.T) {
	r := newSoakRig(t)
	there := open(t, r.remote)
	n := times(1_000_000, 100_000)
	for name, c := range map[string]struct {
		sql string
		n   int
	}{
		"by key":    {"SELECT count(x.v) FROM generate_series(1, %d) g, LATERAL (SELECT v FROM t WHERE id = 1 + g %% 1000 OFFSET 0) x", n},
		"abandoned": {"SELECT count(x.v) FROM generate_series(1, %d) g, LATERAL (SELECT v FROM t WHERE n = g %% 10 LIMIT 1) x", n / 10},
		"exists":    {"SELECT count(*) FROM generate_series(1, %d) g WHERE EXISTS (SELECT FROM t WHERE id = 1 + g %% 1000 OFFSET 0)", n / 10},
		"errors":    {"SELECT count(x.v) FROM generate_series(1, %d) g, LATERAL (SELECT v FROM t WHERE id = 1 + g %% 1000 AND v <> repeat('y', g %% 50) OFFSET 0) x", n / 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, r.local)
			s.must("SET client_min_messages = 'error'")
			s.want(fmt.Sprintf(c.sql, 3000), "3000")
			before := s.usage()
			started := time.Now()
			for done := 0; done < c.n; done += 50_000 { // a run stays below the limit of patience
				part := min(50_000, c.n-done)
				s.want(fmt.Sprintf(c.sql, part), strconv.Itoa(part))
			}
			t.Logf("%d executions in %v", c.n, time.Since(started))
			s.flat(before, 8<<10)
			s.checkRemote()
			_ = s.conn.Close(t.Context())
		})
	}
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
}

// TestManyQueries: ten thousand queries in one session, of more kinds than it
// remembers statements for.
func TestManyQueries(t *testing.T) {
	r := newSoakRig(t)
	s := open(t, r.local)
	s.must("PREPARE p(int) AS SELECT v FROM t WHERE id = $1")
	query := func(i int) {
		t.Helper()
		id := 1 + i%1000
		switch i % 10 {
		case 0:
			s.want(fmt.Sprintf("SELECT v FROM t WHERE id = %d", id), fmt.Sprint("v", id)) // a text of its own
		case 1:
			s.want("SELECT count(*) FROM t", "1000")
		case 2:
			s.want(fmt.Sprintf("BEGIN; SAVEPOINT a; SELECT count(*) FROM t; ROLLBACK TO a; SELECT v FROM t WHERE id = %d; COMMIT; SELECT 7", id), "7")
		case 3:
			s.want(fmt.Sprintf("SELECT count(*) FROM (SELECT * FROM t WHERE n <> %d LIMIT 3) x", i%7), "3")
		case 4:
			s.want("BEGIN; DECLARE c CURSOR FOR SELECT * FROM t; FETCH 3 FROM c; SELECT count(*) FROM t; COMMIT; SELECT 7", "7")
		case 5:
			s.refused(fmt.Sprintf("SELECT v FROM failing WHERE id BETWEEN %d AND 500", min(id, 500)), "22012")
		default:
			s.want(fmt.Sprintf("EXECUTE p(%d)", id), fmt.Sprint("v", id))
		}
	}
	for i := range 2000 {
		query(i)
	}
	// the same texts in a row become prepared statements, the oldest making room
	for k := range 3 * maxStatements {
		for range 3 {
			s.want(fmt.Sprintf("SELECT v FROM t WHERE id = %d", 1+k), fmt.Sprint("v", 1+k))
		}
	}
	if _, statements := heldThere(s); statements < maxStatements/2 || statements > maxStatements {
		t.Errorf("%d prepared statements on the remote", statements)
	}
	before := s.usage()
	started := time.Now()
	for i := range 10_000 {
		query(i)
	}
	t.Logf("10000 queries in %v", time.Since(started))
	s.flat(before, 8<<10)
	s.checkRemote()
	noCrash(t, r.local)
}
