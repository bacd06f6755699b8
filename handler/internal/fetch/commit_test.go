package fetch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/session"
)

// untilIdle waits until the engine has no more to say about what was sent.
func (r *rig) untilIdle(e *engine) string {
	r.t.Helper()
	conn := r.pool.Lookup(umid)
	for deadline := time.Now().Add(r.limit); conn != nil && !conn.Idle(); {
		if pr := conn.Pump(conn.Idle); pr == session.Blocked {
			r.await(conn.Readable(), deadline)
		}
	}
	return e.take()
}

// levels of the notices so far, which are forgotten.
func (r *rig) told() (levels []int) {
	r.drain()
	for _, n := range r.notices {
		levels = append(levels, n.Level)
	}
	r.notices = nil
	return levels
}

// TestFailedIsNotCommitted: a statement has failed and the local transaction
// does not know it, because nobody asked for its rows.
func TestFailedIsNotCommitted(t *testing.T) {
	for name, c := range map[string]struct {
		locks, strict, serializable, alone bool
		want                               string // SQLSTATE
		told                               []int
	}{
		"locked":       {locks: true, want: "22012"},
		"lazy off":     {strict: true, want: "22012"},
		"serializable": {serializable: true, want: "22012"},
		"read":         {told: []int{session.LevelWarning}},
		"only failed":  {alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.target.LazyCommit, r.serializable = !c.strict, c.serializable
			if !c.alone {
				r.must(r.scan("gen 1 1", func(s *Spec) { s.LocksRows = c.locks }))
			}
			s := r.scan("fail 100 22012", func(s *Spec) { s.Expected = 1 })
			r.first(s)
			s.Close()
			err := r.commit()
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "":
				failsWith(t, err, c.want, "cannot commit", "failed after its rows")
			}
			if told := r.told(); !slices.Equal(told, c.told) {
				t.Errorf("notices of levels %v, want %v", told, c.told)
			}
			if log := r.untilIdle(e); strings.Contains(log, "COMMIT") || !strings.Contains(log, "Query ROLLBACK") {
				t.Errorf("sent:\n%s", log)
			}
			r.serializable = false
			same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
		})
	}
}

// TestCommitKeepsWhatWasDone: any statement may have called a function that
// writes, so a rest that nobody wants is no reason to roll the transaction back.
func TestCommitKeepsWhatWasDone(t *testing.T) {
	for name, c := range map[string]struct {
		expected int64
		lazy     bool
		cancels  bool
		end      string
	}{
		"guarded":         {-1, true, true, "Query ROLLBACK TO SAVEPOINT pgwire_q; RELEASE SAVEPOINT pgwire_q; COMMIT"},
		"guarded, strict": {-1, false, true, "Query ROLLBACK TO SAVEPOINT pgwire_q; RELEASE SAVEPOINT pgwire_q; COMMIT"},
		"small":           {1, true, false, "Query COMMIT"},
		"small, strict":   {1, false, false, "Query COMMIT"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.target.LazyCommit = c.lazy
			r.must(r.scan("gen 1 1", func(s *Spec) { s.Expected = 1 }))
			sql := "stream 50"
			if !c.cancels { // longer than a moment, and more than is said to be expected
				sql = "gen 150000 100"
			}
			s := r.scan(sql, func(s *Spec) { s.Expected = c.expected })
			r.first(s)
			s.Close()
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
			if log := r.untilIdle(e); !strings.HasSuffix(log, c.end) {
				t.Errorf("the end of what was sent is not %q:\n%s", c.end, log)
			}
			if n := len(e.server.Cancels()); (n > 0) != c.cancels {
				t.Errorf("%d cancel requests", n)
			}
			if told := r.told(); len(told) > 0 {
				t.Errorf("%d notices", len(told))
			}
		})
	}
}

// TestSilentAtCommit: the remote says nothing any more when the local
// transaction commits. Where nothing depends on it, the local one does not wait.
func TestSilentAtCommit(t *testing.T) {
	for name, c := range map[string]struct {
		before bool // another statement has answered
		alone  bool
		told   []int
	}{
		"alone":       {alone: true, told: []int{session.LevelDebug}},
		"only one":    {told: []int{session.LevelDebug}},
		"not the one": {before: true, told: []int{session.LevelWarning}},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.alone = c.alone
			if c.before {
				r.must(r.scan("gen 1 1", func(s *Spec) { s.Expected = 1 }))
			}
			s := r.scan("freeze", func(s *Spec) { s.Expected = -1 })
			r.bind(s)
			for out := Connect; out == Connect; {
				var err error
				if out, _, err = next(r, s); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
			started := time.Now()
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("the commit took %v", took)
			}
			if told := r.told(); !slices.Equal(told, c.told) {
				t.Errorf("notices of levels %v, want %v", told, c.told)
			}
			if r.pool.Lookup(umid) != nil {
				t.Error("the connection is kept")
			}
			r.alone = false
			same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
		})
	}
}

