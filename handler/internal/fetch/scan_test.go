package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
)

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		if len(got) > 20 {
			got = append(got[:20:20], "...")
		}
		t.Fatalf("%s: got %d rows %.600q, expected %d", what, len(got), got, len(want))
	}
}

func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s:\n%s\nexpected\n%s", what, got, want)
	}
}

func failsWith(t testing.TB, err *sqlerr.Error, state string, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, expected %s", state)
	}
	if err.SQLState != state {
		t.Fatalf("error %v, expected SQLSTATE %s", err, state)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("error %v does not say %q", err, w)
		}
	}
}

// TestOneRoundTrip: the transaction begins in the packet of its first
// statement, a statement that comes again is prepared, and after that only its
// parameters travel.
func TestOneRoundTrip(t *testing.T) {
	noLeak(t)
	e := &engine{}
	e.server = fakepg.Run(t, e.options())
	proxy := fakepg.RunProxy(t, "tcp", e.server.Host+":"+e.server.Port)
	r := newRig(t, proxy.Host, proxy.Port)
	s := r.scan("gen $1 3", func(s *Spec) { s.Expected = 100 })
	if err := r.connect(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	trips := proxy.RoundTrips()
	same(t, "rows", r.must(s, number(3)), genRows(3, 3))
	if n := proxy.RoundTrips() - trips; n != 1 {
		t.Errorf("the first statement took %d round trips", n)
	}
	const begin = "Parse - START TRANSACTION ISOLATION LEVEL REPEATABLE READ\nBind -\nExecute 0\n"
	expect(t, "first", e.take(), begin+"Parse - gen $1 3\nBind -\nDescribe\nExecute 0\nSync")
	same(t, "rows", r.must(s, number(2)), genRows(2, 3))
	expect(t, "second", e.take(), "Parse p1 gen $1 3\nBind p1\nDescribe\nExecute 0\nSync")
	same(t, "rows", r.must(s, number(5)), genRows(5, 3))
	expect(t, "third", e.take(), "Bind p1\nExecute 0\nSync")
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	same(t, "rows", r.must(s, number(5)), genRows(5, 3))
	expect(t, "next transaction", e.take(), "Query COMMIT\n"+begin+"Bind p1\nExecute 0\nSync")
	// COMMIT is sent and not waited for, so its answer may come before or after the next statement is sent
	if n := proxy.RoundTrips() - trips; n != 4 && n != 5 {
		t.Errorf("%d round trips", n)
	}
	if s.Stats.RoundTrips != 4 || s.Stats.Executions != 4 || s.Stats.Rows != 15 {
		t.Errorf("statistics are %+v", s.Stats)
	}
}

// TestSameParameterTypesOnly: the same SQL with another parameter type is
// another prepared statement.
func TestSameParameterTypesOnly(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("gen $1 3")
	for range 3 {
		r.must(s, number(1))
	}
	p := number(2)
	p.TypeOID = 20
	e.take()
	same(t, "rows", r.must(s, p), genRows(2, 3))
	if log := e.take(); !strings.Contains(log, "Parse - gen $1 3\n") {
		t.Errorf("sent %s", log)
	}
}

// TestStatementsAreForgotten: the remote holds a bounded number of statements.
func TestStatementsAreForgotten(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	const n = 300
	for i := range n {
		s := r.scan(fmt.Sprintf("gen 1 %d", i))
		r.must(s)
		r.must(s)
		s.Close()
	}
	log := e.take()
	parsed, closed := strings.Count(log, "Parse p"), strings.Count(log, "Close p")
	if parsed != n || closed < n-130 || closed >= n {
		t.Errorf("%d statements prepared, %d closed", parsed, closed)
	}
	// one that was evicted starts over
	s := r.scan("gen 1 0")
	r.must(s)
	if log := e.take(); !strings.Contains(log, "Parse - gen 1 0") {
		t.Errorf("sent %s", log)
	}
}

// TestFormatMismatch: a column that does not come as planned is asked for as
// text, and that is remembered.
func TestFormatMismatch(t *testing.T) {
	for _, expected := range []int64{100, -1} { // without and with a savepoint
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		s := r.scan("enum 3 2", func(s *Spec) { s.Expected = expected })
		want := []string{"text:1|bb", "text:2|cc", "text:3|dd"}
		same(t, "rows", r.must(s), want)
		if n := strings.Count(e.take(), "Execute 0\nSync"); n != 2 {
			t.Errorf("executed %d times", n)
		}
		for range 3 {
			same(t, "rows", r.must(s), want)
			if n := strings.Count(e.take(), "Sync"); n != 1 {
				t.Errorf("executed %d times", n)
			}
		}
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestErrorAfterRows: rows that came are given, then the error; nothing is run
// again, whatever its code is.
func TestErrorAfterRows(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	for _, state := range []string{"22012", "26000", "0A000", "57014"} {
		s := r.scan("fail 5 " + state)
		for i := range 3 { // the last would be a prepared one
			rows, err := r.run(s)
			failsWith(t, err, state, "failed after its rows")
			same(t, "rows", rows, genRows(5, 3))
			if err.RemoteSQL != s.spec.SQL {
				t.Errorf("remote SQL is %q", err.RemoteSQL)
			}
			if n := strings.Count(e.take(), "Execute 0\nSync"); n != 1 {
				t.Errorf("%s, %d: executed %d times", state, i, n)
			}
			r.abort()
		}
	}
	same(t, "afterwards", r.must(r.scan("gen 3 3")), genRows(3, 3))
}

// TestLostStatement: the remote knows a prepared statement no more. Unless it was
// said that there is no pooler, none is prepared after that, and each transaction
// sets what it relies on.
func TestLostStatement(t *testing.T) {
	for _, pooled := range []string{session.PooledAuto, session.PooledFalse} {
		t.Run(pooled, func(t *testing.T) { lostStatement(t, pooled) })
	}
}

func lostStatement(t *testing.T, pooled string) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.target.Pooled = pooled
	s := r.scan("gen $1 3")
	for round := range 5 {
		for i := range 3 {
			same(t, "rows", r.must(s, number(i)), genRows(i, 3))
		}
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		e.take()
		e.forgetAll()
		same(t, "after it was lost", r.must(s, number(4)), genRows(4, 3))
		prepares := strings.Contains(e.take(), "Bind p")
		e.mu.Lock()
		set := e.set
		e.mu.Unlock()
		if pooled == session.PooledAuto && (prepares != (round == 0) || set != 2+round) || pooled == session.PooledFalse && (!prepares || set != 1) {
			t.Errorf("round %d: prepares %t, settings %d times", round, prepares, set)
		}
	}
}

// TestUnreadIsSetAside: two scans take turns on one connection.
func TestUnreadIsSetAside(t *testing.T) {
	for _, memory := range []int64{0, 1000, 1 << 22} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			noLeak(t)
			r := fakeRig(t, &engine{})
			small := func(s *Spec) { s.FetchMemory = memory; s.Expected = 1 }
			a, b := r.scan("gen 40000 20", small), r.scan("gen $1 5", small)
			r.bind(a)
			var rows []string
			for i := 0; ; i++ {
				out, err := r.next(a)
				if err != nil {
					t.Fatal(err)
				}
				if out == End {
					break
				}
				rows = append(rows, batch(a)...)
				same(t, "inner", r.must(b, number(i%50)), genRows(i%50, 5))
			}
			same(t, "outer", rows, genRows(40000, 20))
			if a.Stats.Spooled == 0 || (a.Stats.SpoolFile > 0) != (memory < 1<<22) {
				t.Errorf("statistics are %+v", a.Stats)
			}
		})
	}
}
