package cluster

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// lossOf are the SQLSTATEs of a connection that fails: 08006 in use, 08001
// while connecting, 08P01 when what came was not the protocol.
const lossOf = "08006 08001 08P01"

// TestCutAtEveryByte breaks the connection at random places in both directions, from the
// first byte of the handshake to the last of a result: an error that names the
// server, or the right answer, and then a session that works.
func TestCutAtEveryByte(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	s, there := open(t, r.local), open(t, r.remote)
	s.works()
	s.must("SELECT pgwire_fdw_disconnect_all()")
	before := s.usage()
	queries := mixed[:6]
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	failed := map[string]int{}
	for i := range times(2000, 180) {
		q := queries[i%len(queries)]
		dir, fault := pgtest.Direction(i/6%2), pgtest.Fault(i/12%2)
		if i%3 == 0 {
			s.must("SELECT pgwire_fdw_disconnect_all()") // so that it hits the handshake
		}
		from, toClient := 1500, dir == pgtest.ToClient
		if i%2 == 0 && toClient {
			from = 50_000
		}
		if i%3 != 0 && !toClient {
			from = 400
		}
		p.FaultAfter(dir, int64(1+rnd.Intn(from)), fault)
		v, err := s.value(q.sql)
		armed := p.Calm()
		switch {
		case err == nil && v != q.want:
			t.Fatalf("round %d: %s: %q, want %q", i, q.sql, v, q.want)
		case err == nil:
			failed["none"]++
		case !strings.Contains(lossOf, state(err)):
			t.Fatalf("round %d: %s: %s", i, q.sql, describe(err))
		case armed:
			t.Fatalf("round %d: %s: nothing was cut, and yet %s", i, q.sql, describe(err))
		default:
			if !strings.Contains(describe(err), `"remote"`) {
				t.Errorf("round %d: the error does not name the server: %s", i, describe(err))
			}
			failed[state(err)]++
		}
		v, again := s.value(q.sql)
		if err == nil && !armed && state(again) == "08006" {
			// It was cut behind all that the statement needed, which this session may have
			// seen only after it had sent the next; and one that is its own transaction is
			// not sent twice.
			v, again = s.value(q.sql)
		}
		if again != nil || v != q.want {
			t.Fatalf("round %d, afterwards: %s: %q %v, want %q", i, q.sql, v, again, q.want)
		}
	}
	t.Logf("outcomes: %v", failed)
	if failed["08006"] == 0 || failed["08001"] == 0 {
		t.Errorf("the faults did not hit both the handshake and what comes after: %v", failed)
	}
	s.must("SELECT pgwire_fdw_disconnect_all()")
	s.flat(before, 16<<10)
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
}

// TestGarbage replaces a piece of the server's answer by noise. What is noise
// inside a value may be a wrong value of text, which no client can notice; so
// only queries whose values are checked by their type are asked, and a
// right answer or an error is wanted.
func TestGarbage(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	s := open(t, r.local)
	s.works()
	before := s.usage()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	states := map[string]int{}
	rounds := times(400, 40)
	for i := range rounds {
		if i%2 == 0 {
			s.must("SELECT pgwire_fdw_disconnect_all()")
		}
		p.FaultAfter(pgtest.ToClient, int64(1+rnd.Intn(3000)), pgtest.Garble)
		s.must("SET statement_timeout = '500ms'") // a wrong length is waited for, as any server may be slow
		_, err := s.value("SELECT count(*) FROM t WHERE n < 5")
		s.must("RESET statement_timeout")
		p.Calm()
		if err != nil && strings.HasPrefix(err.Error(), "hangs") {
			t.Fatal(err)
		}
		states[state(err)]++
		_, _ = s.value("SELECT count(*) FROM t") // may hear of it only now
		s.must("SELECT pgwire_fdw_disconnect_all()")
		s.works()
	}
	t.Logf("SQLSTATEs: %v", states)
	if states[""] == rounds {
		t.Error("no garbage was noticed")
	}
	s.settled(before)
	noCrash(t, r.local)
}

// TestFreezeAndLoseMidway: the network stands still in the middle of a result
// and goes on, or breaks instead.
func TestFreezeAndLoseMidway(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	s := open(t, r.local)
	s.works()
	const query = "SELECT count(*) || ' ' || sum(length(pad)) || ' ' || sum(id) FROM big WHERE random() < 2" // rows are needed here
	for _, breaks := range []bool{false, true} {
		start := p.Bytes(pgtest.ToClient)
		done := make(chan error, 1)
		go func() {
			v, err := s.value(query)
			if err == nil && v != "300000 60000000 45000150000" {
				err = fmt.Errorf("wrong result: %s", v)
			}
			done <- err
		}()
		pgtest.WaitUntil(t, patience, "the result is on its way", func() bool { return p.Bytes(pgtest.ToClient) > start+1<<20 })
		p.Freeze(pgtest.ToClient)
		time.Sleep(300 * time.Millisecond)
		if breaks {
			p.CutAll(pgtest.Reset)
		}
		p.Thaw(pgtest.ToClient)
		if err := <-done; breaks && state(err) != "08006" || !breaks && err != nil {
			t.Errorf("connection lost %v: %v", breaks, err)
		}
		s.works()
	}
	noCrash(t, r.local)
}

