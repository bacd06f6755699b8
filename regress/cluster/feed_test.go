package cluster

import (
	"fmt"
	"strings"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

const slots = "SELECT coalesce(string_agg(slot_name, ' ' ORDER BY slot_name), '') FROM pg_replication_slots"

// TestFeedLife: feeds and their slots come and go together.
func TestFeedLife(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE PUBLICATION p FOR TABLE t")
	s, there := open(t, r.local), open(t, r.remote)

	lsn := s.get("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	there.want("SELECT '"+lsn+"' = confirmed_flush_lsn AND plugin = 'pgoutput' FROM pg_replication_slots WHERE slot_name = 'f'", "t")
	s.want("SELECT position::text || ' ' || slot || ' ' || publications::text || ' ' || owner::text FROM pgwire_fdw_feed", lsn+" f {p} postgres")
	there.want("SELECT system_identifier = "+s.get("SELECT system_id FROM pgwire_fdw_feed")+" FROM pg_control_system()", "t")

	// names
	s.refused("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')", "42710")
	if e := s.refused("SELECT pgwire_fdw_feed_create('remote', 'g', '{p}', slot => 'f')", "42710"); e.Hint == "" {
		t.Errorf("no hint: %v", describe(e))
	}
	if e := s.refused("SELECT pgwire_fdw_feed_create('remote', 'g', '{p,nope,\"None\"}')", "42704"); !strings.Contains(e.Message, `nope, "None"`) {
		t.Errorf("%v", describe(e))
	}

	// a drop that is rolled back, as a whole or in part, keeps both
	s.must("BEGIN; SELECT pgwire_fdw_feed_drop('remote', 'f'); ROLLBACK")
	s.must("BEGIN; SAVEPOINT a; SELECT pgwire_fdw_feed_drop('remote', 'f'); ROLLBACK TO a; COMMIT")
	s.want("SELECT count(*) FROM pgwire_fdw_feed", "1")
	there.want(slots, "f")

	// one that is released goes
	s.must("BEGIN; SAVEPOINT a; SELECT pgwire_fdw_feed_drop('remote', 'f'); RELEASE a")
	there.want(slots, "f")
	s.must("COMMIT")
	s.want("SELECT count(*) FROM pgwire_fdw_feed", "0")
	there.want(slots, "")

	// a creation that is rolled back, as a whole or in part, leaves no slot
	gone := func() bool { return there.get(slots) == "" }
	s.must("BEGIN; SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	there.want(slots, "f")
	s.must("ROLLBACK")
	pgtest.WaitUntil(t, patience, "the slot has gone", gone)
	s.must("BEGIN; SAVEPOINT a; SELECT pgwire_fdw_feed_create('remote', 'f', '{p}'); ROLLBACK TO a; COMMIT")
	pgtest.WaitUntil(t, patience, "the slot has gone", gone)
	s.refused("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}'), 1 / (length(v) - length(v)) FROM t LIMIT 1", "22012")
	pgtest.WaitUntil(t, patience, "the slot has gone", gone)
	s.want("SELECT count(*) FROM pgwire_fdw_feed", "0")

	// what has gone on the remote is no reason to keep the feed
	s.must("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}', 'other')")
	there.want(slots, "other")
	there.must("SELECT pg_drop_replication_slot('other')")
	s.must("SELECT pgwire_fdw_feed_drop('remote', 'f')")
	s.want("SELECT count(*) FROM pgwire_fdw_feed", "0")
	noCrash(t, r.local)
}

// TestFeedPrerequisites: what the remote lacks is said, with what to do.
func TestFeedPrerequisites(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE PUBLICATION p FOR TABLE t", "CREATE ROLE plain LOGIN PASSWORD 'plain'; GRANT SELECT ON t TO plain")
	s, there := open(t, r.local), open(t, r.remote)
	s.must("ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'plain', SET password 'plain')")
	if e := s.refused("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')", "42501"); !strings.Contains(e.Hint, "REPLICATION") {
		t.Errorf("%v", describe(e))
	}
	there.must("ALTER ROLE plain REPLICATION")
	s.must("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	s.must("SELECT pgwire_fdw_feed_drop('remote', 'f')")

	_ = there.conn.Close(t.Context())
	r.remote.Down(t, pgtest.Fast)
	if err := r.remote.AppendConf("wal_level = replica"); err != nil {
		t.Fatal(err)
	}
	r.remote.Up(t)
	if e := s.refused("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')", "55000"); !strings.Contains(e.Hint, "wal_level = logical") {
		t.Errorf("%v", describe(e))
	}
	s.want("SELECT count(*) FROM pgwire_fdw_feed", "0")
	noCrash(t, r.local)
}

// feedTables are a feed f of the remote table t, and what shows it.
const feedTables = `
	CREATE FOREIGN TABLE changes (id int, v text, n int, op "char" OPTIONS (feed 'op'), lsn pg_lsn OPTIONS (feed 'lsn'))
		SERVER remote OPTIONS (feed 'f', schema_name 'public', table_name 't');
	CREATE TABLE copy (id int, v text, n int)`

// TestFeedAdvance: what is read is consumed by whoever commits that it is, and by
// nobody else.
func TestFeedAdvance(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE PUBLICATION p FOR TABLE t")
	s, there := open(t, r.local), open(t, r.remote)
	s.must("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	s.must(feedTables)
	const count, read = "SELECT count(*) FROM copy", "INSERT INTO copy SELECT id, v, n FROM changes"
	const advance = "SELECT pgwire_fdw_feed_advance('remote', 'f')"
	start := s.get("SELECT position FROM pgwire_fdw_feed")
	s.want(advance, start) // nothing was read

	there.must("INSERT INTO t VALUES (2001, 'a', 1); INSERT INTO t VALUES (2002, 'b', 1)")
	s.must("BEGIN; " + read + "; " + advance + "; ROLLBACK")
	s.must("BEGIN; SAVEPOINT a; " + read + "; ROLLBACK TO a; " + advance + "; COMMIT")
	s.want("SELECT position = '"+start+"' FROM pgwire_fdw_feed", "t")
	s.must(read) // without advance it is read again
	s.must("BEGIN; " + read + "; " + advance + "; COMMIT")
	s.want(count, "4")
	s.must("BEGIN; " + read + "; " + advance + "; COMMIT")
	s.want(count, "4")
	s.want("SELECT rows FROM pgwire_fdw_feed", "2")

	// part of it: by a row's lsn
	there.must("INSERT INTO t VALUES (2003, 'a', 1)")
	there.must("INSERT INTO t VALUES (2004, 'b', 1)")
	there.must("INSERT INTO t VALUES (2005, 'c', 1)")
	s.must("BEGIN")
	lsn := s.get("SELECT lsn FROM changes WHERE id = 2004")
	all := s.get("SELECT max(lsn) FROM changes")
	for upto, why := range map[string]string{"'" + start + "'": "backwards", "'" + lsn + "'::pg_lsn + 1": "not the place of a commit",
		"'" + all + "'::pg_lsn + 1000000": "not been read"} {
		s.must("SAVEPOINT a")
		if e := s.refused("SELECT pgwire_fdw_feed_advance('remote', 'f', "+upto+")", "22023"); !strings.Contains(e.Message, why) || e.Hint == "" {
			t.Errorf("%s: %s", upto, describe(e))
		}
		s.must("ROLLBACK TO a")
	}
	s.must("SELECT pgwire_fdw_feed_advance('remote', 'f', '" + lsn + "')")
	s.want("SELECT string_agg(id::text, ' ') FROM changes", "2005")
	s.must("COMMIT")
	s.want("SELECT string_agg(id::text, ' ') FROM changes", "2005")

	// as told, whatever has been read
	s.must("SELECT pgwire_fdw_feed_advance('remote', 'f', '" + all + "'::pg_lsn + 1, force => true)")
	s.want("SELECT count(*) FROM changes", "0")
	s.refused("SELECT pgwire_fdw_feed_advance('remote', 'f', '"+start+"')", "22023")

	// what is read is counted once, however often the position moves
	before := s.get("SELECT rows FROM pgwire_fdw_feed")
	there.must("INSERT INTO t VALUES (2006, 'a', 1)")
	there.must("INSERT INTO t VALUES (2007, 'b', 1)")
	s.must("BEGIN; SELECT count(*) FROM changes")
	s.must("SELECT pgwire_fdw_feed_advance('remote', 'f', (SELECT min(lsn) FROM changes))")
	s.must("SELECT count(*) FROM changes; " + advance + "; COMMIT")
	s.want("SELECT rows - "+before+" FROM pgwire_fdw_feed", "5")

	// who has read it may drop it, with its command
	there.must("INSERT INTO t VALUES (2008, 'b', 1)")
	s.must("SELECT pgwire_fdw_feed_start('remote', 'f', 'SELECT 1', '24 hours')")
	s.must("BEGIN; SELECT count(*) FROM changes; SELECT pgwire_fdw_feed_drop('remote', 'f'); COMMIT")
	s.want("SELECT count(*) FROM pgwire_fdw_feed_job", "0")
	there.want(slots, "")
	noCrash(t, r.local)
}

// TestFeedTwo: two sessions that consume one feed wait for each other, or one is told.
func TestFeedTwo(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE PUBLICATION p FOR TABLE t")
	s, there := open(t, r.local), open(t, r.remote)
	s.must("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	s.must(feedTables)
	s.must("CREATE FOREIGN TABLE changes_nowait (id int, op text OPTIONS (feed 'op')) SERVER remote OPTIONS (feed 'f', table_name 't', schema_name 'public', feed_lock 'nowait')")
	there.must("INSERT INTO t SELECT g, 'x', 1 FROM generate_series(3001, 3100) g")
	const consume = "INSERT INTO copy SELECT id, v, n FROM changes; SELECT pgwire_fdw_feed_advance('remote', 'f')"
	other := open(t, r.local)
	kept := open(t, r.local)
	kept.must("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")

	s.must("BEGIN; " + consume)
	done := other.inBackground("BEGIN; " + consume + "; COMMIT")
	pgtest.WaitUntil(t, patience, "the other waits", func() bool {
		return s.get(fmt.Sprintf("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %d", other.pid)) == "1"
	})
	nowait := open(t, r.local)
	nowait.refused("SELECT count(*) FROM changes_nowait", "55P03")
	s.must("COMMIT")
	if err := <-done; err != nil {
		t.Fatal(describe(err))
	}
	s.want("SELECT count(*) || ' ' || count(DISTINCT id) FROM copy", "100 100")

	// who sees the copy as it was must not read on from where it is
	kept.refused(consume, "40001")
	noCrash(t, r.local)
}
