package main

/*
#include "bridge.h"
*/
import "C"

import "pgwire_fdw/handler"

//export pgwire_go_plan
func pgwire_go_plan(request, reply *C.pgwire_bytes, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return plan(request, reply, err) })
}

func plan(request, answer *C.pgwire_bytes, err *C.pgwire_error) C.int32_t {
	b, e := handler.Plan(in(*request))
	if e != nil {
		return fail(err, e)
	}
	return fail(err, outBytes(answer, b))
}
