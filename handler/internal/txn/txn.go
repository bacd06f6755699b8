// Package txn decides which transaction commands a remote session needs so
// that its transaction follows the local one. It does no I/O: an event goes
// in, the new state and the commands to send come out.
//
// The local transaction has a nest level: 1 at the top, one more for every
// open sub-transaction (GetCurrentTransactionNestLevel of access/xact.h). The
// remote transaction is begun when it is first used, and savepoints are set
// when it is first used inside a sub-transaction, so a remote that is not
// touched costs nothing.
package txn

import "strconv"

// querySavepoint guards one statement whose result may have to be abandoned
// half-read: cancelling it fails the remote transaction, and rolling back to
// this savepoint mends that without losing the snapshot.
const querySavepoint = "pgwire_q"

// State is the transaction state of one remote session. The zero value is an
// idle session.
type State struct {
	depth        int // levels that exist remotely: 0 idle, 1 transaction, n with savepoints s2..sn
	valid        int // deepest of them that still belongs to an open local level
	guard        bool
	failed       bool
	serializable bool
	readOnly     int // the outermost level from which on the remote is READ ONLY, 0 for none
	// The outermost level at which a statement has run, or has locked or written
	// something, that no rollback has undone; 0 for none.
	ran, dirty int
	others     bool // not only the last statement has run
}

// Mode is what the local transaction is like when a statement is sent.
type Mode struct{ Serializable, ReadOnly bool }

// start is the command that begins a remote transaction. A sub-transaction may
// be READ ONLY in one that is not, so that only what is outermost says it there.
func (m Mode) start(level int) string {
	cmd := "START TRANSACTION ISOLATION LEVEL REPEATABLE READ"
	if m.Serializable {
		cmd = "START TRANSACTION ISOLATION LEVEL SERIALIZABLE"
	}
	if m.ReadOnly && level == 1 {
		return cmd + " READ ONLY"
	}
	return cmd
}

// InTransaction reports whether the remote session is in a transaction block.
func (s *State) InTransaction() bool { return s.depth > 0 }

// Guarded reports whether the running (or last) statement has a savepoint of
// its own to roll back to.
func (s *State) Guarded() bool { return s.guard }

// Depth returns how many levels exist remotely, the transaction included.
func (s *State) Depth() int { return s.depth }

// Clean reports whether the remote transaction has locked or written nothing
// that its end could still tell us about.
func (s *State) Clean() bool { return s.dirty == 0 }

// MarkDirty records that the statement that Enter was called for locks or
// writes something.
func (s *State) MarkDirty() { s.dirty = outermost(s.dirty, s.depth) }

// MarkFailed records that a statement failed inside the transaction.
func (s *State) MarkFailed() {
	if s.depth > 0 {
		s.failed = true
	}
}

// Interrupted records that a command in front of a statement has failed, so
// that the statement has not run: what ran before it is complete, and the
// savepoint that guarded the last of it is no way back any more.
func (s *State) Interrupted() { s.guard, s.others = false, s.ran > 0 }

// Failed reports whether the remote transaction block is in its error state.
func (s *State) Failed() bool { return s.failed }

// OnlyLast reports whether no statement but the last has run in the remote
// transaction. Any may have written something: a view may call a function that
// does. So giving up the transaction for the sake of one statement is the same
// as giving up that statement only if this holds.
func (s *State) OnlyLast() bool { return !s.others }

// Binding reports whether the local transaction may commit only if the remote
// one has: it locked or wrote something, or it is serializable, and then only
// its COMMIT tells whether what it has read is consistent, or the user wants
// to be certain (lazy false). Nothing that was rolled back counts.
func (s *State) Binding(lazy bool) bool {
	return s.dirty > 0 || s.ran > 0 && (s.serializable || !lazy)
}

// Exportable reports whether the snapshot of the remote transaction can be
// exported by a statement at nest level 1: not where a savepoint would be in front of it.
func (s *State) Exportable() bool { return !s.failed && s.valid <= 1 }

// Enter returns the commands to send in front of a statement that runs at the
// given local nest level (>= 1), or in front of a portion of its rows. With
// guard the statement gets a savepoint of its own, released by the commands of
// the next Enter. It is not to be called in a failed transaction.
func (s *State) Enter(level int, m Mode, guard bool) []string {
	return s.enter(level, m, guard, -1)
}

// EnterPart is Enter when the remote has run only the first n of its commands
// before one failed: a cancel request may hit any of them.
func (s *State) EnterPart(level int, m Mode, guard bool, n int) {
	s.enter(level, m, guard, n)
}

