package cluster

import (
	"strings"
	"testing"
)

// TestStopsWithoutCancel: what is left early as a matter of course is not
// cancelled, so that the remote's log has no errors and no time is lost.
func TestStopsWithoutCancel(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `CREATE TABLE large AS SELECT * FROM big WHERE id <= 100000`,
		`ALTER DATABASE postgres SET synchronize_seqscans = off`) // else scans that stop begin anywhere
	r.local.Exec(t, `ALTER FOREIGN TABLE big OPTIONS (ADD table_name 'large')`)
	s := open(t, r.local)
	s.must(`CREATE TABLE few AS SELECT g AS id FROM generate_series(1, 5) g`)
	s.must(`CREATE FUNCTION first_big() RETURNS int LANGUAGE plpgsql AS 'DECLARE a record; BEGIN FOR a IN SELECT * FROM big LOOP RETURN a.id; END LOOP; END'`)
	s.must(`SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off`)
	s.works()
	before := s.usage()
	for _, q := range []struct{ sql, want string }{
		{"SELECT id FROM big LIMIT 1", "1"},
		{"SELECT id FROM big OFFSET 2000 LIMIT 1", "2001"},
		{"SELECT id FROM big WHERE id + random() > 5000 LIMIT 1", "5000"},
		{"SELECT id FROM big WHERE length(pad) + random() > 3 LIMIT (SELECT 7)", "1"},
		{"SELECT EXISTS (SELECT FROM big)", "t"},
		{"SELECT EXISTS (SELECT FROM big WHERE id + random() > 30000)", "t"},
		{"SELECT count(*) FROM few WHERE EXISTS (SELECT FROM big WHERE big.id > few.id)", "5"},
		{"SELECT count(*) FROM few WHERE NOT EXISTS (SELECT FROM big WHERE big.id + random() > few.id)", "0"},
		{"SELECT count(*) FROM few WHERE id IN (SELECT big.id FROM big WHERE big.id >= few.id OFFSET 0)", "5"},
		{"SELECT count(*) FROM few WHERE 5 > ALL (SELECT big.id FROM big WHERE big.id >= few.id OFFSET 0)", "0"},
		{"SELECT big.id FROM few JOIN big ON big.id > few.id - random() LIMIT 1", "1"},
		{"SELECT big.id FROM big, few WHERE big.id > few.id LIMIT 1", "2"},
		{"SELECT b FROM few, LATERAL (SELECT id AS b FROM big WHERE id >= few.id LIMIT 3) l LIMIT 1", "1"},
		{"WITH w AS MATERIALIZED (SELECT id FROM big) SELECT id FROM w LIMIT 1", "1"},
		{"SELECT first_big()", "1"},
		{"DECLARE c CURSOR FOR SELECT id FROM big; FETCH 1 c", "1"},
		{"DECLARE c CURSOR FOR SELECT id, pad FROM big; MOVE 20000 c; FETCH 1 c", "20001"},
	} {
		if !strings.HasPrefix(q.sql, "DECLARE") {
			s.want(q.sql, q.want)
		}
		s.must("BEGIN")
		for range 2 {
			s.want(q.sql, q.want)
			if strings.HasPrefix(q.sql, "DECLARE") {
				s.must("CLOSE c")
			}
			s.works()
		}
		s.want(q.sql, q.want)
		s.must("COMMIT")
		s.works()
	}
	s.settled(before)
	for _, line := range strings.Split(r.remote.Log(t), "\n") {
		if strings.Contains(line, "canceling statement") {
			t.Error(line)
		}
	}
	noCrash(t, r.local)
	noCrash(t, r.remote)
}
