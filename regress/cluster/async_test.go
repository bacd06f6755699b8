package cluster

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// asyncRemote: eight parts of 500 rows, views of which each waits until n
// sessions do, and one that takes 50 ms.
const asyncRemote = `
	CREATE FUNCTION meet(n int) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE until timestamptz := clock_timestamp() + interval '30 s';
	BEGIN
		PERFORM pg_advisory_xact_lock_shared(77);
		WHILE (SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77) < n LOOP
			IF clock_timestamp() > until THEN RAISE EXCEPTION 'nobody else has come'; END IF;
			PERFORM pg_sleep(0.002);
		END LOOP;
		RETURN n;
	END $$;
	DO $$ BEGIN FOR i IN 1..8 LOOP
		EXECUTE format('CREATE TABLE part%1$s AS SELECT %1$s AS p, g AS id, 100 AS money, repeat(''x'', 40) AS pad FROM generate_series(1, 500) g;
			ALTER TABLE part%1$s ADD PRIMARY KEY (id);
			CREATE VIEW meet%1$s AS SELECT %1$s AS p, meet(8) AS n;
			CREATE VIEW nap%1$s AS SELECT %1$s AS p, pg_sleep(0.05)::text AS n', i);
	END LOOP; END $$`

// parted makes partitioned tables over the eight parts, round robin on servers.
func parted(t *testing.T, r rig, servers ...string) {
	t.Helper()
	script := `CREATE TABLE part (p int, id int, money int, pad text) PARTITION BY LIST (p);
		CREATE FUNCTION here(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';
		CREATE TABLE meet (p int, n int) PARTITION BY LIST (p);
		CREATE TABLE nap (p int, n text) PARTITION BY LIST (p);`
	for i := range 8 {
		for _, name := range []string{"part", "meet", "nap"} {
			script += fmt.Sprintf("CREATE FOREIGN TABLE %[1]s%[2]d PARTITION OF %[1]s FOR VALUES IN (%[2]d) SERVER %[3]s;",
				name, i+1, servers[i%len(servers)])
		}
	}
	r.local.Exec(t, script)
}

// whole is a query that reads all rows of the parts and makes nothing of them there.
const whole = "SELECT count(*) || ' ' || sum(money) FROM part WHERE here(id) > 0"

const wholeAnswer = "4000 400000"

// TestAsyncMeet: the children run at the same time, on one server as on four. Were
// one of them to wait for another to end, none would ever.
func TestAsyncMeet(t *testing.T) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := newRig(t)
			r.remote.Exec(t, asyncRemote)
			names := []string{"far1", "far2", "far3", "far4"}[:n]
			for _, name := range names {
				pgtest.Link(t, r.local, r.remote, name, "async_capable 'true'")
			}
			parted(t, r, names...)
			s, there := open(t, r.local), open(t, r.remote)
			s.must("SET pgwire_fdw.ship_queries = off")
			s.want("SELECT count(*) FROM nap1", "1")
			s.must("SELECT pgwire_fdw_disconnect_all()")
			before := s.usage()
			s.want("SELECT sum(n) FROM meet WHERE here(n) > 0", "64")
			s.want("BEGIN; SAVEPOINT a; SELECT sum(n) FROM meet WHERE here(n) > 0", "64")
			s.must("ROLLBACK TO a; COMMIT")
			s.want(r.sessionsOf(), "8")
			var best time.Duration
			for range 5 {
				start := time.Now()
				s.want("SELECT count(*) FROM nap WHERE here(p) > 0", "8")
				if took := time.Since(start); best == 0 || took < best {
					best = took
				}
			}
			t.Logf("8 times 50 ms: %v", best)
			s.must("SELECT pgwire_fdw_disconnect_all()")
			s.settled(before)
			pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
			noCrash(t, r.local)
		})
	}
}

func (r rig) sessionsOf() string { return "SELECT count(*) FROM pgwire_fdw_get_connections()" }

// asyncRig is a rig with the parts on one server, reached through a proxy.
func asyncRig(t *testing.T) (rig, *pgtest.Proxy) {
	t.Helper()
	r := newRig(t)
	r.remote.Exec(t, asyncRemote)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	r.local.Exec(t, "ALTER SERVER remote OPTIONS (async_capable 'true')")
	parted(t, r, "remote")
	return r, p
}

// TestAsyncMoney: while money moves between the parts, every reading finds all of
// it, whichever connections it uses.
func TestAsyncMoney(t *testing.T) {
	r, _ := asyncRig(t)
	writer := open(t, r.remote)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := writer.try(fmt.Sprintf(`BEGIN; UPDATE part%d SET money = money - 7 WHERE id = %d; UPDATE part%d SET money = money + 7 WHERE id = %d; COMMIT`,
				1+i%8, 1+i%500, 1+(i*3+1)%8, 1+(i*7)%500)); err != nil {
				done <- err
				return
			}
		}
	}()
	s := open(t, r.local)
	s.must("SET pgwire_fdw.ship_queries = off")
	for i := range times(10000, 150) {
		switch i % 5 {
		case 3: // of one transaction they are all the same
			s.must("BEGIN")
			first := s.get("SELECT string_agg(m::text, ' ' ORDER BY m) FROM (SELECT sum(money) AS m FROM part WHERE here(id) > 0 GROUP BY p) x")
			s.must("SAVEPOINT a")
			s.want("SELECT string_agg(m::text, ' ' ORDER BY m) FROM (SELECT sum(money) AS m FROM part WHERE here(id) > 0 GROUP BY p) x", first)
			s.want(whole, wholeAnswer)
			s.must("ROLLBACK TO a")
			s.want("SELECT string_agg(m::text, ' ' ORDER BY m) FROM (SELECT sum(money) AS m FROM part WHERE here(id) > 0 GROUP BY p) x", first)
			s.must("COMMIT")
		case 4: // and a scan beside the Append sees what that sees
			s.want("SELECT (SELECT sum(money) FROM part1) - sum(money) FILTER (WHERE p = 1) FROM part WHERE here(id) > 0", "0")
		default:
			s.want(whole, wholeAnswer)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(describe(err))
	}
	noCrash(t, r.local)
}

