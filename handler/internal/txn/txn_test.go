package txn

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// remote is a model of what a PostgreSQL session does with the commands: it
// fails the test on anything a server would refuse. What statements have done
// stands in the list of the savepoint they ran behind.
type remote struct {
	t         *testing.T
	in        bool
	failed    bool
	readOnly  bool
	stack     []savepoint // the first is the transaction
	committed []effect
	trace     []string
}

type savepoint struct {
	name     string
	readOnly bool // what the transaction was when it was set
	done     []effect
}

// effect is what a statement has done, by a number that tells it from others.
type effect int

func (r *remote) clone() *remote {
	c := *r
	c.stack = nil
	for _, sp := range r.stack {
		c.stack = append(c.stack, savepoint{sp.name, sp.readOnly, slices.Clone(sp.done)})
	}
	c.trace = slices.Clone(r.trace)
	return &c
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
		r.in, r.stack, r.readOnly = true, []savepoint{{}}, strings.HasSuffix(cmd, " READ ONLY")
	case words[0] == "COMMIT", cmd == "ROLLBACK":
		if !r.in {
			r.die("there is no transaction in progress")
		}
		if words[0] == "COMMIT" {
			if r.failed {
				r.die("COMMIT of a failed transaction")
			}
			for _, sp := range r.stack {
				r.committed = append(r.committed, sp.done...)
			}
		}
		r.in, r.failed, r.stack = false, false, nil
	case strings.HasPrefix(cmd, "ROLLBACK TO"):
		at := r.find(last)
		r.readOnly = r.stack[at].readOnly
		r.stack = append(r.stack[:at], savepoint{name: last, readOnly: r.readOnly})
		r.failed = false
	case r.failed:
		r.die("current transaction is aborted: " + cmd)
	case words[0] == "SAVEPOINT":
		r.stack = append(r.stack, savepoint{name: last, readOnly: r.readOnly})
	case cmd == "SET TRANSACTION READ ONLY":
		r.readOnly = true
	case words[0] == "RELEASE":
		at := r.find(last)
		for _, sp := range r.stack[at:] {
			r.stack[at-1].done = append(r.stack[at-1].done, sp.done...)
		}
		r.readOnly = r.stack[at].readOnly // it ends with the sub-transaction
		r.stack = r.stack[:at]
	}
}

func (r *remote) do(e effect) {
	r.t.Helper()
	if r.failed || !r.in {
		r.die("a statement outside a sound transaction")
	}
	top := &r.stack[len(r.stack)-1]
	top.done = append(top.done, e)
}

// find returns the place of the innermost savepoint of this name.
func (r *remote) find(name string) int {
	r.t.Helper()
	for i := len(r.stack) - 1; i > 0; i-- {
		if r.stack[i].name == name {
			return i
		}
	}
	r.die("savepoint " + name + " does not exist")
	return 0
}

func (r *remote) die(why string) {
	r.t.Helper()
	r.t.Fatalf("%s\ntrace: %s", why, strings.Join(r.trace, "; "))
}

// statement is one that the local transaction has run and not rolled back.
type statement struct {
	level int
	locks bool
	kept  bool // it has answered, so what it did is counted on
	did   effect
}

// local drives a State as a backend would.
type local struct {
	lazy, serializable bool

	s        State
	r        *remote
	level    int
	readOnly int // the outermost level that is READ ONLY, 0 for none
	ran      []statement
	path     []string
}

func (l *local) clone() *local {
	c := *l
	c.r, c.ran, c.path = l.r.clone(), slices.Clone(l.ran), slices.Clone(l.path)
	return &c
}

// execute runs a statement, or tries to: in a transaction that has failed, one
// is refused and changes nothing, whatever the local side then does.
func (l *local) execute(guard, locks, fails, behind bool) {
	if l.s.Failed() {
		l.r.run(l.s.Unguard()...)
	}
	if l.s.Failed() {
		return
	}
	mode := Mode{Serializable: l.serializable, ReadOnly: l.readOnly > 0}
	l.r.run(l.s.Enter(l.level, mode, guard)...)
	if mode.ReadOnly != l.r.readOnly {
		l.r.die(fmt.Sprintf("READ ONLY: %v here, %v there", mode.ReadOnly, l.r.readOnly))
	}
	if locks {
		l.s.MarkDirty()
	}
	if behind && fails {
		// one that was sent behind it before its failure was known fails with it
		if cmds := l.s.Enter(l.level, mode, false); len(cmds) > 0 {
			l.r.die("commands in front of a statement that goes behind another: " + strings.Join(cmds, "; "))
		}
		l.s.MarkDirty()
	}
	st := statement{level: l.level, locks: locks, kept: !fails, did: effect(len(l.path))}
	l.ran = append(l.ran, st)
	if fails {
		l.r.failed = true
		l.s.MarkFailed()
		return
	}
	l.r.do(st.did)
}

