package fetch

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlstate"
)

// mayStop makes a scan one that may be left early, read in portions of size at first.
func mayStop(size int) func(*Spec) {
	return func(s *Spec) { s.MayStop, s.FetchSize, s.Expected = true, size, -1 }
}

// bounded makes it one of which exactly n rows are wanted.
func bounded(n int64) func(*Spec) {
	return func(s *Spec) { s.Bound, s.FetchSize, s.Expected = n, 100, -1 }
}

var limits = regexp.MustCompile(`Execute (\d+)`)

// executed lists the row limits in a log, transaction commands aside.
func executed(log string) string {
	var out []string
	for _, m := range limits.FindAllStringSubmatch(log, -1) {
		if m[1] != "0" {
			out = append(out, m[1])
		}
	}
	return strings.Join(out, " ")
}

// take binds a scan and reads n rows.
func (r *rig) take(s *Scan, n int, params ...session.Param) []string {
	r.t.Helper()
	rows := r.first(s, params...)
	for len(rows) < n {
		out, err := r.next(s)
		if err != nil || out != Rows {
			r.t.Fatalf("%v, %v after %d rows", out, err, len(rows))
		}
		rows = append(rows, batch(s)...)
	}
	return rows
}

// TestPortions: the statement stops after so many rows, and goes on with more.
func TestPortions(t *testing.T) {
	for _, c := range []struct {
		rows, width int
		size        int
		memory      int64
		bound       int64
		want        string
	}{
		{0, 3, 100, 1 << 20, 0, "100"},
		{99, 3, 100, 1 << 20, 0, "100"},
		{100, 3, 100, 1 << 20, 0, "100 200"}, // a server does not look ahead
		{1000, 3, 100, 1 << 20, 0, "100 200 400 800"},
		{7, 3, 1, 1 << 20, 0, "1 2 4 8"},
		{7, 3, 0, 1 << 20, 0, "1 2 4 8"},
		{60, 1000, 10, 20 << 10, 0, "10 20 20 20"},   // as much as may be set aside
		{40, 1000, 10, 5 << 10, 0, "10 10 10 10 10"}, // but no less than asked for
		{25, 3, 10, 1 << 20, 25, "10 15 30"},         // a bound need not be true
		{25, 3, 10, 1 << 20, 1 << 40, "10 20"},       // nor small
		{3, 3, 10, 1 << 20, 2, "2 10"},               // nor large
		{300, 3, math.MaxInt32, 1 << 62, 0, "2147483647"},
	} {
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		s := r.scan(fmt.Sprintf("gen %d %d", c.rows, c.width), mayStop(c.size), func(s *Spec) { s.FetchMemory, s.Bound = c.memory, c.bound })
		same(t, fmt.Sprint(c), r.must(s), genRows(c.rows, c.width))
		log := e.take()
		if got := executed(log); got != c.want {
			t.Errorf("%v: portions of %s", c, got)
		}
		if strings.Contains(log, "SAVEPOINT") {
			t.Errorf("%v: %s", c, log)
		}
		if n := int64(len(strings.Fields(c.want))); s.Stats.Portions != n || s.Stats.RoundTrips != n || s.Stats.Rows != int64(c.rows) {
			t.Errorf("%v: statistics are %+v", c, s.Stats)
		}
	}
}

// TestBoundIsAllOrNothing: a portion holds all rows that a plan may want of a
// statement that stops there, or it has no limit.
func TestBoundIsAllOrNothing(t *testing.T) {
	for bound, want := range map[int64]int{0: 0, 1: 1, math.MaxInt32: math.MaxInt32, math.MaxInt32 + 1: 0, math.MaxInt64: 0} {
		if got := (&Spec{FetchSize: 100, Bound: bound}).firstPortion(); got != want {
			t.Errorf("a bound of %d: a portion of %d, want %d", bound, got, want)
		}
	}
}

