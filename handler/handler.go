// Package handler is the brain of pgwire_fdw: one exported door per family of
// FDW callbacks, called by package cgo on the backend's thread. It knows
// neither cgo nor PostgreSQL's headers; what it needs comes in as data, what it
// answers goes out as data (DESIGN: calls go one way).
//
// A statement: plan.go decodes what the planner asks (internal/ir), decides
// what may be shipped (internal/ship) and prints SQL (internal/deparse).
//
// A row: scan.go drives internal/fetch, which is the sink of a connection of
// internal/session and decodes with internal/wire into memory that C reads.
package handler

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/memo"
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// Error is what crosses to C when something failed.
type Error = sqlerr.Error

// InternalError is the SQLSTATE of an error that has none.
const InternalError = sqlstate.InternalError

// Status is the answer of a call; the values are those of bridge.h.
type Status int

// Answers of a call (PGWIRE_OK ... in bridge.h).
const (
	StatusOK    Status = 0
	StatusError Status = 1
	StatusWait  Status = 2
	StatusEOF   Status = 3
	StatusConn  Status = 4
)

// Wait is what to poll for before calling again (pgwire_wait of bridge.h).
type Wait struct {
	FD        int   // -1: none
	Events    int   // 1 readable, 2 writable
	TimeoutMS int64 // -1: none
	Reason    int   // 0 connect, 1 result, 2 cleanup
	Socket    uint32
}

// Settings are what the backend tells once, when Go starts.
type Settings struct {
	NameDataLen   int
	BackendPID    int
	Encoding      string // database encoding, PostgreSQL's name
	EncodingClass int    // wire.Encoding
	TempDir       string
}

// backend is the state of this process. Only the backend's thread touches it.
var backend struct {
	settings Settings
	pool     *pool.Pool
	scans    scanTable
	modifies modifyTable
	feeds    feedTable
	answers  memo.Memo // of Plan
}

// Start initialises the process. It is called once.
func Start(s Settings) {
	backend.settings = s
	backend.pool = pool.New()
	backend.scans.init()
	backend.modifies.init()
	makeThreads(runtime.GOMAXPROCS(0) + 2)
}

// makeThreads has the runtime make as many threads as it will hardly need, while
// there is memory for them: where it cannot make one later, it ends the process.
// Idle threads are kept.
func makeThreads(n int) {
	var all sync.WaitGroup
	all.Add(n)
	for range n {
		invariant.Go("thread", func() {
			runtime.LockOSThread() // no other goroutine can use it while this one waits
			all.Done()
			all.Wait()
			runtime.UnlockOSThread()
		}, nil)
	}
}

// PendingWork is what C is told at the end of every call (pgwire_pending of bridge.h).
type PendingWork struct {
	Notices     bool
	Descriptors int  // sockets held
	Transaction bool // what becomes of the local transaction has to be told
}

// Pending says what there is to ask or to tell.
func Pending() PendingWork {
	p := backend.pool
	if p == nil {
		return PendingWork{}
	}
	sockets, transaction := p.Pending()
	more, reading := backend.feeds.feeds.Pending()
	return PendingWork{Notices: p.HasNotices(), Descriptors: sockets + more, Transaction: transaction || reading}
}

// PanicError is what a recovered panic becomes.
func PanicError(p any, stack []byte) *Error {
	e := sqlerr.New(sqlstate.InternalError, "internal error in the Go half of pgwire_fdw: panic: %v", p)
	e.Hint = "The session can go on. Please report this with the server's log at level DEBUG1."
	backendNotify(session.LevelDebug, fmt.Sprintf("stack of the panic:\n%s", stack))
	return e
}

func backendNotify(level int, message string) {
	if backend.pool != nil {
		backend.pool.Notify(session.Notice{Level: level, Err: sqlerr.New(sqlstate.SuccessfulCompletion, "%s", message)})
	}
}

// NoMemory is the error of an answer of n bytes that cannot be given.
func NoMemory(n int) *Error {
	return sqlerr.New(sqlstate.OutOfMemory, "out of memory for an answer of %d bytes", n)
}

// Distrust gives up all connections, after a panic that nobody can be told of.
func Distrust() {
	defer func() { _ = recover() }() // what made it panic may be what is to be given up
	if backend.pool != nil {
		backend.pool.Distrust()
	}
}

// BridgeMismatch is the error of two objects from different builds.
func BridgeMismatch() *Error {
	return sqlerr.New(sqlstate.ObjectNotInPrerequisite, "pgwire_fdw and pgwire_fdw_go are not from the same build").
		WithHint("Install both from one build and start a new session.")
}

func toWait(w *session.Waiting) Wait {
	out := Wait{FD: w.FD, Events: 1, TimeoutMS: -1, Reason: 1, Socket: w.Socket}
	if w.Write {
		out.Events |= 2
	}
	if w.Timeout >= 0 {
		out.TimeoutMS = int64((w.Timeout + time.Millisecond - 1) / time.Millisecond)
	}
	switch {
	case w.Connect:
		out.Reason = 0
	case w.Cleanup:
		out.Reason = 2
	}
	return out
}

// wireOptions are what decoders have to know of the local database.
func wireOptions() wire.Options {
	return wire.Options{Encoding: encoding(), NameDataLen: backend.settings.NameDataLen}
}

// encoding is the class the decoders work with.
func encoding() wire.Encoding { return wire.Encoding(backend.settings.EncodingClass) }

// Counters lists the live resources of this process, for tests.
func Counters() string {
	out := ""
	for name, n := range invariant.Live() {
		out += fmt.Sprintf("%s %d\n", name, n)
	}
	return out
}

// Fault arms an injected panic by name, for tests.
func Fault(name string) { invariant.PanicOn(name) }
