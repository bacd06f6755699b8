package store

import (
	"fmt"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/sqlerr"
)

const begin = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ"

func (g *rig) has(rows ...string) {
	g.t.Helper()
	got := g.r.rows()
	at := 0
	for at < min(len(got), len(rows)) && got[at] == rows[at] {
		at++
	}
	if at < max(len(got), len(rows)) {
		g.t.Errorf("stored %d rows, want %d; they differ from the %dth on: %.200q, want %.200q", len(got), len(rows), at, got[at:], rows[at:])
	}
}

func failsWith(t *testing.T, err *sqlerr.Error, state string, texts ...string) {
	t.Helper()
	if err == nil || err.SQLState != state {
		t.Fatalf("error %v, want %s", err, state)
	}
	all := err.Message + "\n" + err.Detail + "\n" + err.Context
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%q does not say %q", all, text)
		}
	}
}

// TestSingleRow: a row in a transaction of its own costs two round trips.
func TestSingleRow(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert", exact)
	g.must(w, 1, "a")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	if sent := g.r.take(); sent != begin+"; insert; sync; COMMIT" {
		t.Errorf("sent: %s", sent)
	}
	g.has("a")
}

func TestReturning(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert returning", returning)
	for i := range 4 { // unnamed, named, known
		if err := g.rows(w, "a", "b"); err != nil {
			t.Fatal(err)
		}
		if n, back, err := g.finish(w); err != nil || n != 2 || back != 2 {
			t.Fatalf("%d: %d rows, %d returned, %v", i, n, back, err)
		}
	}
	// more than a batch holds
	large := strings.Repeat("x", 50_000)
	if err := g.rows(w, large, large, large, strings.Repeat("y", 300_000)); err != nil {
		t.Fatal(err)
	}
	if n, back, err := g.finish(w); err != nil || n != 4 || back != 4 {
		t.Fatalf("%d rows, %d returned, %v", n, back, err)
	}
}

// TestCounts: what the remote says must be what it was to do.
func TestCounts(t *testing.T) {
	for _, tt := range []struct {
		value      string
		exact, any bool
		want       int64 // <0: an error
	}{
		{"a", true, false, 1}, {"none", false, false, 0}, {"none", true, false, -1}, {"twice", false, false, -1},
		{"twice", true, false, -1}, {"twice", false, true, 2}, {"mute", false, false, -1}, {"mute", false, true, 0},
		{"other", false, false, -1},
	} {
		g := newRig(t)
		w := g.writer("insert", func(s *Spec) { s.Exact, s.Any = tt.exact, tt.any })
		if err := g.rows(w, tt.value); err != nil {
			t.Fatal(err)
		}
		n, _, err := g.finish(w)
		if tt.want >= 0 {
			if err != nil || n != tt.want {
				t.Errorf("%+v: %d, %v", tt, n, err)
			}
			continue
		}
		failsWith(t, err, "21000")
		if err := g.commit(); err == nil {
			t.Errorf("%+v: committed", tt)
		}
		g.has()
	}
}

// TestPipeline: nobody waits for an answer until the end.
func TestPipeline(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert", exact)
	var want []string
	for i := range 20_000 {
		v := fmt.Sprintf("value %d", i)
		want = append(want, v)
		if err := g.rows(w, v); err != nil {
			t.Fatal(err)
		}
	}
	n, _, err := g.finish(w)
	if err != nil || n != 20_000 {
		t.Fatalf("%d, %v", n, err)
	}
	if w.Stats.Exchanges > 2000 || w.Stats.Rows != 20_000 {
		t.Errorf("%+v", w.Stats)
	}
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	g.has(want...)
}

// TestPipelineError: the first error counts, and names its row.
func TestPipelineError(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert", exact)
	var err *sqlerr.Error
	for i := 0; i < 20_000 && err == nil; i++ {
		v := "a longer value, so that there are several packets"
		if i == 7_000 {
			v = "bad"
		}
		err = g.rows(w, v)
	}
	if err == nil {
		_, _, err = g.finish(w)
	}
	failsWith(t, err, "23514", "violates check", "row 7001 of those written")
	if err.Constraint != "positive" || err.RemoteSQL != "insert" {
		t.Errorf("%+v", err)
	}
	if err := g.commit(); err == nil {
		t.Error("committed")
	}
	g.has()
}

