package main

/*
#include "bridge.h"
*/
import "C"

import "pgwire_fdw/handler"

//export pgwire_go_option_validate
func pgwire_go_option_validate(args *C.pgwire_option_args, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return optionValidate(args, err) })
}

func optionValidate(args *C.pgwire_option_args, err *C.pgwire_error) C.int32_t {
	if e := handler.ValidateOptions(int(args.catalog), args.superuser != 0, in(args.options)); e != nil {
		return fail(err, e)
	}
	return C.PGWIRE_OK
}
