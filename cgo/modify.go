package main

/*
#include "bridge.h"
*/
import "C"

import (
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_modify_open
func pgwire_go_modify_open(modify *C.uint64_t, args *C.pgwire_modify_args, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return modifyOpen(modify, args, err) })
}

func modifyOpen(modify *C.uint64_t, args *C.pgwire_modify_args, err *C.pgwire_error) C.int32_t {
	types := make([]uint32, int(args.nparams))
	formats := make([]int16, int(args.nparams))
	for i, t := range unsafe.Slice((*uint32)(unsafe.Pointer(args.param_types)), int(args.nparams)) {
		types[i] = t
	}
	for i, f := range unsafe.Slice((*uint8)(unsafe.Pointer(args.param_formats)), int(args.nparams)) {
		formats[i] = int16(f)
	}
	id, e := handler.OpenModify(handler.ModifyArgs{
		Umid: uint32(args.umid), Superuser: args.superuser != 0,
		ParamTypes: types, ParamFormats: formats, Columns: viewColumns(args.cols, args.ncols), SQL: viewString(args.sql),
		ValuesAt: int64(args.values_at), ValuesLen: int64(args.values_len),
		Exact: args.flags&C.PGWIRE_MODIFY_EXACT != 0, Any: args.flags&C.PGWIRE_MODIFY_ANY != 0,
	})
	clear(columns)
	*modify = C.uint64_t(id)
	return fail(err, e)
}

//export pgwire_go_modify_copy
func pgwire_go_modify_copy(modify C.uint64_t, sql *C.pgwire_bytes, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return fail(err, handler.ModifyCopy(uint64(modify), inString(*sql))) })
}

//export pgwire_go_modify_rows
func pgwire_go_modify_rows(modify C.uint64_t, level, mode C.int32_t, images *C.pgwire_bytes, nrows C.int32_t,
	wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		st, w, e := handler.ModifyRows(uint64(modify), handler.ModifyMode{Level: int(level),
			Serializable: mode&C.PGWIRE_SERIALIZABLE != 0, ReadOnly: mode&C.PGWIRE_READ_ONLY != 0},
			in(*images), int(nrows))
		if e != nil {
			return fail(err, e)
		}
		return status(wait, w, st)
	})
}

//export pgwire_go_modify_finish
func pgwire_go_modify_finish(modify C.uint64_t, affected *C.int64_t, batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		n, b, st, w, e := handler.ModifyFinish(uint64(modify))
		if e != nil {
			return fail(err, e)
		}
		if st != handler.StatusOK {
			return status(wait, w, st)
		}
		*affected = C.int64_t(n)
		return fail(err, fillBatch(batch, b))
	})
}

//export pgwire_go_modify_stats
func pgwire_go_modify_stats(modify C.uint64_t, stats *C.pgwire_modify_stats) C.int32_t {
	return guard(nil, func() C.int32_t {
		s := handler.StatsOfModify(uint64(modify))
		*stats = C.pgwire_modify_stats{rows: C.int64_t(s.Rows), bytes: C.int64_t(s.Bytes), exchanges: C.int64_t(s.Exchanges),
			copies: C.int64_t(s.Copies), round_trips: C.int64_t(s.RoundTrips)}
		return C.PGWIRE_OK
	})
}

//export pgwire_go_modify_close
func pgwire_go_modify_close(modify C.uint64_t) C.int32_t {
	return guard(nil, func() C.int32_t { handler.CloseModify(uint64(modify)); return C.PGWIRE_OK })
}