// TestRemoteRestarts: between transactions nobody notices, inside one the rest
// of it fails, and the next works.
func TestRemoteRestarts(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	s.works()
	before := s.usage()
	restart := map[string]func(){
		"fast shutdown": func() { r.remote.Down(t, pgtest.Fast); r.remote.Up(t) },
		"power failure": func() { r.remote.Down(t, pgtest.Kill); r.remote.Up(t) },
		"pg_terminate_backend": func() {
			there := open(t, r.remote)
			there.must("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'pgwire_fdw'")
		},
	}
	for name, again := range restart {
		t.Run(name, func(t *testing.T) {
			s.T = t
			for range 2 {
				again()
				s.works()
			}
			for _, isolation := range []string{"READ COMMITTED", "SERIALIZABLE"} {
				s.must("BEGIN ISOLATION LEVEL " + isolation)
				s.works()
				again()
				for _, savepoint := range []string{"SAVEPOINT a", "SAVEPOINT b"} {
					s.must(savepoint)
					e := s.refused("SELECT count(*) FROM t", "08006")
					if !strings.Contains(describe(e), `"remote"`) {
						t.Errorf("the error does not name the server: %s", describe(e))
					}
					s.must("ROLLBACK TO " + strings.Fields(savepoint)[1])
				}
				if isolation == "SERIALIZABLE" {
					s.refused("COMMIT", "08006") // only its COMMIT would have told whether what it has read is consistent
				} else {
					s.must("COMMIT") // what it has read was of one snapshot, and nothing was written there
				}
				s.works()
			}
			// in the middle of a cursor
			s.must("BEGIN; DECLARE c CURSOR FOR SELECT * FROM big; FETCH 10 FROM c")
			again()
			s.refused("FETCH ALL FROM c", "08006")
			s.must("ROLLBACK")
			s.works()
		})
	}
	s.T = t
	s.settled(before)
	noCrash(t, r.local)
}

// TestRemoteStaysDown: an error at once, each time, and none any more when it
// is back.
func TestRemoteStaysDown(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	s.works()
	before := s.usage()
	r.remote.Down(t, pgtest.Fast)
	for range 20 {
		e := s.refused("SELECT count(*) FROM t", "08001")
		if !strings.Contains(e.Message, `"remote"`) || !strings.Contains(e.Detail, strconv.Itoa(r.remote.Port)) {
			t.Errorf("the error does not say what could not be reached: %s", describe(e))
		}
	}
	s.settled(before)
	r.remote.Up(t)
	s.works()
	s.settled(before)
}

// TestWrongTarget: each wrong option or object is an error that says so, and
// costs nothing.
func TestWrongTarget(t *testing.T) {
	r := newRig(t)
	free, err := pgtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r.remote.Exec(t, "CREATE DOMAIN positive AS int CHECK (VALUE > 0)", "CREATE TABLE odd (id text, v text); INSERT INTO odd VALUES ('12', 'x'), ('twelve', 'y')",
		"CREATE ROLE nobody LOGIN PASSWORD 'nobody'")
	r.local.Exec(t, "CREATE FOREIGN TABLE gone (id int) SERVER remote",
		"CREATE FOREIGN TABLE short (id int, missing text) SERVER remote OPTIONS (table_name 't')",
		"CREATE FOREIGN TABLE nowhere (id int) SERVER remote OPTIONS (schema_name 'none', table_name 't')",
		"CREATE FOREIGN TABLE odd (id int, v text) SERVER remote")
	s, there := open(t, r.local), open(t, r.remote)
	s.works()
	s.must("SELECT pgwire_fdw_disconnect_all()")
	before := s.usage()
	for _, c := range []struct {
		name, alter, undo, query, state, says string
	}{
		{"host", "ALTER SERVER remote OPTIONS (SET host 'no.such.host.invalid')", "ALTER SERVER remote OPTIONS (SET host '127.0.0.1')",
			"SELECT count(*) FROM t", "08001", "no.such.host.invalid"},
		{"port", fmt.Sprintf("ALTER SERVER remote OPTIONS (SET port '%d')", free), fmt.Sprintf("ALTER SERVER remote OPTIONS (SET port '%d')", r.remote.Port),
			"SELECT count(*) FROM t", "08001", strconv.Itoa(free)},
		{"database", "ALTER SERVER remote OPTIONS (SET dbname 'nosuchdb')", "ALTER SERVER remote OPTIONS (SET dbname 'postgres')",
			"SELECT count(*) FROM t", "08001", "nosuchdb"},
		{"password", "ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET password 'guess')", "ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET password 'postgres')",
			"SELECT count(*) FROM t", "08001", "password authentication failed"},
		{"user", "ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'nosuchuser')", "ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'postgres')",
			"SELECT count(*) FROM t", "08001", "nosuchuser"},
		{"right", "ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'nobody', SET password 'nobody')",
			"ALTER USER MAPPING FOR postgres SERVER remote OPTIONS (SET user 'postgres', SET password 'postgres')", "SELECT count(*) FROM t", "42501", "permission denied"},
		{"table", "", "", "SELECT * FROM gone", "42P01", "gone"},
		{"column", "", "", "SELECT * FROM short", "42703", "missing"},
		{"schema", "", "", "SELECT * FROM nowhere", "42P01", "none"},
		{"type", "", "", "SELECT * FROM odd", "22P02", "twelve"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			if c.alter != "" {
				s.must(c.alter)
			}
			for range 2 {
				e := s.refused(c.query, c.state)
				if !strings.Contains(describe(e), c.says) {
					t.Errorf("the error does not say %q: %s", c.says, describe(e))
				}
				if strings.Contains(describe(e), "guess") {
					t.Errorf("the error shows the password: %s", describe(e))
				}
				t.Log(describe(e))
			}
			if c.undo != "" {
				s.must(c.undo)
			}
			s.works()
		})
	}
	s.T = t
	e := s.refused("SELECT * FROM odd", "22P02")
	for _, name := range []string{`"id"`, `"odd"`} {
		if !strings.Contains(e.Where, name) {
			t.Errorf("the context of a bad value does not name %s: %s", name, describe(e))
		}
	}
	s.must("SELECT pgwire_fdw_disconnect_all()")
	s.settled(before)
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
}
