package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// ready is a session in the state in which Go would swallow wake-ups if its
// threads left SIGURG open: Go has run, and an ERROR has reached the top.
func ready(t *testing.T, c *pgtest.Cluster, withGo bool) *session {
	t.Helper()
	s := open(t, c)
	if withGo {
		s.works()
		s.refused("SELECT sum(v) FROM failing", "22012")
	}
	s.refused("SELECT 1/0", "22012")
	return s
}

// TestNotifyStorm: notifications come in, thousands of them, while the session
// waits for the remote and its rows.
func TestNotifyStorm(t *testing.T) {
	const count = 3000
	r := newRig(t)
	s, sender := ready(t, r.local, true), ready(t, r.local, true)
	s.must("LISTEN storm")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := range count {
			if err := sender.try(fmt.Sprintf("NOTIFY storm, '%d'", i)); err != nil {
				t.Error(err)
				return
			}
		}
		close(stop)
	}()
	scans := 0
	for sending := true; sending; scans++ {
		s.works()
		s.want("SELECT count(*) || ' ' || sum(length(s)) FROM slow WHERE id <= 2", "2 0")
		select {
		case <-stop:
			sending = false
		default:
		}
		if t.Failed() {
			break
		}
	}
	wg.Wait()
	seen := map[string]bool{}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(seen) < count {
		n, err := s.conn.WaitForNotification(ctx)
		if err != nil {
			t.Fatalf("%d of %d notifications came: %v", len(seen), count, err)
		}
		seen[n.Payload] = true
	}
	t.Logf("%d scans during %d notifications", scans, count)
}

// TestPingPong: two sessions wake one another in turn; a lost wake-up would
// stop both.
func TestPingPong(t *testing.T) {
	const rounds = 1000
	r := newRig(t)
	a, b := ready(t, r.local, true), ready(t, r.local, true)
	a.must("LISTEN ping")
	b.must("LISTEN pong")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	play := func(s *session, says string) error {
		for range rounds {
			if _, err := s.conn.WaitForNotification(ctx); err != nil {
				return err
			}
			if err := s.try("NOTIFY " + says); err != nil {
				return err
			}
		}
		return nil
	}
	done := make(chan error, 2)
	go func() { done <- play(a, "pong") }()
	go func() { done <- play(b, "ping") }()
	open(t, r.local).must("NOTIFY ping")
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// contend has sessions hand one advisory lock around, each hand-over a wake-up,
// and returns how long it took.
func contend(t *testing.T, r rig, withGo bool) time.Duration {
	t.Helper()
	const sessions, rounds = 4, 400
	var all []*session
	for range sessions {
		all = append(all, ready(t, r.local, withGo))
	}
	started := time.Now()
	var running []<-chan error
	for _, s := range all {
		running = append(running, s.inBackground(fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
			PERFORM pg_advisory_lock(1); PERFORM pg_sleep(0.0002); PERFORM pg_advisory_unlock(1);
		END LOOP; END $$`, rounds)))
	}
	for _, done := range running {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(started)
	for _, s := range all {
		_ = s.conn.Close(context.Background())
	}
	return took
}

// TestLockHandOver compares sessions that have run Go with sessions that have
// not. A lost wake-up costs deadlock_timeout, a second, or for ever.
func TestLockHandOver(t *testing.T) {
	r := newRig(t, "deadlock_timeout = '100s'")
	plain := contend(t, r, false)
	with := contend(t, r, true)
	t.Logf("hand-over without Go %v, with Go %v", plain, with)
	if with > 3*plain+5*time.Second {
		t.Errorf("sessions that have run Go take %v to hand a lock around, others %v", with, plain)
	}
}

// TestParallelStorm: a leader and its workers wake one another through latches
// while another session's Go threads, and its own, are at work.
func TestParallelStorm(t *testing.T) {
	r := newRig(t, "max_worker_processes = 16")
	r.local.Exec(t, manyRows)
	s, other := ready(t, r.local, true), ready(t, r.local, true)
	s.must(parallel)
	done := other.inBackground("SELECT count(*) FROM generate_series(1, 5) g, LATERAL (SELECT count(*) FROM big WHERE id > g) b")
	started := time.Now()
	for i := range 100 {
		s.want("SELECT count(*) || ' ' || sum(id) FROM many", "20000 200010000")
		if i%10 == 0 {
			s.want("SELECT count(*) FROM many JOIN t USING (id)", "1000")
			s.refused("SELECT sum(1 / (id - 10000)) FROM many", "22012")
		}
	}
	t.Logf("100 parallel queries in %v", time.Since(started))
	if err := <-done; err != nil {
		t.Error(err)
	}
	noCrash(t, r.local)
}