func (l *local) apply(ev string) bool {
	l.path = append(l.path, ev)
	switch ev {
	case "use", "guarded", "lock", "fail", "fail guarded", "fail locking":
		l.execute(strings.Contains(ev, "guarded"), strings.Contains(ev, "lock"), strings.Contains(ev, "fail"), false)
	case "write": // in a transaction that may
		if l.readOnly > 0 {
			return false
		}
		l.execute(false, true, false, true)
	case "fail writing":
		if l.readOnly > 0 {
			return false
		}
		l.execute(false, true, true, true)
	case "read only":
		if l.readOnly > 0 {
			return false
		}
		l.readOnly = l.level
	case "cancel", "cancel late": // nobody wants the rest of the guarded statement
		if !l.s.Guarded() || l.s.Failed() {
			return false
		}
		l.r.failed = true
		l.s.MarkFailed()
		l.ran[len(l.ran)-1].kept = false
		if ev == "cancel" {
			l.r.run(l.s.Unguard()...)
		}
	case "push":
		l.level++
	case "subcommit":
		if l.level == 1 {
			return false
		}
		l.s.SubCommit(l.level)
		l.level--
		l.endReadOnly()
		for i := range l.ran {
			l.ran[i].level = min(l.ran[i].level, l.level)
		}
	case "subabort":
		if l.level == 1 {
			return false
		}
		l.r.run(l.s.SubAbort(l.level)...)
		l.ran = slices.DeleteFunc(l.ran, func(st statement) bool { return st.level >= l.level })
		l.level--
		l.endReadOnly()
	case "commit":
		if l.level != 1 {
			return false
		}
		l.commit()
		l.readOnly = 0
	case "abort":
		l.r.run(l.s.Abort())
		l.level, l.ran, l.readOnly = 1, nil, 0
	}
	return true
}

// endReadOnly: a sub-transaction that was READ ONLY has ended.
func (l *local) endReadOnly() {
	if l.readOnly > l.level {
		l.readOnly = 0
	}
}

// commit checks what a local transaction may count on once it has committed:
// what its statements did there is committed as well, or it has been told, or
// it does not commit.
func (l *local) commit() {
	t := l.r.t
	t.Helper()
	binding, want := false, []effect(nil)
	for _, st := range l.ran {
		binding = binding || st.locks || l.serializable || !l.lazy
		if st.kept {
			want = append(want, st.did)
		}
	}
	failed := l.s.Failed() && !l.s.Guarded()
	l.r.committed = nil
	end := l.s.Commit(l.lazy)
	l.r.run(end.Commands...)
	if end.Refused {
		l.r.run(l.s.Abort())
	}
	switch {
	case end.Refused != (failed && binding):
		t.Fatalf("commit refused: %v, failed %v, binding %v, after %v", end.Refused, failed, binding, l.path)
	case end.Refused:
	case len(l.ran) > 0 && end.Wait != binding:
		t.Fatalf("commit waits: %v, binding %v, after %v", end.Wait, binding, l.path)
	case end.Lost && !failed:
		t.Fatalf("said to be lost, and nothing has failed, after %v", l.path)
	case !end.Lost && !slices.Equal(l.r.committed, want):
		t.Fatalf("committed %v, want %v, after %v", l.r.committed, want, l.path)
	}
	if l.r.in {
		t.Fatalf("in a transaction after %v", l.path)
	}
	l.ran = nil
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
	var want, got []string
	for d := 2; d <= l.s.depth; d++ {
		want = append(want, fmt.Sprintf("s%d", d))
	}
	if l.s.guard {
		want = append(want, querySavepoint)
	}
	for i, sp := range l.r.stack {
		if i > 0 {
			got = append(got, sp.name)
		}
	}
	if !slices.Equal(want, got) {
		t.Fatalf("savepoints: %v here, %v there, after %v", want, got, l.path)
	}
}

