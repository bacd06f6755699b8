package handler

import (
	"slices"
	"strings"

	"pgwire_fdw/handler/internal/fetch"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// scanTable maps the numbers C knows to scans. A number is never used twice,
// so a call with an old one finds nothing instead of somebody else's scan.
type scanTable struct {
	next   uint64
	byID   map[uint64]*fetch.Scan
	closed []*fetch.Scan // for the same statement when it comes again, the latest last
}

// maxClosed is how many scans are kept whose statement has ended: each execution
// of a prepared statement is a scan of its own to the executor.
const maxClosed = 8

func (t *scanTable) init() { t.byID = map[uint64]*fetch.Scan{} }

// take finds a closed scan that can serve as one of this spec, or makes one.
func (t *scanTable) take(spec fetch.Spec) *fetch.Scan {
	for i, s := range slices.Backward(t.closed) {
		if s.Reopen(&spec) {
			t.closed = slices.Delete(t.closed, i, i+1)
			return s
		}
	}
	// the texts are C's
	spec.SQL, spec.Columns = strings.Clone(spec.SQL), slices.Clone(spec.Columns)
	for i := range spec.Columns {
		spec.Columns[i].Name = strings.Clone(spec.Columns[i].Name)
	}
	return fetch.New(backend.pool, spec)
}

// keep puts a closed scan by.
func (t *scanTable) keep(s *fetch.Scan) {
	if len(t.closed) == maxClosed {
		t.closed = slices.Delete(t.closed, 0, 1)
	}
	t.closed = append(t.closed, s)
}

// ScanArgs describe a scan (pgwire_scan_args of bridge.h). Its texts are views,
// valid during the call.
type ScanArgs struct {
	Umid        uint32
	Superuser   bool
	Columns     []wire.Column
	SQL         string
	FetchMemory int64
	Expected    int64
	LocksRows   bool
	FetchSize   int    // rows of the first portion, where the scan is read in portions
	MayStop     bool   // may be left before its end, and before Bound
	Bound       int64  // no more rows will be asked for; 0: not known
	Writes      bool   // a modification, or what may be one
	Verb        string // of its command tag; empty: any
}

// Column is one result column as the local side wants it.
type Column = wire.Column

// Param is one bound parameter; Value nil is NULL.
type Param = session.Param

// Bind is what changes from one execution of a scan to the next.
type Bind = fetch.Bind

// Together says with which other scans a scan is waited for.
type Together = fetch.Together

// ScanStats count what a scan has done.
type ScanStats = fetch.Stats

// OpenScan makes a scan and returns its handle.
func OpenScan(a ScanArgs) uint64 {
	invariant.MaybePanic("scan_open")
	backend.scans.next++
	id := backend.scans.next
	backend.scans.byID[id] = backend.scans.take(fetch.Spec{
		Umid: a.Umid, Superuser: a.Superuser, SQL: a.SQL, Columns: a.Columns,
		Options:     wire.Options{Encoding: encoding(), NameDataLen: backend.settings.NameDataLen},
		TempDir:     backend.settings.TempDir,
		FetchMemory: a.FetchMemory, Expected: a.Expected, LocksRows: a.LocksRows, FetchSize: a.FetchSize,
		MayStop: a.MayStop, Bound: a.Bound, Writes: a.Writes, Verb: a.Verb,
	})
	invariant.Track("scan", 1)
	return id
}

// BindScan starts the scan anew with these parameters, which it copies.
func BindScan(id uint64, b Bind) *Error {
	invariant.MaybePanic("scan_bind")
	s := backend.scans.byID[id]
	if s == nil {
		return noScan(id)
	}
	return s.Bind(b)
}

// Batch is a run of rows in the layout of bridge.h, valid until the next call
// for the same scan.
type Batch struct {
	Rows         uintptr
	NRows        int
	ValueFormats []wire.ValueFormat
	Last         bool // no rows follow
}

// NextBatch asks for rows at a local nest level (>= 1), and answers StatusOK with
// a batch, StatusEOF, StatusWait, StatusConn (open the connection, call again) or
// StatusError. With together the wait is one of several (fetch.Scan.Next), and may be
// for nothing but the progress of another scan: FD -1 without a timeout.
func NextBatch(id uint64, level int, together bool) (Batch, Status, Wait, *Error) {
	s := backend.scans.byID[id]
	if s == nil {
		return Batch{}, StatusError, Wait{}, noScan(id)
	}
	invariant.MaybePanic("scan_next")
	out, w, err := s.Next(level, together)
	if err != nil {
		return Batch{}, StatusError, Wait{}, err
	}
	switch out {
	case fetch.Wait:
		invariant.StayScheduled()
		return Batch{}, StatusWait, toWait(w), nil
	case fetch.Behind:
		return Batch{}, StatusWait, Wait{FD: -1, TimeoutMS: -1}, nil
	case fetch.Connect:
		return Batch{}, StatusConn, Wait{}, nil
	case fetch.End:
		return Batch{}, StatusEOF, Wait{}, nil
	}
	arena, formats := s.Batch()
	return Batch{Rows: arena.Base(), NRows: arena.Rows(), ValueFormats: formats, Last: s.Last()}, StatusOK, Wait{}, nil
}

// ResetScan drops the scan's result.
func ResetScan(id uint64) {
	if s := backend.scans.byID[id]; s != nil {
		invariant.MaybePanic("scan_reset")
		s.Reset()
	}
}

// CloseScan frees a scan; an unknown number is no error.
func CloseScan(id uint64) {
	if s := backend.scans.byID[id]; s != nil {
		delete(backend.scans.byID, id)
		invariant.Track("scan", -1)
		invariant.MaybePanic("scan_close")
		if s.Close() {
			backend.scans.keep(s)
		}
	}
}

// StatsOf returns a scan's counters.
func StatsOf(id uint64) ScanStats {
	if s := backend.scans.byID[id]; s != nil {
		return s.Stats
	}
	return ScanStats{}
}

func noScan(id uint64) *Error {
	return sqlerr.New(sqlstate.InternalError, "there is no remote scan number %d", id)
}
