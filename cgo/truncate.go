package main

/*
#include "bridge.h"
*/
import "C"

import (
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_truncate
func pgwire_go_truncate(args *C.pgwire_truncate_args, command *C.pgwire_bytes, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		a := handler.TruncateArgs{ServerOptions: in(args.server_options), Restart: args.restart != 0, Cascade: args.cascade != 0}
		for _, t := range unsafe.Slice(args.tables, int(args.ntables)) {
			a.Tables = append(a.Tables, handler.TruncateTable{Schema: inString(t.schema), Name: inString(t.name), Options: in(t.options)})
		}
		sql, e := handler.Truncate(a)
		if e != nil {
			return fail(err, e)
		}
		return fail(err, outBytes(command, []byte(sql)))
	})
}
