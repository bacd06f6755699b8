package fetch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/session"
)

// first reads one batch.
func (r *rig) first(s *Scan, params ...session.Param) []string {
	r.t.Helper()
	r.bind(s, params...)
	out, err := r.next(s)
	if err != nil || out != Rows {
		r.t.Fatalf("%s: %v, %v", s.spec.SQL, out, err)
	}
	return batch(s)
}

// TestAbandonedSmall: what is left of a small result is read, not cancelled.
func TestAbandonedSmall(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("gen $1 20", func(s *Spec) { s.Expected = 1000 })
	for i := range 200 {
		r.first(s, number(10+i*10))
	}
	s.Reset()
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	same(t, "afterwards", r.must(s, number(2)), genRows(2, 20))
	if n := len(e.server.Cancels()); n > 1 { // one, when the last rest took longer than a commit's patience
		t.Errorf("%d cancel requests", n)
	}
}

// TestAbandonedLarge: a result without end that nobody wants any more is
// cancelled, and the transaction goes on behind it.
func TestAbandonedLarge(t *testing.T) {
	for _, alone := range []bool{false, true} {
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		r.alone = alone
		other := r.scan("gen 3 3", func(s *Spec) { s.Expected = 1 })
		for range 3 {
			s := r.scan("stream 50", func(s *Spec) { s.Expected = -1 })
			r.first(s)
			s.Close()
			r.alone = false
			same(t, "in the same transaction", r.must(other), genRows(3, 3))
			r.alone = alone
			if !alone && !strings.Contains(e.take(), "Query ROLLBACK TO SAVEPOINT pgwire_q; RELEASE SAVEPOINT pgwire_q") {
				t.Error("there was no way back")
			}
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(e.server.Cancels()); n < 3 {
			t.Errorf("%d cancel requests", n)
		}
		// at the end of the transaction
		s := r.scan("stream 50", func(s *Spec) { s.Expected = -1 })
		r.first(s)
		s.Close()
		begun := time.Now()
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		patient := time.Since(begun) < cleanupTime // else the commit may have lost its patience
		same(t, "in the next transaction", r.must(other), genRows(3, 3))
		if r.slowest > 5*time.Second {
			t.Errorf("a call took %v", r.slowest)
		}
		// a cancel request is told from a connection when it has been read
		connections := func() int { return e.server.Accepts() - len(e.server.Cancels()) }
		for until := time.Now().Add(r.limit); connections() != 1 && patient; time.Sleep(time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%d connections", connections())
			}
		}
		e.server.Close()
	}
}

// TestLocksAreKept: a statement that locks rows is read to its end instead.
func TestLocksAreKept(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("gen 200000 20", func(s *Spec) { s.LocksRows, s.Expected = true, -1 })
	r.first(s)
	s.Close()
	r.must(r.scan("gen 1 1"))
	if log := e.take(); len(e.server.Cancels()) != 0 || strings.Contains(log, "ROLLBACK") {
		t.Errorf("%d cancels, %s", len(e.server.Cancels()), log)
	}
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
}

// TestAbandonedFails: an error in rows that nobody wanted does not end a
// guarded transaction, and is told when there was no guard.
func TestAbandonedFails(t *testing.T) {
	noLeak(t)
	r := fakeRig(t, &engine{})
	other := r.scan("gen 3 3", func(s *Spec) { s.Expected = 1 })
	r.must(other)
	s := r.scan("fail 100000 22012", func(s *Spec) { s.Expected = -1 })
	r.first(s)
	s.Reset()
	same(t, "guarded", r.must(other), genRows(3, 3))

	s = r.scan("fail 100000 22012", func(s *Spec) { s.Expected = 1 })
	r.first(s)
	s.Reset()
	_, err := r.run(other)
	failsWith(t, err, "25P02", "failed after its rows", "22012")
	if err := r.commit(); err != nil { // the local transaction could still do it
		t.Fatal(err)
	}
	same(t, "afterwards", r.must(other), genRows(3, 3))

	// an error that came while the rows were set aside is its own statement's
	s = r.scan("fail 30000 22012", func(s *Spec) { s.Expected = -1 })
	rows := r.first(s)
	same(t, "meanwhile", r.must(other), genRows(3, 3))
	for err = nil; err == nil; {
		var out Outcome
		if out, err = r.next(s); err == nil {
			if out == End {
				t.Fatal("no error")
			}
			rows = append(rows, batch(s)...)
		}
	}
	failsWith(t, err, "22012")
	same(t, "rows before the error", rows, genRows(30000, 3)[:len(rows)])
	r.abort()
}

