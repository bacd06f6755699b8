package handler

import (
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Events of the local transaction (PGWIRE_XACT_* of bridge.h).
const (
	xactPreCommit = iota
	xactCommit
	xactAbort
	xactPrePrepare
	subxactCommit
	subxactAbort
)

// xactFaults are the names under which tests make an event panic.
var xactFaults = [...]string{"xact_pre_commit", "xact_commit", "xact_abort", "xact_pre_prepare",
	"subxact_commit", "subxact_abort"}

// XactEvent tells the remote transactions what happened to the local one;
// StatusWait: call again after polling.
//
// A panic in here would leave them in an unknown state while the local
// transaction goes its way, so all connections are given up.
func XactEvent(event, level int) (Status, Wait, *Error) {
	var w *session.Waiting
	var err *Error
	p := backend.pool
	sound := false
	defer func() {
		if sound {
			return
		}
		p.Distrust()
		if event == xactCommit || event == xactAbort {
			p.End()
		}
	}()
	backend.feeds.follow(event, level)
	invariant.MaybePanic(xactFaults[event])
	switch event {
	case xactPreCommit:
		w, err = p.Commit()
	case xactCommit:
		p.End()
	case xactAbort:
		if w = p.Abort(); w == nil {
			p.End()
		}
	case xactPrePrepare:
		if p.InTransaction() {
			err = sqlerr.New(sqlstate.FeatureNotSupported, "cannot PREPARE a transaction that has operated on pgwire_fdw foreign tables")
		}
	case subxactCommit:
		p.SubCommit(level)
	case subxactAbort:
		w = p.SubAbort(level)
	}
	sound = true
	switch {
	case err != nil:
		return StatusError, Wait{}, err
	case w != nil:
		return StatusWait, toWait(w), nil
	}
	return StatusOK, Wait{}, nil
}

// XactGiveUp is XactEvent for the last time in an abort, without waiting: a
// connection that has not come to a known state by now is closed.
func XactGiveUp(event, level int) {
	backend.pool.GiveUp(true)
	defer backend.pool.GiveUp(false)
	if st, _, _ := XactEvent(event, level); st == StatusWait {
		backend.pool.Distrust()
	}
}

// NextNotice takes the oldest pending notice and its level.
func NextNotice() (int, *Error, bool) {
	if backend.pool == nil {
		return 0, nil, false
	}
	n, ok := backend.pool.NextNotice()
	return n.Level, n.Err, ok
}
