package cluster

import (
	"strconv"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// What a question does when it fails (flags of extension/exec/ask.h).
const (
	askTry   = "1"
	askAlone = "3" // and try
)

const askFunction = `CREATE FUNCTION ask(server text, sql text, columns int, flags int DEFAULT 0, params text[] DEFAULT '{}', rows int DEFAULT 1000)
	RETURNS text LANGUAGE c STRICT AS '$libdir/pgwire_fdw', 'pgwire_fdw_test_ask'`

// TestAsk: answers of a question outside of a scan node, and that none of its
// failures does anything to the session and its transaction.
func TestAsk(t *testing.T) {
	r := newRig(t)
	r.local.Exec(t, askFunction)
	s, watch, there := open(t, r.local), open(t, r.local), open(t, r.remote)
	s.works()
	s.must("SELECT ask('remote', 'SELECT 1', 1)")
	before := s.usage()

	s.want(`SELECT ask('remote', 'SELECT id, $1 || v, NULL, $2 IS NULL, ARRAY[n] FROM pg_catalog.unnest(ARRAY[1, 2]) k JOIN public.t ON id = k ORDER BY 1', 5, 0, '{x,NULL}')`,
		"1|xv1|(null)|t|{1}\n2|xv2|(null)|t|{2}\n")
	s.want(`SELECT ask('remote', 'SELECT 1 WHERE false', 1)`, "")
	e := s.refused(`SELECT ask('remote', 'SELECT 1/0', 1)`, "22012")
	if e.Where != "remote SQL command: SELECT 1/0" {
		t.Errorf("context %q", e.Where)
	}
	s.refused(`SELECT ask('remote', 'SELECT 1, 2', 1)`, "42804")

	for _, flags := range []string{askTry, askAlone} {
		s.want(`SELECT ask('remote', 'SELECT 1/0', 1, `+flags+`)`, "failed: 22012: division by zero")
		// the transaction goes on, with the snapshot that it had
		s.must(`BEGIN`)
		s.works()
		snapshot := s.get(`SELECT ask('remote', 'SELECT pg_catalog.pg_current_snapshot()', 1)`)
		s.want(`SELECT ask('remote', 'SELECT id, v FROM public.failing', 2, `+flags+`, '{}', 1)`, "1|0\n")
		s.want(`SELECT right(ask('remote', 'SELECT id, v FROM public.failing', 2, `+flags+`), 31)`, "failed: 22012: division by zero")
		s.want(`SELECT ask('remote', 'SELECT FROM nowhere', 0, `+flags+`)`, `failed: 42P01: relation "nowhere" does not exist`)
		s.works()
		s.want(`SELECT ask('remote', 'SELECT id FROM public.big', 1, `+flags+`, '{}', 1)`, "1\n") // the rest is not wanted
		s.works()
		s.must("SAVEPOINT a")
		s.want(`SELECT ask('remote', 'SELECT 1/0', 1, `+flags+`)`, "failed: 22012: division by zero")
		s.must("ROLLBACK TO a")
		s.works()
		// while rows of another statement are unread
		s.must(`DECLARE c CURSOR FOR SELECT * FROM big; FETCH 1 FROM c`)
		s.want(`SELECT ask('remote', 'SELECT 1/0', 1, `+flags+`)`, "failed: 22012: division by zero")
		s.must(`FETCH 1000 FROM c`)
		s.want(`SELECT ask('remote', 'SELECT pg_catalog.pg_current_snapshot()', 1)`, snapshot)
		s.want(`SELECT ask('remote', 'SELECT 1/0', 1, `+flags+`)`, "failed: 22012: division by zero")
		s.must(`COMMIT`)
		s.works()
	}

	// what was alone has left no transaction behind, not even before the commit
	s.must(`BEGIN`)
	s.want(`SELECT ask('remote', 'SELECT 1', 1, `+askAlone+`)`, "1\n")
	if n := r.remoteSessions(there, "AND state = 'idle in transaction'"); n != "0" {
		t.Errorf("%s remote transactions", n)
	}
	s.must(`COMMIT`)

	for _, flags := range []string{"0", askTry, askAlone} {
		for how, stop := range interrupts(s, watch) {
			if took := stop(`SELECT ask('remote', 'SELECT pg_catalog.pg_sleep(600)', 1, ` + flags + `)`); took > soon {
				t.Errorf("%s took %v with flags %s", how, took, flags)
			}
			pgtest.WaitUntil(t, patience, "the remote has stopped", func() bool { return r.remoteSessions(there, "AND state = 'active'") == "0" })
			s.works()
		}
	}

	// the remote process ends while it is asked
	s.want(`SELECT ask('remote', 'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())', 1, 1) LIKE '%failed: 08006: lost the connection%'`, "t")
	s.works()
	s.must(`BEGIN`)
	s.works()
	s.want(`SELECT ask('remote', 'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())', 1, 1) LIKE '%failed: 08006: lost the connection%'`, "t")
	s.refused(`SELECT count(*) FROM t`, "57P01 08006") // its transaction is gone
	s.must(`ROLLBACK`)
	s.works()

	// nobody there, or nobody to be there
	s.must(`SELECT pgwire_fdw_disconnect_all()`)
	r.via(t, "1")
	s.want(`SELECT ask('remote', 'SELECT 1', 1, 1) LIKE 'failed: 08001: could not connect to server "remote"%'`, "t")
	s.refused(`SELECT ask('remote', 'SELECT 1', 1)`, "08001")
	r.via(t, strconv.Itoa(r.remote.Port))
	s.must(`CREATE ROLE nobody; SET ROLE nobody`)
	s.want(`SELECT ask('remote', 'SELECT 1', 1, 1)`, `failed: 42704: user mapping not found for "nobody"`)
	s.must(`RESET ROLE; DROP ROLE nobody`)
	s.works()
	s.settled(before)
	noCrash(t, r.local)
}