// next is one call of Next, connecting when it asks for it.
func next(r *rig, s *Scan) (Outcome, *session.Waiting, error) {
	out, w, err := s.Next(r.level, false)
	if out == Connect && err == nil {
		err = r.connect(time.Now().Add(r.limit))
	}
	if err != nil {
		return out, w, err
	}
	return out, w, nil
}

// TestGivenUp: one remote does not let its statement be cancelled in time, and
// another has something to roll back. The first is closed, and forgotten when
// the transaction ends.
func TestGivenUp(t *testing.T) {
	for _, sub := range []bool{false, true} {
		noLeak(t)
		frozen, sound := &engine{}, &engine{}
		r := fakeRig(t, frozen)
		r.cleanup = cleanupTime
		sound.server = fakepg.Run(t, sound.options())
		other := newRig(t, sound.server.Host, sound.server.Port)
		other.pool = r.pool
		other.target.Umid = umid + 1
		lock := other.scan("gen 1 1", func(s *Spec) { s.Umid, s.LocksRows = umid+1, true })

		if sub {
			r.level, other.level = 2, 2
		}
		other.must(lock)
		s := r.scan("freeze", func(s *Spec) { s.Expected = -1 })
		r.bind(s)
		for out := Connect; out == Connect; {
			var err error
			if out, _, err = next(r, s); err != nil {
				t.Fatal(err)
			}
		}
		if sub {
			r.subAbort()
			other.level = 1
			_, err := r.run(r.scan("gen 1 1"))
			failsWith(t, err, "08006", "did not answer in time")
		}
		r.abort()
		for _, c := range []uint32{umid, umid + 1} {
			if conn := r.pool.Lookup(c); conn != nil && (conn.InUse() || conn.Broken() != nil) {
				t.Errorf("connection %d is in use %v, broken %v", c, conn.InUse(), conn.Broken())
			}
		}
		same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
		same(t, "on the other", other.must(lock), genRows(1, 1))
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		frozen.server.Close()
		sound.server.Close()
	}
}

// TestLostAfterCommit: the server goes away instead of answering a COMMIT.
func TestLostAfterCommit(t *testing.T) {
	for name, c := range map[string]struct {
		locks, serializable, strict bool
		want                        string // SQLSTATE
	}{
		"read":         {},
		"locked":       {locks: true, want: "08007"},
		"serializable": {serializable: true, want: "08007"},
		"lazy off":     {strict: true, want: "08007"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{leaveAfter: 1}
			r := fakeRig(t, e)
			r.target.LazyCommit, r.serializable = !c.strict, c.serializable
			r.must(r.scan("gen 1 1", func(s *Spec) { s.Expected, s.LocksRows, s.FetchSize = 1, c.locks, 10 }))
			told := []int{session.LevelDebug}
			if err := r.commit(); c.want != "" {
				failsWith(t, err, c.want, `it is not known whether the transaction on server "far" has been committed`)
				told = nil
			} else if err != nil {
				t.Fatal(err)
			}
			r.serializable = false
			same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
			if got := r.told(); !slices.Equal(got, told) {
				t.Errorf("notices of levels %v, want %v", got, told)
			}
		})
	}
}

// TestSplitIsTold: of two remotes that are to commit one goes away instead, so
// the local transaction fails; the client is told about both.
func TestSplitIsTold(t *testing.T) {
	noLeak(t)
	leaving, sound := &engine{leaveAfter: 1}, &engine{}
	r := fakeRig(t, leaving)
	sound.server = fakepg.Run(t, sound.options())
	other := newRig(t, sound.server.Host, sound.server.Port)
	other.pool = r.pool
	other.target.Umid, other.target.Params.Server = umid+1, "other"
	lock := func(s *Spec) { s.LocksRows, s.FetchSize = true, 10 }
	r.must(r.scan("gen 1 1", lock))
	other.must(other.scan("gen 1 1", func(s *Spec) { lock(s); s.Umid = umid + 1 }))
	failsWith(t, r.commit(), "08007", `server "far"`)
	r.drain()
	said := map[string]bool{}
	for _, n := range r.notices {
		said[n.Err.Message] = n.Level == session.LevelWarning
	}
	if len(r.notices) != 1 ||
		!said[`the transaction on server "other" has been committed, but the local one has failed`] &&
			!said[`it is not known whether the transaction on server "other" has been committed`] {
		t.Errorf("told %v", said)
	}
	// and nothing when all is well
	r.notices = nil
	leaving.leaveAfter = 0
	r.must(r.scan("gen 1 1", lock))
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	r.abort()
	if told := r.told(); len(told) > 0 {
		t.Errorf("%d notices of a transaction that has committed", len(told))
	}
}
