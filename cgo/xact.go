package main

/*
#include "bridge.h"
*/
import "C"

import "pgwire_fdw/handler"

//export pgwire_go_xact_event
func pgwire_go_xact_event(event, level C.int32_t, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		st, w, e := handler.XactEvent(int(event), int(level))
		if e != nil {
			return fail(err, e)
		}
		return status(wait, w, st)
	})
}

//export pgwire_go_xact_give_up
func pgwire_go_xact_give_up(event, level C.int32_t) C.int32_t {
	return guard(nil, func() C.int32_t { handler.XactGiveUp(int(event), int(level)); return C.PGWIRE_OK })
}

//export pgwire_go_next_notice
func pgwire_go_next_notice(level *C.int32_t, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		l, e, ok := handler.NextNotice()
		if !ok {
			return C.PGWIRE_EOF
		}
		*level = C.int32_t(l)
		fillError(err, e)
		return C.PGWIRE_OK
	})
}

//export pgwire_go_counters
func pgwire_go_counters(answer *C.pgwire_bytes) C.int32_t {
	return guard(nil, func() C.int32_t { return fail(nil, outBytes(answer, []byte(handler.Counters()))) })
}

//export pgwire_go_fault
func pgwire_go_fault(name *C.pgwire_bytes, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { handler.Fault(inString(*name)); return C.PGWIRE_OK })
}