// TestLockedPortions: where rows are locked, portions do not grow, and no more
// are locked than are wanted, if that is known.
func TestLockedPortions(t *testing.T) {
	for _, c := range []struct {
		bound   int64
		mayStop bool
		want    string
	}{
		{0, false, "10 10 10 10"}, {0, true, "10 10 10 10"}, {3, false, "3 10 10 10"}, {3, true, "3 10 10 10"}, {25, false, "10 10 10 10"},
	} {
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		s := r.scan("gen 31 3", func(s *Spec) {
			s.LocksRows, s.FetchSize, s.Bound, s.MayStop, s.Expected = true, 10, c.bound, c.mayStop, -1
		})
		same(t, fmt.Sprint(c), r.must(s), genRows(31, 3))
		if got := executed(e.take()); got != c.want {
			t.Errorf("%v: portions of %s", c, got)
		}
	}
}

// TestStopped: who stops leaves nothing to be cancelled, and no portal. The
// next statement's packet closes it, or the end of the transaction.
func TestStopped(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	other := r.scan("gen 3 3", func(s *Spec) { s.Expected = 1 })
	for i := range 20 {
		s := r.scan("gen 1000000 20", mayStop(100))
		same(t, "first rows", r.take(s, 100), genRows(100, 20))
		s.Close()
		e.take()
		same(t, "in the same transaction", r.must(other), genRows(3, 3))
		if log, want := e.take(), fmt.Sprintf("ClosePortal pgwire_p%d", 2*i+1); strings.Count(log, "ClosePortal") != 1 || !strings.HasPrefix(log, want) {
			t.Fatalf("no %s in %s", want, log)
		}
		s = r.scan("gen 1000000 20", mayStop(100))
		r.take(s, 100)
		s.Close()
		e.take()
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.server.Cancels()); n != 0 {
		t.Errorf("%d cancel requests", n)
	}
	if log := e.take(); strings.Contains(log, "ClosePortal") || !strings.Contains(log, "Query COMMIT") {
		t.Errorf("sent %s", log)
	}
}

// TestStoppedWithin: a portion of which rows are still to come is read to its end.
func TestStoppedWithin(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	other := r.scan("gen 3 3", func(s *Spec) { s.Expected = 1 })
	for range 5 {
		s := r.scan("gen 1000000 200", mayStop(20000)) // 4 MB, more than is drained in one go
		r.first(s)
		s.Close()
		same(t, "in the same transaction", r.must(other), genRows(3, 3))
		s = r.scan("gen 1000000 200", mayStop(20000))
		r.first(s)
		s.Close()
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.server.Cancels()); n != 0 {
		t.Errorf("%d cancel requests", n)
	}
}

// TestBounded: a number of rows that is known is asked for at once, and if the
// statement is alone its transaction is over with them.
func TestBounded(t *testing.T) {
	for _, alone := range []bool{false, true} {
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		r.alone = alone
		s := r.scan("gen $1 3", bounded(500))
		same(t, "rows", r.take(s, 500, number(1000)), genRows(500, 3))
		log := e.take()
		if got := executed(log); got != "500" || strings.Contains(log, "START") == alone || strings.Contains(log, "SAVEPOINT") {
			t.Errorf("alone %v: %s", alone, log)
		}
		if alone {
			_, err := r.next(s)
			failsWith(t, err, sqlstate.InternalError, "more rows")
			same(t, "fewer than the bound", r.must(s, number(499)), genRows(499, 3))
		} else {
			// for all that the plan says, nobody is told that there are no more
			rest, err := r.all(s)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the rest", append(genRows(500, 3), rest...), genRows(1000, 3))
		}
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		r.alone = false
		same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
	}
}

// TestPortionsTakeTurns: two scans in portions leave each other the connection.
func TestPortionsTakeTurns(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	a, b := r.scan("gen 3000 3", mayStop(10)), r.scan("gen 2000 3", mayStop(7))
	r.bind(a)
	r.bind(b)
	scans, got := []*Scan{a, b}, [2][]string{}
	for ended := [2]bool{}; !ended[0] || !ended[1]; {
		for i, s := range scans {
			if ended[i] {
				continue
			}
			out, err := r.next(s)
			if err != nil {
				t.Fatal(err)
			}
			if ended[i] = out == End; !ended[i] {
				got[i] = append(got[i], batch(s)...)
			}
		}
	}
	same(t, "one", got[0], genRows(3000, 3))
	same(t, "other", got[1], genRows(2000, 3))
	if n := strings.Count(e.take(), "START"); n != 1 {
		t.Errorf("%d transactions", n)
	}
}

