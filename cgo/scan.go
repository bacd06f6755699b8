package main

/*
#include "bridge.h"
*/
import "C"

import (
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_scan_start
func pgwire_go_scan_start(scan *C.uint64_t, args *C.pgwire_scan_args, bind *C.pgwire_bind_args,
	batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		if *scan == 0 {
			*scan = scanOpen(args)
		}
		if e := scanBind(*scan, bind); e != nil {
			return fail(err, e)
		}
		return scanNext(*scan, bind.nest_level, bind.group != 0, batch, wait, err)
	})
}

// columns and params are filled anew by each call that needs them, so that a
// statement that comes again allocates nothing here.
var (
	columns []handler.Column
	params  []handler.Param
)

// verbs are the command tags of statements that write.
var verbs = map[C.int32_t]string{C.PGWIRE_WRITES_INSERT: "INSERT", C.PGWIRE_WRITES_UPDATE: "UPDATE", C.PGWIRE_WRITES_DELETE: "DELETE"}

// scanOpen passes views of the texts on: they are copied in there.
func scanOpen(args *C.pgwire_scan_args) C.uint64_t {
	viewColumns(args.cols, args.ncols)
	defer clear(columns)
	return C.uint64_t(handler.OpenScan(handler.ScanArgs{
		Umid: uint32(args.umid), Superuser: args.superuser != 0, Columns: columns, SQL: viewString(args.sql),
		FetchMemory: int64(args.fetch_memory), Expected: int64(args.expected_bytes), LocksRows: args.locks_rows != 0, FetchSize: int(args.fetch_size),
		MayStop: args.may_stop != 0, Bound: int64(args.bound), Writes: args.writes != 0, Verb: verbs[args.writes],
	}))
}

// viewColumns fills columns, with views of their names.
func viewColumns(cols *C.pgwire_column, n C.int32_t) []handler.Column {
	columns = columns[:0]
	for _, c := range unsafe.Slice(cols, int(n)) {
		columns = append(columns, toColumn(c))
	}
	return columns
}

// toColumn has a view of the name.
func toColumn(c C.pgwire_column) handler.Column {
	return handler.Column{Name: viewString(c.name), TypeOID: uint32(c.type_oid),
		Typmod: int32(c.typmod), ReceiveSafe: c.receive_safe != 0}
}

// scanBind passes views of the parameters on: they are copied in there.
func scanBind(scan C.uint64_t, args *C.pgwire_bind_args) *handler.Error {
	params = params[:0]
	for _, p := range unsafe.Slice(args.params, int(args.nparams)) {
		to := handler.Param{TypeOID: uint32(p.type_oid), Format: int16(p.format)}
		if p.is_null == 0 {
			if to.Value = in(p.value); to.Value == nil {
				to.Value = []byte{} // not NULL
			}
		}
		params = append(params, to)
	}
	defer clear(params)
	return handler.BindScan(uint64(scan), handler.Bind{
		Serializable: args.serializable != 0, ReadOnly: args.read_only != 0, Alone: args.alone != 0, Params: params,
		Together: handler.Together{Group: uint64(args.group), Several: args.several != 0, MayOpen: args.may_open != 0}})
}

//export pgwire_go_scan_next
func pgwire_go_scan_next(scan C.uint64_t, level, together C.int32_t, batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return scanNext(scan, level, together != 0, batch, wait, err) })
}

func scanNext(scan C.uint64_t, level C.int32_t, together bool, batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	b, st, w, e := handler.NextBatch(uint64(scan), int(level), together)
	if e != nil {
		return fail(err, e)
	}
	if st != handler.StatusOK {
		return status(wait, w, st)
	}
	return fail(err, fillBatch(batch, b))
}

// fillBatch hands the rows over where they lie; the formats are copied to reply
// memory, which is valid until the next call.
func fillBatch(batch *C.pgwire_batch, b handler.Batch) *handler.Error {
	allDatum := C.int32_t(1)
	for _, f := range b.ValueFormats {
		if f != 0 {
			allDatum = 0
		}
	}
	*batch = C.pgwire_batch{nrows: C.int32_t(b.NRows), ncols: C.int32_t(len(b.ValueFormats)), all_datum: allDatum,
		last: flag(b.Last)}
	*(*uintptr)(unsafe.Pointer(&batch.rows)) = b.Rows
	if allDatum == 0 {
		var formats C.pgwire_bytes
		if e := outBytes(&formats, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.ValueFormats))), len(b.ValueFormats))); e != nil {
			return e
		}
		batch.value_formats = formats.data
	}
	return nil
}

//export pgwire_go_scan_stats
func pgwire_go_scan_stats(scan C.uint64_t, stats *C.pgwire_scan_stats) C.int32_t {
	return guard(nil, func() C.int32_t {
		s := handler.StatsOf(uint64(scan))
		*stats = C.pgwire_scan_stats{rows: C.int64_t(s.Rows), bytes: C.int64_t(s.Bytes), batches: C.int64_t(s.Batches),
			round_trips: C.int64_t(s.RoundTrips), executions: C.int64_t(s.Executions),
			connect_us: C.int64_t(s.ConnectTime.Microseconds()), spooled: C.int64_t(s.Spooled), spool_file: C.int64_t(s.SpoolFile),
			portions: C.int64_t(s.Portions), affected: C.int64_t(s.Affected)}
		return C.PGWIRE_OK
	})
}

//export pgwire_go_scan_reset
func pgwire_go_scan_reset(scan C.uint64_t) C.int32_t {
	return guard(nil, func() C.int32_t { handler.ResetScan(uint64(scan)); return C.PGWIRE_OK })
}

//export pgwire_go_scan_close
func pgwire_go_scan_close(scan C.uint64_t) C.int32_t {
	return guard(nil, func() C.int32_t { handler.CloseScan(uint64(scan)); return C.PGWIRE_OK })
}
