package cluster

import (
	"testing"
)

// TestNoDescriptorsLeft: when the server grants no more descriptors, a cancel is
// still an error of its statement. (A wait that needs one would raise inside the
// abort, and so on until the whole cluster restarts.)
func TestNoDescriptorsLeft(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `CREATE VIEW napping AS SELECT 1 AS id FROM pg_sleep(30); CREATE TABLE quick AS SELECT 7 AS id`)
	r.local.Exec(t, `CREATE FOREIGN TABLE napping (id int) SERVER remote; CREATE FOREIGN TABLE quick (id int) SERVER remote;
		CREATE FUNCTION take_fds() RETURNS int LANGUAGE c AS '$libdir/pgwire_fdw', 'pgwire_fdw_test_take_fds'`)
	s := open(t, r.local)
	s.want(`SELECT id FROM quick`, "7")
	s.want(`SELECT (take_fds() > 0)::text`, "true")
	for _, begin := range []string{`SELECT 1`, `BEGIN`} {
		s.must(begin)
		s.must(`SET statement_timeout = 300`)
		s.refused(`SELECT * FROM napping`, "57014")
		s.must(`ROLLBACK; SET statement_timeout = 0`)
		s.want(`SELECT id FROM quick`, "7")
	}
	noCrash(t, r.local)
}
