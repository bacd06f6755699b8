// Package main is the c-shared object pgwire_fdw_go.so: one line shells around
// package handler, and the conversions between bridge.h and Go values. It has
// no opinions; what it decides is only who owns memory and what a panic becomes.
package main

/*
#cgo CFLAGS: -O2
#include <stdlib.h>
#include "bridge.h"
#ifndef PGWIRE_BRIDGE_SUM
#define PGWIRE_BRIDGE_SUM 0
#endif
static uint64_t pgwire_bridge_sum(void) { return PGWIRE_BRIDGE_SUM; }
*/
import "C"

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"

	"pgwire_fdw/handler"
)

func main() {}

// reply holds what the last call handed out. It is C memory, reused from call
// to call, so that nothing C reads ever lies in the Go heap.
var reply struct {
	buf unsafe.Pointer
	cap int
	off int
}

// guard runs one export. It turns a panic into an error struct (SQLSTATE
// XX000) and is the only place where that happens on the backend's thread.
func guard(err *C.pgwire_error, f func() C.int32_t) (rc C.int32_t) {
	reply.off = 0
	defer func() {
		if p := recover(); p != nil {
			reply.off = 0 // whatever it had answered: a panic in here would end the process
			rc = fail(err, handler.PanicError(p, debug.Stack()))
		}
	}()
	return f()
}

// fail fills *err from e and answers PGWIRE_ERROR.
func fail(err *C.pgwire_error, e *handler.Error) C.int32_t {
	fillError(err, e)
	return C.PGWIRE_ERROR
}

func fillError(err *C.pgwire_error, e *handler.Error) {
	if err == nil {
		return
	}
	total := 256
	for _, s := range []string{e.Message, e.Detail, e.Hint, e.Context, e.RemoteSQL,
		e.Schema, e.Table, e.Column, e.Datatype, e.Constraint} {
		total += len(s) + 8
	}
	reserve(total)
	*err = C.pgwire_error{column: C.int32_t(e.ColumnIndex)}
	state := e.SQLState
	if len(state) != 5 {
		state = "XX000"
	}
	for i := 0; i < 5; i++ {
		err.sqlstate[i] = C.char(state[i])
	}
	err.message = out(e.Message)
	err.detail = out(e.Detail)
	err.hint = out(e.Hint)
	err.context = out(e.Context)
	err.remote_sql = out(e.RemoteSQL)
	err.schema_name = out(e.Schema)
	err.table_name = out(e.Table)
	err.column_name = out(e.Column)
	err.datatype_name = out(e.Datatype)
	err.constraint_name = out(e.Constraint)
}

// reserve makes room for n more reply bytes without moving what this call has
// already handed out (a call reserves once, for everything it answers).
func reserve(n int) {
	if reply.off+n <= reply.cap {
		return
	}
	if reply.off != 0 {
		panic(fmt.Sprintf("reply of %d more bytes after %d were handed out", n, reply.off))
	}
	C.free(reply.buf)
	if n < 4096 {
		n = 4096
	}
	reply.buf, reply.cap = C.malloc(C.size_t(n)), n
}

// out copies s into the reply memory.
func out(s string) C.pgwire_bytes {
	if s == "" {
		return C.pgwire_bytes{}
	}
	dst := unsafe.Slice((*byte)(unsafe.Add(reply.buf, reply.off)), len(s))
	copy(dst, s)
	reply.off += (len(s) + 7) &^ 7
	return C.pgwire_bytes{data: (*C.uint8_t)(unsafe.Pointer(&dst[0])), len: C.int64_t(len(s))}
}

// outBytes answers a whole reply of bytes.
func outBytes(dst *C.pgwire_bytes, b []byte) {
	reserve(len(b) + 8)
	*dst = out(unsafe.String(unsafe.SliceData(b), len(b)))
}

// in is a view of bytes that C owns: valid during this call only.
func in(b C.pgwire_bytes) []byte {
	if b.data == nil || b.len == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(b.data)), int(b.len))
}

// inString copies bytes that C owns.
func inString(b C.pgwire_bytes) string { return string(in(b)) }

// status converts the answer of a handler call that may have to wait.
func status(w *C.pgwire_wait, hw handler.Wait, st handler.Status) C.int32_t {
	if st == handler.StatusWait && w != nil {
		*w = C.pgwire_wait{fd: C.int32_t(hw.FD), events: C.int32_t(hw.Events),
			timeout_ms: C.int64_t(hw.TimeoutMS), reason: C.int32_t(hw.Reason), socket: C.uint32_t(hw.Socket)}
	}
	return C.int32_t(st)
}

//export pgwire_go_start
func pgwire_go_start(args *C.pgwire_start_args, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return start(args, err) })
}

var started bool

func start(args *C.pgwire_start_args, err *C.pgwire_error) C.int32_t {
	if uint64(args.bridge_sum) != uint64(C.pgwire_bridge_sum()) {
		return fail(err, handler.BridgeMismatch())
	}
	if started {
		return C.PGWIRE_OK
	}
	runtime.GOMAXPROCS(int(args.max_procs))
	debug.SetMemoryLimit(int64(args.memory_limit))
	debug.SetMaxStack(64 << 20)
	handler.Start(handler.Settings{
		NameDataLen:   int(args.name_data_len),
		BackendPID:    int(args.backend_pid),
		Encoding:      inString(args.encoding),
		EncodingClass: int(args.encoding_class),
		TempDir:       inString(args.temp_dir),
	})
	started = true
	return C.PGWIRE_OK
}