// TestEverySequence runs all event sequences up to a length against the model.
// A failure may be heard of locally or not, so anything may follow it.
func TestEverySequence(t *testing.T) {
	events := []string{"use", "guarded", "lock", "fail", "fail guarded", "fail locking", "cancel", "cancel late",
		"write", "fail writing", "read only", "push", "subcommit", "subabort", "commit", "abort"}
	const length = 5
	for _, lazy := range []bool{true, false} {
		for _, serializable := range []bool{false, true} {
			count := 0
			var walk func(l *local)
			walk = func(l *local) {
				count++
				if len(l.path) == length {
					if l.level == 1 {
						l.apply("commit")
					}
					return
				}
				for _, ev := range events {
					if next := l.clone(); next.apply(ev) {
						next.check(t)
						walk(next)
					}
				}
			}
			walk(&local{lazy: lazy, serializable: serializable, r: &remote{t: t}, level: 1})
			if count < 150000 {
				t.Fatalf("only %d sequences were walked", count)
			}
		}
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
		if got := strings.Join(s.Enter(tt.level, Mode{Serializable: tt.serializable}, tt.guard), "; "); got != tt.want {
			t.Errorf("level %d: %q, want %q", tt.level, got, tt.want)
		}
	}
	s.SubCommit(3)
	s.SubCommit(2)
	if got := strings.Join(s.Enter(2, Mode{Serializable: true}, false), "; "); got != "RELEASE SAVEPOINT s2; SAVEPOINT s2" {
		t.Errorf("a new sub-transaction reuses the savepoint of a committed one: %q", got)
	}
}

// TestCommitOfFailed: what a failed remote transaction means for the local one.
func TestCommitOfFailed(t *testing.T) {
	fail := func(level int, guard, dirty bool) func(s *State) {
		return func(s *State) {
			s.Enter(level, Mode{}, guard)
			if dirty {
				s.MarkDirty()
			}
			s.MarkFailed()
		}
	}
	lock := func(s *State) { s.Enter(1, Mode{}, false); s.MarkDirty() }
	read := func(s *State) { s.Enter(1, Mode{}, false) }
	back := func(s *State) { s.SubAbort(2) }
	for name, tt := range map[string]struct {
		steps []func(s *State)
		want  End
	}{
		"locked, failed outside the savepoint": {[]func(*State){lock, fail(1, false, false), back}, End{Refused: true}},
		"locked, failed behind the savepoint":  {[]func(*State){lock, fail(2, false, true), back}, End{Commands: []string{"COMMIT"}, Wait: true}},
		"locked behind the savepoint only":     {[]func(*State){read, fail(2, false, true), back}, End{Commands: []string{"COMMIT"}}},
		"locked, and an unwanted statement failed": {[]func(*State){lock, fail(1, true, false)},
			End{Commands: []string{"ROLLBACK TO SAVEPOINT pgwire_q", "RELEASE SAVEPOINT pgwire_q", "COMMIT"}, Wait: true}},
		"read, then failed": {[]func(*State){read, fail(1, false, false)}, End{Commands: []string{"ROLLBACK"}, Lost: true}},
		"only failed":       {[]func(*State){fail(1, false, false)}, End{Commands: []string{"ROLLBACK"}}},
	} {
		var s State
		for _, step := range tt.steps {
			step(&s)
		}
		if got := s.Commit(true); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestCommitWaits(t *testing.T) {
	for _, tt := range []struct {
		lazy, serializable, dirty, wait bool
	}{{true, false, false, false}, {true, false, true, true}, {false, false, false, true}, {true, true, false, true}} {
		var s State
		s.Enter(1, Mode{Serializable: tt.serializable}, false)
		if tt.dirty {
			s.MarkDirty()
		}
		if end := s.Commit(tt.lazy); !slices.Equal(end.Commands, []string{"COMMIT"}) || end.Wait != tt.wait {
			t.Errorf("%+v: %+v", tt, end)
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
					cmds := whole.Enter(level, Mode{}, guard)
					for n := range cmds {
						part := before
						part.EnterPart(level, Mode{}, guard, n)
						if n == 0 && part != before {
							t.Fatalf("%+v became %+v by nothing", before, part)
						}
						rest := part.Enter(level, Mode{}, guard)
						if strings.Join(rest, ";") != strings.Join(cmds[n:], ";") || part != whole {
							t.Fatalf("from %+v to level %d, after %d of %q: %q, %+v", before, level, n, cmds, rest, part)
						}
					}
				}
			}
		}
	}
}
