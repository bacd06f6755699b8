package cluster

import (
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