// TestAbort: a statement that runs is cancelled, and the connection goes on.
func TestAbort(t *testing.T) {
	for _, alone := range []bool{false, true} {
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		for i := range 5 {
			r.alone = alone
			s := r.scan("stream 50")
			r.first(s)
			if d := r.abort(); d > 2*time.Second {
				t.Errorf("abort took %v", d)
			}
			if n := len(e.server.Cancels()); n < i+1 {
				t.Errorf("%d cancel requests", n)
			}
			if _, err := r.all(s); err == nil {
				t.Fatal("an aborted result was read to its end")
			}
			s.Close()
			r.alone = false
			same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
			r.commit()
		}
		if n := e.server.Accepts() - len(e.server.Cancels()); n != 1 {
			t.Errorf("%d connections", n)
		}
		if log := e.take(); !alone && strings.Count(log, "Query ROLLBACK") != 5 {
			t.Errorf("sent %s", log)
		}
		e.server.Close()
	}
}

// TestAbortManyTimes leaves nothing behind, and sends no cancel for a result
// that is all here.
func TestAbortManyTimes(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("gen $1 20")
	for i := range 300 {
		r.first(s, number(1+i%7))
		e.take() // all has been sent
		r.abort()
		r.first(s, number(3))
		e.take()
	}
	if n := len(e.server.Cancels()); n > 30 { // sent is not always there at once
		t.Errorf("%d cancel requests", n)
	}
}

// TestFrozenRemote: a server that stands still costs the cleanup's bound, once,
// and its connection.
func TestFrozenRemote(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.cleanup = cleanupTime
	r.must(r.scan("gen 3 3"))
	s := r.scan("freeze")
	r.bind(s)
	if out, w, err := s.Next(r.level, false); out != Wait || err != nil || w.FD < 0 {
		t.Fatal(out, w, err)
	}
	if d := r.abort(); d > cleanupTime+500*time.Millisecond {
		t.Errorf("abort took %v", d)
	}
	if n, _ := r.pool.Pending(); n != 0 {
		t.Errorf("%d connections kept", n)
	}
	same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
	e.server.Close()
}

