package cluster

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestCancelOfInterleavedScans: many cursors stand half-read on one connection,
// their rows set aside, when the statement that runs is cancelled.
func TestCancelOfInterleavedScans(t *testing.T) {
	r := newRig(t)
	s, watch, there := open(t, r.local), open(t, r.local), open(t, r.remote)
	s.works()
	before := s.usage()
	for _, last := range []string{"SELECT * FROM asleep", "FETCH ALL FROM c7", "SELECT count(*) FROM big a, big b, big c WHERE a.id <> b.id AND b.id <> c.id"} {
		s.must("BEGIN")
		for i := range 8 {
			s.must(fmt.Sprintf("DECLARE c%d CURSOR FOR SELECT id, pad FROM big WHERE id > %d; FETCH %d FROM c%d", i, i*1000, 50+i, i))
		}
		for i := range 8 { // each goes on where it was
			s.want(fmt.Sprintf("FETCH 1 FROM c%d", i), fmt.Sprint(i*1000+51+i))
		}
		s.must("SAVEPOINT a")
		if last == "FETCH ALL FROM c7" {
			last = "SELECT pg_sleep(0.1); " + last
		}
		done := s.inBackground(last)
		time.Sleep(150 * time.Millisecond)
		watch.must(fmt.Sprintf("SELECT pg_cancel_backend(%d)", s.pid))
		err := <-done
		if err != nil && state(err) != "57014" {
			t.Errorf("%s: %s", last, describe(err))
		}
		if err == nil && !strings.Contains(last, "FETCH") {
			t.Errorf("%s was not cancelled", last)
		}
		s.must("ROLLBACK TO a")
		s.works()
		// a cursor opened before the savepoint goes on, or says that it cannot
		v, err := s.value("FETCH 1 FROM c3")
		if err == nil && v != "3055" || err != nil && state(err) != "24000" && state(err) != "08006" && state(err) != "34000" {
			t.Errorf("the cursor after the cancel: %q %v", v, err)
		}
		t.Logf("the cursor after the cancel of %s: %q %v", last, v, err)
		s.must("ROLLBACK")
		s.works()
		s.settled(before)
	}
	pgtest.WaitUntil(t, patience, "the remote is idle", func() bool { return r.remoteSessions(there, "AND state <> 'idle'") == "0" })
	noCrash(t, r.local)
}

// TestTerminateAtRandom ends sessions at random moments: nothing crashes, and
// no remote session outlives its own for long.
func TestTerminateAtRandom(t *testing.T) {
	r := newRig(t)
	watch, there := open(t, r.local), open(t, r.remote)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	for i := range 60 {
		s := open(t, r.local)
		q := mixed[i%len(mixed)]
		if i%4 == 0 {
			q.sql = "SELECT * FROM asleep"
		}
		done := s.inBackground(q.sql)
		time.Sleep(time.Duration(rnd.Intn(40_000)) * time.Microsecond)
		watch.must(fmt.Sprintf("SELECT pg_terminate_backend(%d)", s.pid))
		if err := <-done; err != nil && strings.HasPrefix(err.Error(), "hangs") {
			t.Fatal(err)
		}
	}
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
	noCrash(t, r.remote)
}
