package cluster

import (
	"fmt"
	"strings"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// manyRows is a local table that the planner reads in parallel, and what makes
// it do so.
const manyRows = `
	CREATE TABLE many AS SELECT g AS id, repeat('x', 50) AS pad FROM generate_series(1, 20000) g;
	ALTER TABLE many SET (parallel_workers = 2);
	ANALYZE many;
	CREATE FUNCTION mypid() RETURNS int LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_backend_pid()';
	CREATE FUNCTION there(i int) RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS
		$$ BEGIN RETURN (SELECT v FROM t WHERE id = i); END $$`

const parallel = `SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off`

// TestParallelWorkers: Go starts in a worker that needs it, and only there.
func TestParallelWorkers(t *testing.T) {
	r := newRig(t, "max_worker_processes = 16", "max_parallel_workers = 8")
	r.local.Exec(t, manyRows)
	there := open(t, r.remote)
	s := open(t, r.local)
	s.must(parallel)
	s.works()
	before := s.usage()

	const query = "SELECT count(*) FILTER (WHERE there(1 + id % 1000) IS DISTINCT FROM 'v' || 1 + id % 1000) || ' ' || count(DISTINCT mypid()) " +
		"FROM many WHERE id % 50 = 0"
	for range 3 {
		got := s.get(query)
		if wrong, pids, _ := strings.Cut(got, " "); wrong != "0" || pids == "0" {
			t.Errorf("%s wrong values by %s processes", wrong, pids)
		}
	}
	if plan := s.get("EXPLAIN (FORMAT JSON) " + query); !strings.Contains(plan, `"Gather`) {
		t.Fatalf("the query is not parallel:\n%s", plan)
	}
	pgtest.WaitUntil(t, patience, "the workers' remote sessions have ended", func() bool { return r.remoteSessions(there, "") == "1" })

	// a worker that has no use for Go does not load it, whatever its leader has done
	s.want("SELECT count(*) FROM many WHERE test_counters() = ''", "20000")
	s.want("SELECT count(*) || ' ' || sum(id) FROM many", "20000 200010000")
	s.works()
	s.settled(before)
	noCrash(t, r.local)
}

// TestErrorInParallelWorker: an error and a cancel while workers wait for the
// remote.
func TestErrorInParallelWorker(t *testing.T) {
	r := newRig(t, "max_worker_processes = 16")
	r.local.Exec(t, manyRows, `CREATE FUNCTION fails(i int) RETURNS int LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS
		$$ BEGIN RETURN (SELECT v FROM failing WHERE id = i); END $$`,
		`CREATE FUNCTION sleeps() RETURNS int LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS
		$$ BEGIN RETURN (SELECT id FROM asleep); END $$`)
	there := open(t, r.remote)
	s := open(t, r.local)
	s.must(parallel)
	for range 3 {
		s.refused("SELECT count(fails(id)) FROM many WHERE id = 500", "22012")
		s.refused("SET statement_timeout = '300ms'; SELECT count(sleeps()) FROM many", "57014")
		s.works()
		pgtest.WaitUntil(t, patience, "the workers' remote sessions have ended", func() bool { return r.remoteSessions(there, "") == "1" })
	}
	noCrash(t, r.local)
}

// TestBackgroundWorker: the apply worker of logical replication is a background
// worker without a client; a trigger in it reads a foreign table.
func TestBackgroundWorker(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE TABLE events (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE events")
	r.local.Exec(t, `CREATE TABLE events (id int PRIMARY KEY); CREATE TABLE seen (id int, v text, pid int);
		CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN
			BEGIN PERFORM sum(v) FROM public.failing; EXCEPTION WHEN division_by_zero THEN NULL; END;
			INSERT INTO public.seen SELECT NEW.id, t.v, pg_backend_pid() FROM public.t WHERE t.id = NEW.id;
			RETURN NEW;
		END $$;
		CREATE TRIGGER look AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION look();
		ALTER TABLE events ENABLE ALWAYS TRIGGER look`,
		fmt.Sprintf("CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=%d user=postgres password=postgres dbname=postgres' PUBLICATION p WITH (copy_data = false)", r.remote.Port))
	r.remote.Exec(t, "INSERT INTO events SELECT generate_series(1, 100)")
	s := open(t, r.local)
	pgtest.WaitUntil(t, patience, "the changes have arrived", func() bool { return s.get("SELECT count(*) FROM seen") == "100" })
	s.want("SELECT count(*) || ' ' || count(DISTINCT pid) FROM seen WHERE v = 'v' || id", "100 1")
	s.must("ALTER SUBSCRIPTION s DISABLE")
	pgtest.WaitUntil(t, patience, "the worker has ended", func() bool {
		return s.get("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'logical replication worker'") == "0"
	})
	noCrash(t, r.local)
}