// TestAsyncCut breaks the connections at random places: an error that names the
// server or all rows, and nothing is left.
func TestAsyncCut(t *testing.T) {
	r, p := asyncRig(t)
	s, there := open(t, r.local), open(t, r.remote)
	s.must("SET pgwire_fdw.ship_queries = off")
	s.want(whole, wholeAnswer)
	s.must("SELECT pgwire_fdw_disconnect_all()")
	before := s.usage()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	failed := map[string]int{}
	for i := range times(1000, 80) {
		if i%3 == 0 {
			s.must("SELECT pgwire_fdw_disconnect_all()")
		}
		dir, fault := pgtest.Direction(i%2), pgtest.Fault(i/2%2)
		p.FaultAfter(dir, int64(1+rnd.Intn(map[pgtest.Direction]int{pgtest.ToClient: 300_000, pgtest.ToServer: 8000}[dir])), fault)
		v, err := s.value(whole)
		p.Calm()
		switch {
		case err == nil && v != wholeAnswer:
			t.Fatalf("round %d: %q", i, v)
		case err != nil && !strings.Contains(lossOf, state(err)):
			t.Fatalf("round %d: %s", i, describe(err))
		}
		failed[state(err)]++
		s.want(whole, wholeAnswer)
	}
	t.Logf("outcomes: %v", failed)
	s.must("SELECT pgwire_fdw_disconnect_all()")
	s.settled(before)
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
}

// TestAsyncStops: children that do not answer, or are ended there, while others do.
func TestAsyncStops(t *testing.T) {
	r, p := asyncRig(t)
	r.local.Exec(t, "CREATE FOREIGN TABLE rows8 (p int, id int, money int, pad text) SERVER remote OPTIONS (table_name 'part8')")
	s, there := open(t, r.local), open(t, r.remote)
	s.must("SET pgwire_fdw.ship_queries = off")
	s.want(whole, wholeAnswer)
	s.must("SELECT pgwire_fdw_disconnect_all()") // how many there are depends on how quick they are made
	before := s.usage()
	mixed := "SELECT count(*) FROM (SELECT id FROM asleep UNION ALL SELECT id FROM part1 UNION ALL SELECT id FROM part2) x WHERE here(id) > 0"

	s.must("SET statement_timeout = '300ms'")
	start := time.Now()
	s.refused(mixed, "57014")
	if took := time.Since(start); took > 300*time.Millisecond+2*soon {
		t.Errorf("a cancel took %v", took)
	}
	s.must("RESET statement_timeout")
	s.want(whole, wholeAnswer)

	done := s.inBackground(mixed)
	pgtest.WaitUntil(t, patience, "a child sleeps", func() bool {
		return r.remoteSessions(there, "AND state = 'active' AND query ~ 'asleep'") == "1"
	})
	there.must("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgwire_fdw' AND state = 'active' AND query ~ 'asleep'")
	if err := <-done; !within(state(err), "57P01 08006") {
		t.Errorf("a child's session was ended: %v", describe(err))
	}
	s.want(whole, wholeAnswer)

	// the network stands still
	p.Freeze(pgtest.ToClient)
	s.must("SET statement_timeout = '300ms'")
	start = time.Now()
	s.refused(whole, "57014")
	if took := time.Since(start); took > 300*time.Millisecond+2*soon {
		t.Errorf("a cancel took %v", took)
	}
	p.Thaw(pgtest.ToClient)
	s.must("RESET statement_timeout")
	s.want(whole, wholeAnswer)

	// left early, with children at work
	s.want("SELECT count(*) FROM (SELECT 1 FROM big UNION ALL SELECT 1 FROM big UNION ALL SELECT 1 FROM part1 LIMIT 10) x", "10")
	s.must("BEGIN; DECLARE c CURSOR FOR SELECT id FROM part WHERE here(id) > 0; FETCH 5 FROM c; COMMIT")
	s.want(whole, wholeAnswer)
	s.must("SELECT pgwire_fdw_disconnect_all()")
	s.settled(before)
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
}

// TestAsyncFewConnections: the remote takes no more than two of its user's.
func TestAsyncFewConnections(t *testing.T) {
	r, _ := asyncRig(t)
	r.remote.Exec(t, "CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 2; GRANT SELECT ON ALL TABLES IN SCHEMA public TO few")
	r.local.Exec(t, "ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'few', SET password 'few')")
	s := open(t, r.local)
	s.must("SET pgwire_fdw.ship_queries = off")
	for range 5 {
		s.want(whole, wholeAnswer)
	}
	if n := s.get(r.sessionsOf()); n != "1" && n != "2" {
		t.Errorf("%s sessions", n)
	}
	noCrash(t, r.local)
}