// TestSubAbortSparesOthers: giving up on one server in a sub-transaction does
// nothing to what streams from another.
func TestSubAbortSparesOthers(t *testing.T) {
	noLeak(t)
	e1, e2 := &engine{}, &engine{}
	r := fakeRig(t, e1)
	outer := r.scan("gen 50000 50", func(s *Spec) { s.Expected = -1 })
	rows := r.first(outer)

	r2 := fakeRig(t, e2)
	other := r2.target
	other.Umid = 8
	r.level++
	inner := r.scan("freeze", func(s *Spec) { s.Umid = 8 })
	first := r.target
	r.target = other
	r.bind(inner)
	for i := 0; i < 100; i++ {
		out, w, err := inner.Next(r.level, false)
		if err != nil {
			t.Fatal(err)
		}
		if out == Wait && !w.Connect {
			break
		}
		if out == Connect {
			if err := r.connect(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.subAbort()
	r.target = first
	for {
		out, err := r.next(outer)
		if err != nil {
			t.Fatal(err)
		}
		if out == End {
			break
		}
		rows = append(rows, batch(outer)...)
	}
	same(t, "outer", rows, genRows(50000, 50))
	inner.Close()
	r.abort()
	e2.server.Close()
}

// TestFlood: a server that talks without end about nothing does not hold the
// backend's thread, and a message is not bought before it has come.
func TestFlood(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("notice 1000000000")
	r.bind(s)
	yields := 0
	for range 3000 {
		start := time.Now()
		out, w, err := s.Next(r.level, false)
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("a call took %v", d)
		}
		if err != nil {
			t.Fatal(err)
		}
		switch out {
		case Connect:
			if err := r.connect(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
		case Wait:
			if w.FD < 0 {
				yields++
			}
			r.await(w, time.Now().Add(5*time.Second))
		}
	}
	r.abort()
	if len(r.notices) > 300 {
		t.Errorf("%d notices", len(r.notices))
	}
	e.server.Close()
}

// TestPoolRules: connections that must not be kept are not.
func TestPoolRules(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("gen 3 3")
	connections := func(want int, why string) {
		t.Helper()
		if n := e.server.Accepts(); n != want {
			t.Fatalf("%s: %d connections, expected %d", why, n, want)
		}
	}
	r.must(s)
	r.pool.Invalidate(false, 999)
	r.pool.Invalidate(true, 33)
	r.must(s)
	connections(1, "somebody else's change")
	r.pool.Invalidate(false, 33)
	r.must(s)
	connections(1, "changed in the transaction")
	if l := r.pool.List(true); len(l) != 1 || l[0].Valid || !l[0].InXact || l[0].Closed || l[0].Server != "far" {
		t.Errorf("listing is %+v", l)
	}
	r.commit()
	r.must(s)
	connections(2, "changed before")
	r.commit()
	r.pool.Invalidate(true, 0)
	if n, _ := r.pool.Pending(); n != 0 {
		t.Errorf("%d descriptors", n)
	}
	r.must(s)
	connections(3, "all changed")
	if closed, used := r.pool.CloseIdle(0); closed != 0 || used != 1 {
		t.Errorf("closed %d, in use %d", closed, used)
	}
	r.commit()
	if closed, used := r.pool.CloseIdle(4); closed != 0 || used != 0 {
		t.Errorf("closed %d, in use %d", closed, used)
	}
	if closed, used := r.pool.CloseIdle(3); closed != 1 || used != 0 {
		t.Errorf("closed %d, in use %d", closed, used)
	}
	r.target.Keep = false
	r.must(s)
	r.commit()
	r.must(s)
	connections(5, "not to be kept")
	r.abort()
	connections(5, "aborted")
	r.target.Keep = true
	r.must(s)
	r.commit()

	// another effective user, who would need a password that was asked for
	r.target.Params.Superuser, r.target.Params.PasswordRequired = false, true
	mean := r.scan("gen 1 1", func(s *Spec) { s.Superuser = false })
	r.pool.CloseIdle(0)
	_, err := r.run(mean)
	failsWith(t, err, "2F003")
	connections(6, "refused before connecting")
	r.target.Params.Superuser = true
	r.must(s)
	r.commit()
	_, err = r.run(mean)
	failsWith(t, err, "2F003", "password is required")
	same(t, "the superuser's", r.must(s), genRows(3, 3))
	connections(7, "cached")
	r.commit()
}

// TestEncodingChanged: text that would be misread is not.
func TestEncodingChanged(t *testing.T) {
	noLeak(t)
	e := &engine{opts: optionsWith("client_encoding", "utf-8")}
	r := fakeRig(t, e)
	r.must(r.scan("gen 1 1"))
	e.take()
	e.mu.Lock()
	e.alter = func(_ int, _ pgproto3.BackendMessage, raw []byte) ([]byte, bool) {
		b, _ := (&pgproto3.ParameterStatus{Name: "client_encoding", Value: "SQL_ASCII"}).Encode(nil)
		return append(b, raw...), false
	}
	e.mu.Unlock()
	_, err := r.run(r.scan("gen 2 1"))
	failsWith(t, err, "08P01", "SQL_ASCII")
}

// TestWideRows: rows larger than any buffer, whose memory is given back.
func TestWideRows(t *testing.T) {
	noLeak(t)
	r := fakeRig(t, &engine{})
	for _, w := range []int{100, 70 << 10, 300 << 10, 3 << 20, 40 << 20} {
		n := max(2, min(50, (80<<20)/w))
		s := r.scan("gen $1 " + itoa(w))
		rows := r.must(s, number(n))
		if !slices.Equal(rows, genRows(n, w)) {
			t.Fatalf("width %d: wrong rows", w)
		}
		if b := r.must(r.scan("gen 1 1")); len(b) != 1 {
			t.Fatal("no row")
		}
		s.Close()
	}
	if r.slowest > 5*time.Second {
		t.Errorf("a call took %v", r.slowest)
	}
	r.commit()
}
