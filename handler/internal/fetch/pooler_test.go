package fetch

import (
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/session"
)

// TestBehindAPooler: where the session is not ours no statement gets a name, by
// which a later one of ours or somebody else's could be met in another session,
// and transactions go on as they do elsewhere.
func TestBehindAPooler(t *testing.T) {
	noLeak(t)
	e := &engine{pid: fakepg.PID + 1}
	r := fakeRig(t, e)
	e.forgetAll()
	for range 3 {
		for _, alone := range []bool{true, false} {
			r.alone = alone
			s := r.scan("gen $1 2")
			for range 2 {
				same(t, "rows", r.must(s, number(3)), genRows(3, 2))
			}
			r.alone = false
			r.level++
			same(t, "in a sub-transaction", r.must(r.scan("gen 2 2")), genRows(2, 2))
			_, err := r.run(r.scan("fail 1 22012"))
			failsWith(t, err, "22012")
			r.subAbort()
			same(t, "after it", r.must(s, number(2)), genRows(2, 2))
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
			e.forgetAll()
		}
	}
	if log := e.take(); strings.Contains(log, "Parse p") || strings.Contains(log, "Close p") {
		t.Errorf("named statements:\n%s", log)
	}
	e.mu.Lock()
	asked, set := e.asked, e.set
	e.mu.Unlock()
	if asked != 1 || set < 6 {
		t.Errorf("asked %d times, settings %d times", asked, set)
	}
}

// TestPooledOption: who says that there is a pooler is asked nothing, and sends no
// settings with the start-up.
func TestPooledOption(t *testing.T) {
	noLeak(t)
	e := &engine{opts: fakepg.Options{Takes: []string{}}}
	r := fakeRig(t, e)
	r.target.Pooled = session.PooledTrue
	same(t, "rows", r.must(r.scan("gen 3 2")), genRows(3, 2))
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server.Accepts() != 1 || e.asked != 0 || e.set != 1 {
		t.Errorf("%d connections, asked %d times, settings %d times", e.server.Accepts(), e.asked, e.set)
	}
}

// TestLostStatements: when the session turns out not to have one of our
// statements, the others are not counted on either; in the middle of a
// transaction one could not be sent again.
func TestLostStatements(t *testing.T) {
	for _, pooled := range []string{session.PooledAuto, session.PooledFalse} {
		noLeak(t)
		e := &engine{}
		r := fakeRig(t, e)
		r.target.Pooled = pooled
		commit := func() {
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
		}
		one, other := r.scan("gen $1 2"), r.scan("gen $1 3")
		for range 3 {
			same(t, "one", r.must(one, number(3)), genRows(3, 2))
			same(t, "other", r.must(other, number(3)), genRows(3, 3))
			commit()
		}
		e.forgetAll()
		same(t, "lost", r.must(one, number(3)), genRows(3, 2))
		commit()
		same(t, "something else", r.must(r.scan("gen 2 2")), genRows(2, 2))
		same(t, "other", r.must(other, number(3)), genRows(3, 3))
		commit()
	}
}
