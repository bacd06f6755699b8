package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// joined is a query that the planner asks the remote about: two tables.
const joined = `SELECT count(*) FROM t a, t b WHERE a.id = b.id AND a.n = 3`

// TestStatisticsOnce: the remote is asked once for all tables of a statement, and not
// for a statement of one table.
func TestStatisticsOnce(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `ALTER SYSTEM SET log_statement = 'all'`, `SELECT pg_reload_conf()`)
	s := open(t, r.local)
	asked := func() int { return strings.Count(r.remote.Log(t), "pg_catalog.pg_stats") }
	before := asked()
	if plan := s.get(`EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) SELECT v FROM t WHERE id = 7`); !strings.Contains(plan, `"Remote Round Trips": 1,`) {
		t.Errorf("not one round trip: %s", plan)
	}
	if n := asked() - before; n != 0 {
		t.Errorf("asked %d times about a point query", n)
	}
	s.want(joined, "100")
	s.want(`SELECT count(*) FROM t, slow WHERE t.id = slow.id AND t.id < 3 AND slow.id < 3`, "2")
	s.want(joined, "100")
	s.must(`BEGIN; ` + joined + `; SELECT v FROM t WHERE id = 8; ` + joined + `; COMMIT`)
	// t with the first; slow, a view, with the second
	if n := asked() - before; n < 1 || n > 2 {
		t.Errorf("asked %d times", n)
	}
}

// TestStatisticsRemoteAway: where the remote cannot be asked, plans are made nevertheless,
// soon, and it is not asked again for each of them.
func TestStatisticsRemoteAway(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ name, port string }{{"silent", silent(t)}, {"deaf", deaf(t)}, {"nobody", "1"}} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, r.local)
			r.via(t, c.port)
			start := time.Now()
			s.must("EXPLAIN " + joined)
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("planned in %v", d)
			}
			start = time.Now()
			for range 20 {
				s.must("EXPLAIN " + joined)
			}
			if d := time.Since(start); d > soon {
				t.Errorf("20 more plans took %v", d)
			}
		})
	}
	t.Run("cancel", func(t *testing.T) {
		r.via(t, silent(t))
		s := open(t, r.local)
		done := s.inBackground("EXPLAIN " + joined)
		time.Sleep(200 * time.Millisecond)
		if err := s.conn.PgConn().CancelRequest(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; state(err) != "57014" {
			t.Errorf("not cancelled: %v", err)
		}
	})
	t.Run("frozen", func(t *testing.T) {
		proxy := pgtest.NewProxy(t, r.remote)
		r.via(t, proxy.Port)
		s := open(t, r.local)
		s.want(`SELECT count(*) FROM t`, "1000")
		proxy.Freeze(pgtest.ToClient)
		start := time.Now()
		s.must("EXPLAIN " + joined)
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("planned in %v", d)
		}
		proxy.Thaw(pgtest.ToClient)
		s.want(joined, "100")
	})
}

// TestStatisticsRefused: that the remote does not understand the question does no harm to
// the transaction in which it was asked.
func TestStatisticsRefused(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `SET allow_system_table_mods = on; ALTER VIEW pg_catalog.pg_stats RENAME TO pg_stats_gone`)
	s := open(t, r.local)
	s.works()
	before := s.usage()
	s.must(`BEGIN; SELECT count(*) FROM t`)
	s.want(joined, "100")
	s.must(`SAVEPOINT a`)
	s.want(joined, "100")
	s.must(`ROLLBACK TO a`)
	s.want(`SELECT count(*) FROM t`, "1000")
	s.must(`COMMIT`)
	s.want(joined, "100")
	s.settled(before)
}

// TestStatisticsNonsense: whatever the remote says of its tables makes plans, and
// results stay right.
func TestStatisticsNonsense(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	for _, nonsense := range []string{
		`UPDATE pg_class SET reltuples = 'NaN', relpages = -7 WHERE relname = 't'`,
		`UPDATE pg_class SET reltuples = 'Infinity', relpages = 2147483647 WHERE relname = 't'`,
		`UPDATE pg_class SET reltuples = 1e30 WHERE relname = 't'`,
		`UPDATE pg_class SET reltuples = -1e30 WHERE relname = 't'`,
		`UPDATE pg_statistic SET stanullfrac = 'NaN', stawidth = -5, stadistinct = -1e30 WHERE starelid = 't'::regclass`,
		`UPDATE pg_statistic SET stanullfrac = 1e30, stawidth = 2000000000, stadistinct = 'Infinity' WHERE starelid = 't'::regclass`,
		`UPDATE pg_statistic SET stanumbers1 = '{NaN,1e30,-1}' WHERE starelid = 't'::regclass`,
		`UPDATE pg_statistic SET stanumbers1 = '{}' WHERE starelid = 't'::regclass`,
		`UPDATE pg_statistic SET stakind1 = 2, stakind2 = 1 WHERE starelid = 't'::regclass`,
	} {
		r.remote.Exec(t, nonsense)
		s.must(`ALTER SERVER remote OPTIONS (SET dbname 'postgres')`)
		plan := s.get("EXPLAIN (FORMAT JSON) " + joined)
		if strings.Contains(plan, "NaN") || strings.Contains(plan, "nf") {
			t.Errorf("%s: %s", nonsense, plan)
		}
		r.remote.Exec(t, `ANALYZE t`) // its own planner would stumble
		s.want(joined, "100")
	}
}