// TestPortionFails: rows before the error are given, then the error.
func TestPortionFails(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("fail 25 22012", mayStop(10))
	rows, err := r.run(s)
	failsWith(t, err, "22012", "failed after its rows")
	same(t, "rows", rows, genRows(25, 3))
	r.abort()
	same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
}

// TestPortionsAndSavepoints: what a rollback to a savepoint leaves of a
// statement that is read in portions.
func TestPortionsAndSavepoints(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	other := r.scan("gen 3 3", func(s *Spec) { s.Expected = 1 })

	// begun outside: it goes on, unless the rest of the portion takes its time to
	// come, as it may where others are busy
	for tries := 20; ; tries-- {
		s := r.scan("gen 100000 20", mayStop(10))
		rows := r.first(s)
		r.level++
		r.must(other)
		for len(rows) < 20000 { // and leave rows of a portion on their way
			out, err := r.next(s)
			if err != nil || out != Rows {
				t.Fatal(out, err)
			}
			rows = append(rows, batch(s)...)
		}
		r.subAbort()
		rest, err := r.all(s)
		if err == nil {
			same(t, "begun outside", append(rows, rest...), genRows(100000, 20))
			break
		}
		if failsWith(t, err, sqlstate.InvalidCursorState, "savepoint"); tries == 0 {
			t.Fatal("the rest of the rows is never kept")
		}
		s.Close()
	}

	// begun inside, committed: it goes on; rolled back further out: it is gone
	r.level = 3
	inner, outer := r.scan("gen 100000 20", mayStop(10)), r.scan("gen 100000 20", mayStop(10))
	rows := r.take(inner, 10)
	r.subCommit()
	for len(rows) < 30 {
		out, err := r.next(inner)
		if err != nil || out != Rows {
			t.Fatal(out, err)
		}
		rows = append(rows, batch(inner)...)
	}
	same(t, "begun inside", rows, genRows(30, 20))
	r.first(outer)
	e.take()
	r.subAbort()
	for _, s := range []*Scan{inner, outer} {
		_, err := r.all(s)
		failsWith(t, err, sqlstate.InvalidCursorState, "savepoint")
	}
	same(t, "the transaction", r.must(other), genRows(3, 3))
	if log := e.take(); strings.Contains(log, "Execute 20") || strings.Contains(log, "Execute 40") {
		t.Errorf("a portal was asked for that is gone: %s", log)
	}
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
}

// TestWrongSuspension: a server that stops elsewhere than it was told to breaks
// the protocol; rows may be missing.
func TestWrongSuspension(t *testing.T) {
	suspended, _ := (&pgproto3.PortalSuspended{}).Encode(nil)
	for name, c := range map[string]struct {
		change func(*Spec)
		at     int // which message of the answer
		alter  func(raw []byte) []byte
	}{
		"early":      {mayStop(10), 9, func([]byte) []byte { return suspended }},
		"late":       {mayStop(10), 14, func(raw []byte) []byte { return raw[:0] }},
		"no limit":   {func(*Spec) {}, 9, func([]byte) []byte { return suspended }},
		"row before": {mayStop(10), 13, func(raw []byte) []byte { return append(append([]byte{}, raw...), raw...) }},
		"twice":      {mayStop(10), 14, func(raw []byte) []byte { return append(append([]byte{}, raw...), suspended...) }},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.must(r.scan("gen 1 1")) // so that the answer has no transaction commands
			e.mu.Lock()
			from := e.sent
			e.alter = func(i int, _ pgproto3.BackendMessage, raw []byte) ([]byte, bool) {
				if i-from == c.at-1 {
					return c.alter(raw), false
				}
				return raw, false
			}
			e.mu.Unlock()
			_, err := r.run(r.scan("gen 100 3", c.change, func(s *Spec) { s.Expected = 1 }))
			failsWith(t, err, sqlstate.ProtocolViolation)
		})
	}
}
