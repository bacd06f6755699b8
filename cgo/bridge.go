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
// C.malloc ends the process where there is no memory; this one answers NULL.
static void *pgwire_malloc(size_t n) { return malloc(n); }
*/
import "C"

import (
	"runtime"
	"runtime/debug"
	"unsafe"

	"pgwire_fdw/handler"
)

func main() {}

// reply is where answers are put that C reads: memory of C, so that nothing C
// reads ever lies in the Go heap. Small ones share a block that is always
// there, so that a lack of memory can be told; others have blocks of their own,
// which the next call frees.
var reply = struct {
	kept unsafe.Pointer
	used int // of kept
	more []unsafe.Pointer
}{kept: C.malloc(keptReply)}

const keptReply = 16 << 10

// guard runs one export. It turns a panic into an error struct (SQLSTATE
// XX000) and is the only place where that happens on the backend's thread.
// Where there is none to fill, the connections are given up: whoever cannot be
// told that something failed must not build on it.
func guard(err *C.pgwire_error, f func() C.int32_t) (rc C.int32_t) {
	freeReply()
	defer func() {
		if p := recover(); p != nil {
			freeReply() // whatever it had answered
			e := handler.PanicError(p, debug.Stack())
			if err == nil {
				handler.Distrust()
			}
			rc = fail(err, e)
			// it is not known what is pending: C has to ask
			pending.notices, pending.transaction = 1, 1
		}
	}()
	rc = f()
	tellPending()
	return rc
}

// pending is where C looks for what it need not ask (pgwire_pending).
var pending = new(C.pgwire_pending)

func tellPending() {
	p := handler.Pending()
	pending.notices, pending.transaction = flag(p.Notices), flag(p.Transaction)
	pending.descriptors = C.int32_t(p.Descriptors)
}

func flag(b bool) C.int32_t {
	if b {
		return 1
	}
	return 0
}

// fail fills *err from e and answers PGWIRE_ERROR; PGWIRE_OK when e is nil.
func fail(err *C.pgwire_error, e *handler.Error) C.int32_t {
	if e == nil {
		return C.PGWIRE_OK
	}
	fillError(err, e)
	return C.PGWIRE_ERROR
}

// maxErrorTexts bounds what one error or notice says, the statement included.
const maxErrorTexts = 2 << 20

func fillError(err *C.pgwire_error, e *handler.Error) {
	if err == nil {
		return
	}
	e = e.Cut(maxErrorTexts)
	*err = C.pgwire_error{column: C.int32_t(e.ColumnIndex)}
	state := e.SQLState
	if len(state) != 5 {
		state = handler.InternalError
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

// room is n bytes of reply memory, valid until the next call; nil when there
// is no memory.
func room(n int) unsafe.Pointer {
	n = (n + 7) &^ 7
	if reply.used+n <= keptReply {
		p := unsafe.Add(reply.kept, reply.used)
		reply.used += n
		return p
	}
	p := C.pgwire_malloc(C.size_t(n))
	if p != nil {
		reply.more = append(reply.more, p)
	}
	return p
}

func freeReply() {
	reply.used = 0
	for i, p := range reply.more {
		C.free(p)
		reply.more[i] = nil
	}
	reply.more = reply.more[:0]
}

// out copies s into reply memory; where there is no memory, as much of it as
// there is still room for.
func out(s string) C.pgwire_bytes {
	if s == "" {
		return C.pgwire_bytes{}
	}
	p := room(len(s))
	if p == nil {
		s = s[:keptReply-reply.used]
		if s == "" {
			return C.pgwire_bytes{}
		}
		p = room(len(s))
	}
	copy(unsafe.Slice((*byte)(p), len(s)), s)
	return C.pgwire_bytes{data: (*C.uint8_t)(p), len: C.int64_t(len(s))}
}

// outBytes answers a whole reply of bytes.
func outBytes(dst *C.pgwire_bytes, b []byte) *handler.Error {
	*dst = C.pgwire_bytes{}
	if len(b) == 0 {
		return nil
	}
	p := room(len(b))
	if p == nil {
		return handler.NoMemory(len(b))
	}
	copy(unsafe.Slice((*byte)(p), len(b)), b)
	*dst = C.pgwire_bytes{data: (*C.uint8_t)(p), len: C.int64_t(len(b))}
	return nil
}

// in is a view of bytes that C owns: valid during this call only.
func in(b C.pgwire_bytes) []byte {
	if b.data == nil || b.len == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(b.data)), int(b.len))
}

// viewString is the same as a string.
func viewString(b C.pgwire_bytes) string {
	v := in(b)
	return unsafe.String(unsafe.SliceData(v), len(v))
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
	pending = args.pending
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
