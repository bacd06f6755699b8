package cluster

import (
	"fmt"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestAnalyzeInterrupted: ANALYZE and IMPORT FOREIGN SCHEMA of a remote that
// sleeps, computes, is frozen or goes away can be stopped, and leave nothing.
func TestAnalyzeInterrupted(t *testing.T) {
	r := newRig(t)
	s, watch, there := open(t, r.local), open(t, r.local), open(t, r.remote)
	s.works()
	s.must(`ANALYZE t`)
	before := s.usage()
	for _, sql := range []string{"ANALYZE asleep", "ANALYZE busy", "ANALYZE slow", "BEGIN; ANALYZE t; ANALYZE asleep"} {
		for how, stop := range interrupts(s, watch) {
			took := stop(sql)
			t.Logf("%s: %v: %s", how, took, sql)
			if took > soon {
				t.Errorf("%s took %v: %s", how, took, sql)
			}
			_ = s.try("ROLLBACK")
			pgtest.WaitUntil(t, patience, "the remote has stopped", func() bool { return r.remoteSessions(there, "AND state = 'active'") == "0" })
			s.works()
		}
	}
	s.want(`SELECT count(*) FROM pg_statistic WHERE starelid IN ('asleep'::regclass, 'busy'::regclass, 'slow'::regclass)`, "0")

	s.must(`CREATE SCHEMA imported; ALTER FOREIGN TABLE t OPTIONS (ADD analyze_sampling 'import')`)
	for _, sql := range []string{"ANALYZE t", "IMPORT FOREIGN SCHEMA public FROM SERVER remote INTO imported"} {
		for how, stop := range interrupts(s, watch) {
			r.remote.Freeze()
			took := stop(sql)
			t.Logf("%s with a frozen remote: %v: %s", how, took, sql)
			if took > 3*soon {
				t.Errorf("%s with a frozen remote took %v: %s", how, took, sql)
			}
			r.remote.Thaw()
			s.works()
		}
	}
	s.want(`SELECT count(*) FROM pg_class WHERE relnamespace = 'imported'::regnamespace`, "0")
	s.must(`SELECT pgwire_fdw_disconnect_all()`)
	s.works()
	s.settled(before)

	// the remote session ends in the middle
	done := s.inBackground("ANALYZE slow")
	pgtest.WaitUntil(t, patience, "it reads", func() bool { return r.remoteSessions(there, "AND state = 'active'") == "1" })
	time.Sleep(50 * time.Millisecond)
	there.must(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgwire_fdw'`)
	if got := state(<-done); !within(got, "57P01 08006") {
		t.Errorf("ANALYZE of a remote that goes away: %q", got)
	}
	s.works()
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

// TestAnalyzeMemory: neither the rows that are passed over nor a remote's
// statistics stay.
func TestAnalyzeMemory(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	s.must(`SET default_statistics_target = 10; ANALYZE big; ANALYZE t`)
	before := s.usage()
	for range 3 {
		s.must(`ANALYZE big; ANALYZE t`) // 300 000 rows of 200 bytes
	}
	s.want(`SELECT reltuples FROM pg_class WHERE oid = 'big'::regclass`, "300000")
	s.must(`ALTER FOREIGN TABLE t OPTIONS (ADD analyze_sampling 'import')`)
	s.must(`BEGIN`)
	for range 200 {
		s.must(`ANALYZE t`)
	}
	s.must(`COMMIT`)
	s.flat(before, 6<<10)
	noCrash(t, r.local)
}

// TestAnalyzeUniform: each row of a remote table is as likely as any other to
// get into a sample, by every method that draws rows.
func TestAnalyzeUniform(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	r.remote.Exec(t, `CREATE TABLE u AS SELECT g AS id FROM generate_series(0, 99999) g`, `ANALYZE u`)
	s.must(`CREATE FOREIGN TABLE u (id int) SERVER remote; ALTER FOREIGN TABLE u ALTER id SET STATISTICS 10; ALTER FOREIGN TABLE u OPTIONS (ADD analyze_sampling 'off')`)
	for _, method := range []string{"off", "random", "bernoulli"} {
		s.must(fmt.Sprintf(`ALTER FOREIGN TABLE u OPTIONS (SET analyze_sampling '%s'); ANALYZE u`, method))
		// 3000 rows in ten classes: each bound stands where its tenths of the rows are
		// below it, with a standard deviation of 0.9 % at most
		for i := 1; i <= 11; i++ {
			at := s.get(fmt.Sprintf(`SELECT round(abs((histogram_bounds::text::int[])[%d] - %d) / 1000.0) FROM pg_stats WHERE tablename = 'u'`, i, (i-1)*10000))
			if at > "5" || len(at) > 1 {
				t.Errorf("%s: bound %d is off by %s %%", method, i, at)
			}
		}
		s.want(`SELECT abs(reltuples - 100000) < 1 FROM pg_class WHERE oid = 'u'::regclass`, "t")
	}
}
