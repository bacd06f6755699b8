package cluster

import (
	"strings"
	"testing"
)

// readsFeed makes a table t2 on the remote, a feed of it, and a feed table here.
func readsFeed(t *testing.T, r rig) (s, there *session) {
	t.Helper()
	r.remote.Exec(t, "CREATE TABLE t2 (id int PRIMARY KEY, v text)", "CREATE PUBLICATION p FOR TABLE t2")
	s, there = open(t, r.local), open(t, r.remote)
	s.must("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	s.must(`CREATE FOREIGN TABLE changes (id int, v text, op "char" OPTIONS (feed 'op'), lsn pg_lsn OPTIONS (feed 'lsn'))
		SERVER remote OPTIONS (feed 'f', schema_name 'public', table_name 't2')`)
	return s, there
}

const manyChanges = "INSERT INTO t2 SELECT g, repeat('x', 100) FROM generate_series(1, 200000) g"

// TestFeedCut: a walsender that ends in the middle is an error; the next read has everything.
func TestFeedCut(t *testing.T) {
	r := newRig(t)
	s, there := readsFeed(t, r)
	there.must(manyChanges)
	s.must("BEGIN; DECLARE c CURSOR FOR SELECT id FROM changes; FETCH 1 FROM c")
	there.want("SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots WHERE slot_name = 'f'", "1")
	if e := s.refused("FETCH ALL FROM c", "08006 57P01"); e.Message == "" {
		t.Errorf("%v", describe(e))
	}
	s.must("ROLLBACK")
	s.want("SELECT count(DISTINCT id) || ' ' || count(*) FROM changes", "200000 200000")
	noCrash(t, r.local)
}

// TestFeedInUse: a slot that somebody else reads is an error with a hint, after a moment in which it could have been let go of.
func TestFeedInUse(t *testing.T) {
	r := newRig(t)
	s, there := readsFeed(t, r)
	there.must(manyChanges)
	s.must("INSERT INTO pgwire_fdw_feed SELECT server, 'g', slot, publications, owner, system_id, position, NULL, 0, 0 FROM pgwire_fdw_feed")
	s.must("CREATE FOREIGN TABLE same_slot (id int) SERVER remote OPTIONS (feed 'g', schema_name 'public', table_name 't2')")
	s.must("BEGIN; DECLARE c CURSOR FOR SELECT id FROM changes; FETCH 1 FROM c")
	other := open(t, r.local)
	if e := other.refused("SELECT count(*) FROM same_slot", "55006"); e.Hint == "" || !strings.Contains(e.Message, "active") {
		t.Errorf("%v", describe(e))
	}
	s.must("COMMIT")
	other.want("SELECT count(*) FROM same_slot", "200000")
	noCrash(t, r.local)
}

// TestFeedPrivilege: a role that may not replicate hears what it lacks.
func TestFeedPrivilege(t *testing.T) {
	r := newRig(t)
	s, there := readsFeed(t, r)
	there.must("CREATE ROLE plain LOGIN PASSWORD 'plain'")
	s.must("ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'plain', SET password 'plain')")
	if e := s.refused("SELECT count(*) FROM changes", "08001"); !strings.Contains(e.Hint, "REPLICATION") {
		t.Errorf("%v", describe(e))
	}
	there.must("ALTER ROLE plain REPLICATION")
	s.want("SELECT count(*) FROM changes", "0")
}
