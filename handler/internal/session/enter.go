package session

import "pgwire_fdw/handler/internal/txn"

// entering is how a statement's exchange was to bring the remote transaction to
// where the statement runs. Its commands are taken for done when they are sent;
// when one of them fails (a cancel request may hit any), the ones that were not
// run have to be taken back.
type entering struct {
	before   txn.State
	level    int
	mode     txn.Mode
	guard    bool
	commands int
}

// after is the state when the last missing commands were not run.
func (e *entering) after(missing int) txn.State {
	tx, run := e.before, e.commands-missing
	if !tx.InTransaction() {
		run = max(run, 1) // the remote says that it is in one
	}
	tx.EnterPart(e.level, e.mode, e.guard, run)
	tx.Interrupted()
	return tx
}