func (s *State) enter(level int, m Mode, guard bool, limit int) []string {
	var cmds []string
	run := func(cmd string) bool {
		if len(cmds) == limit {
			return false
		}
		cmds = append(cmds, cmd)
		return true
	}
	if s.depth == 0 {
		if !run(m.start(level)) {
			return cmds
		}
		s.depth, s.valid, s.serializable = 1, 1, m.Serializable
		if m.ReadOnly && level == 1 {
			s.readOnly = 1
		}
	}
	if s.guard {
		if !run("RELEASE SAVEPOINT " + querySavepoint) {
			return cmds
		}
		s.guard = false
	}
	if s.valid < s.depth {
		if !run("RELEASE SAVEPOINT " + levelName(s.valid+1)) {
			return cmds
		}
		s.toDepth(s.valid)
	}
	for s.depth < level {
		if !run("SAVEPOINT " + levelName(s.depth+1)) {
			return cmds
		}
		s.depth++
		s.valid = s.depth
	}
	if m.ReadOnly && s.readOnly == 0 {
		if !run("SET TRANSACTION READ ONLY") {
			return cmds
		}
		s.readOnly = s.depth
	}
	if guard {
		if !run("SAVEPOINT " + querySavepoint) {
			return cmds
		}
		s.guard = true
	}
	s.others = s.ran > 0
	s.ran = outermost(s.ran, level)
	return cmds
}

// toDepth tells that only so many levels exist remotely any more. What a deeper
// one has made READ ONLY is so no longer.
func (s *State) toDepth(depth int) {
	if s.depth = depth; s.readOnly > depth {
		s.readOnly = 0
	}
}

// outermost is the lower of two levels of which 0 is none.
func outermost(a, b int) int {
	if a == 0 || b < a {
		return b
	}
	return a
}

// SubCommit tells that the local sub-transaction of this level has committed.
// The remote savepoint is released when the session is next used.
func (s *State) SubCommit(level int) {
	if s.valid >= level {
		s.valid = level - 1
	}
	s.ran, s.dirty = min(s.ran, level-1), min(s.dirty, level-1)
}

// UsedAt reports whether the session did something in the local
// sub-transaction of this level that its abort has to undo.
func (s *State) UsedAt(level int) bool { return s.depth > 0 && s.valid >= level }

// SubAbort tells that the local sub-transaction of this level has aborted and
// returns the commands that undo what the session did in it; none when it was
// not used there. What has failed outside of it stays failed.
func (s *State) SubAbort(level int) []string {
	if !s.UsedAt(level) {
		return nil
	}
	name := levelName(level)
	s.toDepth(level - 1)
	s.valid = s.depth
	s.guard, s.failed = false, false
	if s.ran >= level {
		s.ran, s.others = 0, false
	}
	if s.dirty >= level {
		s.dirty = 0
	}
	return []string{"ROLLBACK TO SAVEPOINT " + name, "RELEASE SAVEPOINT " + name}
}

// Unguard returns the commands that undo the guarded statement, after it was
// cancelled. Without a guard there is nothing to roll back to: none.
func (s *State) Unguard() []string {
	if !s.guard {
		return nil
	}
	s.guard, s.failed = false, false
	return []string{"ROLLBACK TO SAVEPOINT " + querySavepoint, "RELEASE SAVEPOINT " + querySavepoint}
}

// End is how a remote transaction is brought to its end when the local one
// commits.
type End struct {
	Commands []string // to send; none when the session is idle
	Wait     bool     // the local transaction may commit only after the answer
	// Refused: the remote transaction has failed, and the local one must not
	// commit without it. Nothing is to be sent; Abort will follow.
	Refused bool
	// Lost: it has failed and is rolled back, and the local one commits none the
	// less. Statements that had answered before are undone with it, which matters
	// if they called a function that writes.
	Lost bool
}

// Commit ends the remote transaction with the local one.
func (s *State) Commit(lazy bool) End {
	if s.depth == 0 {
		return End{}
	}
	end := End{Commands: []string{"COMMIT"}, Wait: s.Binding(lazy)}
	switch {
	case s.failed && s.guard:
		end.Commands = append(s.Unguard(), end.Commands...)
	case s.failed && end.Wait:
		return End{Refused: true}
	case s.failed:
		end.Commands, end.Lost = []string{"ROLLBACK"}, s.others
	}
	*s = State{}
	return end
}

// Abort ends the remote transaction without its effects: the command to send,
// "" when idle.
func (s *State) Abort() string {
	if s.depth == 0 {
		return ""
	}
	*s = State{}
	return "ROLLBACK"
}

func levelName(level int) string { return "s" + strconv.Itoa(level) }