func TestCopy(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert", exact)
	if err := g.rows(w, "first"); err != nil {
		t.Fatal(err)
	}
	w.Copy("copy")
	want := []string{"first"}
	for i := range 3_000 {
		v := strings.Repeat("v", i%900) + fmt.Sprint(i)
		want = append(want, v)
		if err := g.rows(w, v); err != nil {
			t.Fatal(err)
		}
	}
	if n, _, err := g.finish(w); err != nil || n != 3_001 {
		t.Fatalf("%d, %v", n, err)
	}
	g.must(w, 2, "again", "and again")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	if sent := g.r.take(); sent != begin+"; insert; sync; copy; copied 3000; sync; copy; copied 2; sync; COMMIT" {
		t.Errorf("sent: %s", sent)
	}
	g.has(append(want, "again", "and again")...)
}

func TestCopyError(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert", exact)
	g.must(w, 2, "1", "2")
	w.Copy("copy")
	var err *sqlerr.Error
	for i := 0; i < 100_000 && err == nil; i++ {
		v := "good, and not too short"
		if i == 2 {
			v = "bad"
		}
		err = g.rows(w, v)
	}
	if err == nil {
		_, _, err = g.finish(w)
	}
	failsWith(t, err, "23514", "COPY t, line 5, column v")
	g.abort()
	// the connection is sound
	other := g.writer("insert", exact)
	g.must(other, 1, "after")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	g.has("after")
	if n := g.r.server.Accepts(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestCopyCount: a remote that has copied another number of rows is not believed.
func TestCopyCount(t *testing.T) {
	for _, lie := range []int64{-1, 1} {
		g := newRig(t)
		g.r.lie = lie
		w := g.writer("insert", exact)
		w.Copy("copy")
		if err := g.rows(w, "1", "2"); err != nil {
			t.Fatal(err)
		}
		_, _, err := g.finish(w)
		failsWith(t, err, "21000", "was sent 2 rows")
		if err := g.commit(); err == nil {
			t.Error("committed")
		}
		g.has()
	}
}

// TestInBetween: whoever uses the connection next has what is held back sent
// first, and a COPY ended.
func TestInBetween(t *testing.T) {
	for _, how := range []string{"", "copy"} {
		g := newRig(t)
		w := g.writer("insert", exact)
		w.Copy(how)
		for range 3 {
			if err := g.rows(w, "a", "b"); err != nil {
				t.Fatal(err)
			}
			if err := g.rows(w, "c"); err != nil {
				t.Fatal(err)
			}
			g.look()
		}
		if n, _, err := g.finish(w); n != 9 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if err := g.commit(); err != nil {
			t.Fatal(err)
		}
		g.has("a", "b", "c", "a", "b", "c", "a", "b", "c")
		sent := g.r.take()
		if parts := strings.Split(sent, "look"); len(parts) != 4 || strings.HasSuffix(parts[2], "sync; ") == false {
			t.Errorf("%q: %s", how, sent)
		}
	}
}

// TestSeveralWriters: writers share a connection without waiting for each other
// (partitions of one server), and the first error is that of all.
func TestSeveralWriters(t *testing.T) {
	for _, how := range [][]string{{"", "", ""}, {"copy", "copy", "copy"}, {"copy", "", "copy"}} {
		for _, fails := range []bool{false, true} {
			g := newRig(t)
			var writers []*Writer
			for i, sql := range []string{"insert a", "insert b", "insert c"} {
				writers = append(writers, g.writer(sql, exact))
				writers[i].Copy(how[i])
			}
			var err *sqlerr.Error
			const n = 9_000
			for i := 0; i < n && err == nil; i++ {
				v := fmt.Sprintf("%d is a row of one of three tables", i)
				if fails && i == 1234 {
					v = "bad"
				}
				err = g.rows(writers[i%3], v)
			}
			for _, w := range writers {
				m, _, e := g.finish(w)
				switch {
				case fails && e == nil, !fails && (e != nil || m != n/3):
					t.Errorf("%q: %d, %v", how, m, e)
				case fails:
					failsWith(t, e, "23514", "violates check")
				}
			}
			err = g.commit()
			if fails {
				if err == nil {
					t.Error("committed")
				}
				g.has()
				continue
			}
			if err != nil || len(g.r.rows()) != n {
				t.Errorf("%q: %v, %d rows", how, err, len(g.r.rows()))
			}
			for _, w := range writers { // one for each row, if they waited for each other
				if n := w.Stats.Exchanges + w.Stats.Copies; n > 300 {
					t.Errorf("%q: %+v", how, w.Stats)
				}
			}
		}
	}
}

// TestRollback: what a rolled back level has handed over is not there, sent or not.
func TestRollback(t *testing.T) {
	for _, how := range []string{"", "copy"} {
		for _, finished := range []bool{false, true} {
			g := newRig(t)
			outer := g.writer("insert", exact)
			outer.Copy(how)
			if err := g.rows(outer, "outer"); err != nil {
				t.Fatal(err)
			}
			g.mode.Level = 2
			w := g.writer("insert", exact)
			w.Copy(how)
			for range 3 {
				if err := g.rows(w, "inner"); err != nil {
					t.Fatal(err)
				}
			}
			if finished {
				if _, _, err := g.finish(w); err != nil {
					t.Fatal(err)
				}
			}
			g.subAbort()
			w.Close()
			if err := g.rows(outer, "after"); err != nil {
				t.Fatal(err)
			}
			if n, _, err := g.finish(outer); n != 2 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			if err := g.commit(); err != nil {
				t.Fatal(err)
			}
			g.has("outer", "after")
		}
	}
}

// TestAbort: of an aborted transaction nothing is there, and the connection can be used.
func TestAbort(t *testing.T) {
	for _, how := range []string{"", "copy"} {
		g := newRig(t)
		w := g.writer("insert", exact)
		w.Copy(how)
		for range 2_000 {
			if err := g.rows(w, strings.Repeat("x", 100)); err != nil {
				t.Fatal(err)
			}
		}
		g.abort()
		w.Close()
		other := g.writer("insert", exact)
		g.must(other, 1, "after")
		if err := g.commit(); err != nil {
			t.Fatal(err)
		}
		g.has("after")
		if n := g.r.server.Accepts() - len(g.r.server.Cancels()); n != 1 {
			t.Errorf("%q: %d connections", how, n)
		}
	}
}

// TestUnfinished: what was handed over and never asked about is written with the commit.
func TestUnfinished(t *testing.T) {
	for _, how := range []string{"", "copy"} {
		g := newRig(t)
		w := g.writer("insert", exact)
		w.Copy(how)
		if err := g.rows(w, "a"); err != nil {
			t.Fatal(err)
		}
		if err := g.rows(w, "b"); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if err := g.commit(); err != nil {
			t.Fatal(err)
		}
		g.has("a", "b")
	}
}

// TestLost: nothing that may have written is sent again.
func TestLost(t *testing.T) {
	g := newRig(t)
	w := g.writer("insert", exact)
	g.must(w, 1, "a")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	w = g.writer("insert", exact)
	if err := g.rows(w, "lost"); err != nil {
		t.Fatal(err)
	}
	_, _, err := g.finish(w)
	failsWith(t, err, "08006")
	if err.SendAgain || g.r.server.Accepts() != 1 {
		t.Errorf("%+v, %d connections", err, g.r.server.Accepts())
	}
	if err := g.commit(); err == nil {
		t.Error("committed")
	}
	g.has("a")
}

// TestStaleConnection: a server that has gone between two transactions is found
// out before anything is sent.
func TestStaleConnection(t *testing.T) {
	g := newRig(t)
	g.r.leaves = true
	g.must(g.writer("insert", exact), 1, "a")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	if !waitFor(func() bool { return g.pool.Lookup(umid).Gone() }, limit) {
		t.Fatal("the server has not left")
	}
	g.must(g.writer("insert", exact), 1, "b")
	if err := g.commit(); err != nil {
		t.Fatal(err)
	}
	g.has("a", "b")
	if n := g.r.server.Accepts(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestRepeatValues(t *testing.T) {
	for _, tt := range []struct{ sql, row, want string }{
		{"INSERT INTO t VALUES ($1, $2)", "($1, $2)", "INSERT INTO t VALUES ($1, $2), ($3, $4), ($5, $6)"},
		{"INSERT INTO t VALUES (DEFAULT, $2, $1) RETURNING a", "(DEFAULT, $2, $1)",
			"INSERT INTO t VALUES (DEFAULT, $2, $1), (DEFAULT, $4, $3), (DEFAULT, $6, $5) RETURNING a"},
		{`INSERT INTO t VALUES ($1::"a$1""$2", $2, 'x$1''$1')`, `($1::"a$1""$2", $2, 'x$1''$1')`,
			`INSERT INTO t VALUES ($1::"a$1""$2", $2, 'x$1''$1'), ($3::"a$1""$2", $4, 'x$1''$1'), ($5::"a$1""$2", $6, 'x$1''$1')`},
	} {
		at := Span{At: strings.Index(tt.sql, tt.row), Len: len(tt.row)}
		if got := repeatValues(tt.sql, at, 3, 2); got != tt.want {
			t.Errorf("%s", got)
		}
	}
}
