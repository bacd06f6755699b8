package txn

import (
	"fmt"
	"strings"
	"testing"
)

// remote is a model of what a PostgreSQL session does with the commands: it
// fails the test on anything a server would refuse.
type remote struct {
	t      *testing.T
	in     bool
	failed bool
	stack  []string
	trace  []string
}

func (r *remote) run(cmds ...string) {
	r.t.Helper()
	for _, cmd := range cmds {
		if cmd == "" {
			continue
		}
		r.trace = append(r.trace, cmd)
		r.one(cmd)
	}
}

func (r *remote) one(cmd string) {
	r.t.Helper()
	words := strings.Fields(cmd)
	last := words[len(words)-1]
	switch {
	case words[0] == "START":
		if r.in {
			r.die("there is already a transaction in progress")
		}
		r.in = true
	case words[0] == "COMMIT", cmd == "ROLLBACK":
		if !r.in {
			r.die("there is no transaction in progress")
		}
		if words[0] == "COMMIT" && r.failed {
			r.die("COMMIT of a failed transaction")
		}
		r.in, r.failed, r.stack = false, false, nil
	case strings.HasPrefix(cmd, "ROLLBACK TO"):
		r.cut(last, true)
		r.failed = false
	case r.failed:
		r.die("current transaction is aborted: " + cmd)
	case words[0] == "SAVEPOINT":
		r.stack = append(r.stack, last)
	case words[0] == "RELEASE":
		r.cut(last, false)
	}
}

// cut finds the innermost savepoint of this name and drops what is inside it,
// and, unless keep, itself.
func (r *remote) cut(name string, keep bool) {
	r.t.Helper()
	for i := len(r.stack) - 1; i >= 0; i-- {
		if r.stack[i] == name {
			if keep {
				i++
			}
			r.stack = r.stack[:i]
			return
		}
	}
	r.die("savepoint " + name + " does not exist")
}

func (r *remote) die(why string) {
	r.t.Helper()
	r.t.Fatalf("%s\ntrace: %s", why, strings.Join(r.trace, "; "))
}

// local drives a State as a backend would.
type local struct {
	s     State
	r     *remote
	level int
	path  []string
}

func (l *local) apply(ev string) bool {
	l.path = append(l.path, ev)
	switch ev {
	case "use", "guarded", "fail":
		if l.s.Failed() { // the local (sub)transaction is aborting too
			return false
		}
		l.r.run(l.s.Enter(l.level, false, ev == "guarded")...)
		if ev == "fail" {
			l.r.failed = true
			l.s.MarkFailed()
		}
	case "cancel":
		if !l.s.Guarded() || l.s.Failed() {
			return false
		}
		l.r.failed = true
		l.s.MarkFailed()
		l.r.run(l.s.Unguard()...)
	case "push":
		if l.s.Failed() {
			return false
		}
		l.level++
	case "subcommit":
		if l.level == 1 || l.s.Failed() {
			return false
		}
		l.s.SubCommit(l.level)
		l.level--
	case "subabort":
		if l.level == 1 {
			return false
		}
		l.r.run(l.s.SubAbort(l.level)...)
		l.level--
	case "commit":
		if l.level != 1 || l.s.Failed() {
			return false
		}
		cmd, _ := l.s.Commit(true)
		l.r.run(cmd)
	case "abort":
		l.r.run(l.s.Abort())
		l.level = 1
	}
	return true
}

