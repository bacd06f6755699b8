package store

import (
	"strings"
	"testing"
	"time"
)

// TestRefusedCommit: a deferred constraint speaks up at COMMIT. The error is the
// remote's, nothing is there, and the connection goes on.
func TestRefusedCommit(t *testing.T) {
	g := newRig(t)
	g.r.refuse("COMMIT")
	g.must(g.writer("insert", exact), 1, "a")
	err := g.commit()
	failsWith(t, err, "23503", "deferred constraint")
	if err.Constraint != "positive" || err.RemoteSQL != "COMMIT" {
		t.Errorf("%+v", err)
	}
	if n, ok := g.pool.NextNotice(); ok {
		t.Errorf("told %v", n.Err)
	}
	g.r.refuse("")
	g.must(g.writer("insert", exact), 1, "b")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	g.has("b")
	if n := g.r.server.Accepts(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// pairOfRigs are two servers and one pool.
func pairOfRigs(t *testing.T) (a, b *rig) {
	t.Helper()
	a, b = newRig(t), newRig(t)
	b.pool, b.umid, b.name = a.pool, umid+1, "other"
	return a, b
}

// TestSerialCommit: with parallel_commit off a server is told to commit when the
// others have.
func TestSerialCommit(t *testing.T) {
	for _, parallel := range []bool{true, false} {
		a, b := pairOfRigs(t)
		a.parallelOff, b.parallelOff = !parallel, !parallel
		a.must(a.writer("insert", exact), 1, "a")
		b.must(b.writer("insert", exact), 1, "b")
		for _, g := range []*rig{a, b} {
			g.r.mu.Lock()
			g.r.commits = make(chan struct{})
			g.r.mu.Unlock()
		}
		done := make(chan struct{})
		go func() { // each COMMIT is answered only when the test has seen who has got one
			defer close(done)
			both := waitFor(func() bool { return a.r.got("COMMIT") && b.r.got("COMMIT") }, map[bool]time.Duration{true: limit, false: 100 * time.Millisecond}[parallel])
			if both != parallel {
				t.Errorf("parallel %v: both have got COMMIT: %v", parallel, both)
			}
			close(a.r.commits)
			close(b.r.commits)
		}()
		if err := a.commit(); err != nil {
			t.Fatal(err)
		}
		<-done
		a.has("a")
		b.has("b")
	}
}

func waitFor(what func() bool, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if what() {
			return true
		}
	}
	return what()
}

// TestSplitWrites: of two servers one refuses; what the other has done is told,
// or rolled back.
func TestSplitWrites(t *testing.T) {
	for _, parallel := range []bool{true, false} {
		a, b := pairOfRigs(t)
		a.parallelOff, b.parallelOff = !parallel, !parallel
		a.r.refuse("COMMIT")
		a.must(a.writer("insert", exact), 1, "a")
		b.must(b.writer("insert", exact), 1, "b")
		failsWith(t, a.commit(), "23503")
		n, told := a.pool.NextNotice()
		there := len(b.r.rows()) > 0
		switch {
		case there != told, told && n.Err.Message != `the transaction on server "other" has been committed, but the local one has failed`:
			t.Errorf("parallel %v: the row is there: %v, told: %+v", parallel, there, n.Err)
		case !parallel && there:
			t.Error("committed after the first had refused")
		}
		a.has()
	}
}

// TestCutAnywhere: the connection is cut after each number of bytes that the
// server sends. Either an error is reported and nothing is there, or the commit
// is and everything is; or the error says that it is not known.
func TestCutAnywhere(t *testing.T) {
	for _, how := range []string{"", "returning", "copy"} {
		outcomes := map[string]int{}
		for cut := int64(1); ; cut += 3 {
			g := newRigOf(t, &remote{cut: cut})
			outcome := g.cutOnce(t, how)
			outcomes[outcome]++
			if g.r.server.Close(); t.Failed() {
				t.Fatalf("%q, cut after %d bytes: %s", how, cut, outcome)
			}
			if outcome == "committed" && g.whole {
				break
			}
		}
		t.Logf("%q: %v", how, outcomes)
		if outcomes["error"] < 50 || outcomes["in doubt"] < 2 {
			t.Errorf("%q: %v", how, outcomes)
		}
	}
}

func (g *rig) cutOnce(t *testing.T, how string) string {
	sql, change := "insert", exact
	if how == "returning" {
		sql, change = "insert returning", returning
	}
	w := g.writer(sql, change)
	if how == "copy" {
		w.Copy(how)
	}
	want := []string{"a", "b", "c"}
	err := g.rows(w, want...)
	if err == nil {
		_, _, err = g.finish(w)
	}
	if err != nil {
		g.abort()
	} else {
		err = g.commit()
	}
	w.Close()
	// the session there has ended, or has nothing to say any more
	g.pool.CloseIdle(0)
	if !waitFor(func() bool { return g.r.server.Open() == 0 }, limit) {
		t.Error("a session is left on the server")
	}
	stored := strings.Join(g.r.rows(), "")
	switch {
	case err == nil && stored == "abc":
		g.whole = g.r.whole.Load()
		return "committed"
	case err == nil:
		t.Errorf("reported as committed, and there is %q", stored)
	case err.SQLState == "08007":
		if !strings.Contains(err.Message, `server "far"`) {
			t.Errorf("it does not say which server: %v", err)
		}
		return "in doubt"
	case stored != "":
		t.Errorf("an error (%v), and there is %q", err, stored)
	case !strings.HasPrefix(err.SQLState, "08"):
		t.Errorf("%v", err)
	}
	return "error"
}
