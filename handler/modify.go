package handler

import (
	"slices"
	"strings"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/store"
	"pgwire_fdw/handler/internal/wire"
)

// modifyTable maps the numbers C knows to modifications, as scanTable does.
type modifyTable struct {
	next uint64
	byID map[uint64]*store.Writer
}

func (t *modifyTable) init() { t.byID = map[uint64]*store.Writer{} }

// ModifyArgs describe a modification (pgwire_modify_args of bridge.h). Texts are
// views, valid during the call; the slices are the callee's.
type ModifyArgs struct {
	Umid                uint32
	Superuser           bool
	ParamTypes          []uint32
	ParamFormats        []int16
	Columns             []wire.Column
	SQL                 string
	ValuesAt, ValuesLen int64
	Exact, Any          bool
}

// ModifyMode is what the local transaction is like at the time of a call.
type ModifyMode = store.Mode

// ModifyStats count what a modification has done.
type ModifyStats = store.Stats

// OpenModify makes a modification and returns its handle.
func OpenModify(a ModifyArgs) (uint64, *Error) {
	invariant.MaybePanic("modify_open")
	if a.ValuesAt < 0 || a.ValuesLen < 0 || a.ValuesAt+a.ValuesLen > int64(len(a.SQL)) {
		return 0, sqlerr.New(sqlstate.InternalError, "VALUES is said to stand outside of the statement")
	}
	columns := slices.Clone(a.Columns)
	for i := range columns {
		columns[i].Name = strings.Clone(columns[i].Name)
	}
	t := &backend.modifies
	t.next++
	t.byID[t.next] = store.New(backend.pool, store.Spec{
		Umid: a.Umid, Superuser: a.Superuser, SQL: strings.Clone(a.SQL),
		Types: a.ParamTypes, Formats: a.ParamFormats, Columns: columns,
		Values:  store.Span{At: int(a.ValuesAt), Len: int(a.ValuesLen)},
		Options: wire.Options{Encoding: encoding(), NameDataLen: backend.settings.NameDataLen},
		Exact:   a.Exact, Any: a.Any,
	})
	invariant.Track("modify", 1)
	return t.next, nil
}

// ModifyCopy makes rows go by this COPY from now on; empty: by the statement.
func ModifyCopy(id uint64, sql string) *Error {
	w := backend.modifies.byID[id]
	if w == nil {
		return noModify(id)
	}
	w.Copy(sql)
	return nil
}

// ModifyRows hands n images over: StatusOK, StatusWait, StatusConn or StatusError.
func ModifyRows(id uint64, mode ModifyMode, images []byte, n int) (Status, Wait, *Error) {
	w := backend.modifies.byID[id]
	if w == nil {
		return StatusError, Wait{}, noModify(id)
	}
	invariant.MaybePanic("modify_rows")
	out, wait, err := w.Rows(mode, images, n)
	switch {
	case err != nil:
		return StatusError, Wait{}, err
	case out == store.Wait:
		invariant.StayScheduled()
		return StatusWait, toWait(wait), nil
	case out == store.Connect:
		return StatusConn, Wait{}, nil
	}
	return StatusOK, Wait{}, nil
}

// ModifyFinish sends what is left and takes the answers: how many rows were
// changed since the last time, and a batch of those returned.
func ModifyFinish(id uint64) (int64, Batch, Status, Wait, *Error) {
	w := backend.modifies.byID[id]
	if w == nil {
		return 0, Batch{}, StatusError, Wait{}, noModify(id)
	}
	invariant.MaybePanic("modify_finish")
	affected, out, wait, err := w.Finish()
	switch {
	case err != nil:
		return 0, Batch{}, StatusError, Wait{}, err
	case out == store.Wait:
		invariant.StayScheduled()
		return 0, Batch{}, StatusWait, toWait(wait), nil
	}
	arena, formats, last := w.Batch()
	if arena == nil {
		return affected, Batch{Last: true}, StatusOK, Wait{}, nil
	}
	return affected, Batch{Rows: arena.Base(), NRows: arena.Rows(), ValueFormats: formats, Last: last}, StatusOK, Wait{}, nil
}

// CloseModify frees a modification; an unknown number is no error.
func CloseModify(id uint64) {
	if w := backend.modifies.byID[id]; w != nil {
		delete(backend.modifies.byID, id)
		invariant.Track("modify", -1)
		invariant.MaybePanic("modify_close")
		w.Close()
	}
}

// StatsOfModify returns a modification's counters.
func StatsOfModify(id uint64) ModifyStats {
	if w := backend.modifies.byID[id]; w != nil {
		return w.Stats
	}
	return ModifyStats{}
}

func noModify(id uint64) *Error {
	return sqlerr.New(sqlstate.InternalError, "there is no remote modification number %d", id)
}