// check compares the state with the model after every step.
func (l *local) check(t *testing.T) {
	t.Helper()
	if l.s.depth < 0 || l.s.valid > l.s.depth || l.s.valid > l.level {
		t.Fatalf("state %+v at level %d after %v", l.s, l.level, l.path)
	}
	if l.s.InTransaction() != l.r.in {
		t.Fatalf("in transaction: %v here, %v there, after %v", l.s.InTransaction(), l.r.in, l.path)
	}
	if l.s.Failed() != l.r.failed {
		t.Fatalf("failed: %v here, %v there, after %v", l.s.Failed(), l.r.failed, l.path)
	}
	want := []string{}
	for d := 2; d <= l.s.depth; d++ {
		want = append(want, fmt.Sprintf("s%d", d))
	}
	if l.s.guard {
		want = append(want, querySavepoint)
	}
	if strings.Join(want, " ") != strings.Join(l.r.stack, " ") {
		t.Fatalf("savepoints: %v here, %v there, after %v", want, l.r.stack, l.path)
	}
}

// TestEverySequence runs all event sequences up to a length against the model.
func TestEverySequence(t *testing.T) {
	events := []string{"use", "guarded", "fail", "cancel", "push", "subcommit", "subabort", "commit", "abort"}
	const length = 6
	count := 0
	var walk func(prefix []string)
	walk = func(prefix []string) {
		l := &local{r: &remote{t: t}, level: 1}
		for _, ev := range prefix {
			if !l.apply(ev) {
				return
			}
			l.check(t)
		}
		count++
		if len(prefix) == length {
			return
		}
		for _, ev := range events {
			walk(append(prefix[:len(prefix):len(prefix)], ev))
		}
	}
	walk(nil)
	if count < 10000 {
		t.Fatalf("only %d sequences were walked", count)
	}
}

func TestEnter(t *testing.T) {
	var s State
	tests := []struct {
		level               int
		serializable, guard bool
		want                string
	}{
		{1, true, false, "START TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
		{1, true, true, "SAVEPOINT pgwire_q"},
		{3, true, false, "RELEASE SAVEPOINT pgwire_q; SAVEPOINT s2; SAVEPOINT s3"},
		{3, true, false, ""},
	}
	for _, tt := range tests {
		if got := strings.Join(s.Enter(tt.level, tt.serializable, tt.guard), "; "); got != tt.want {
			t.Errorf("level %d: %q, want %q", tt.level, got, tt.want)
		}
	}
	s.SubCommit(3)
	s.SubCommit(2)
	if got := strings.Join(s.Enter(2, true, false), "; "); got != "RELEASE SAVEPOINT s2; SAVEPOINT s2" {
		t.Errorf("a new sub-transaction reuses the savepoint of a committed one: %q", got)
	}
}

func TestCommitWaits(t *testing.T) {
	for _, tt := range []struct {
		lazy, dirty, wait bool
	}{{true, false, false}, {true, true, true}, {false, false, true}} {
		var s State
		s.Enter(1, false, false)
		if tt.dirty {
			s.MarkDirty()
		}
		cmd, wait := s.Commit(tt.lazy)
		if cmd != "COMMIT" || wait != tt.wait {
			t.Errorf("%+v: %q %v", tt, cmd, wait)
		}
		if s != (State{}) {
			t.Errorf("not idle after commit: %+v", s)
		}
	}
}

// TestEnterPart: after the first commands of Enter, Enter has the others to send.
func TestEnterPart(t *testing.T) {
	for level := 1; level <= 4; level++ {
		for used := 0; used <= 4; used++ {
			for valid := 0; valid <= used; valid++ {
				for bits := range 4 {
					before := State{depth: used, valid: valid, guard: bits&1 != 0 && used > 0}
					guard := bits&2 != 0
					if valid == 0 && used > 0 || level < valid {
						continue
					}
					whole := before
					cmds := whole.Enter(level, false, guard)
					for n := range cmds {
						part := before
						part.EnterPart(level, false, guard, n)
						if n == 0 && part != before {
							t.Fatalf("%+v became %+v by nothing", before, part)
						}
						rest := part.Enter(level, false, guard)
						if strings.Join(rest, ";") != strings.Join(cmds[n:], ";") || part != whole {
							t.Fatalf("from %+v to level %d, after %d of %q: %q, %+v", before, level, n, cmds, rest, part)
						}
					}
				}
			}
		}
	}
}
