package main

/*
#include "bridge.h"
*/
import "C"

import (
	"strings"
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_analyze
func pgwire_go_analyze(args *C.pgwire_analyze_args, reply *C.pgwire_analyze_reply, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		r, e := handler.Analyze(analyzeArgs(args))
		if e != nil {
			return fail(err, e)
		}
		*reply = C.pgwire_analyze_reply{fraction: C.double(r.Fraction), draws: C.double(r.Draws), fetch_memory: C.int64_t(r.FetchMemory)}
		reply._import = flag(r.Import)
		columns := ""
		for _, c := range r.Columns {
			columns += c + "\x00"
		}
		return fail(err, outAll(map[*C.pgwire_bytes]string{&reply.schema: r.Schema, &reply.table: r.Table, &reply.columns: columns,
			&reply.facts_sql: r.FactsSQL, &reply.import_sql: r.ImportSQL, &reply.sample_sql: r.SampleSQL}))
	})
}

func analyzeArgs(args *C.pgwire_analyze_args) handler.AnalyzeArgs {
	return handler.AnalyzeArgs{
		Major: int(args.major), Schema: inString(args.schema), Table: inString(args.table),
		ServerOptions: in(args.server_options), TableOptions: in(args.table_options),
		Columns: namedOptions(args.cols, args.ncols),
		Tuples:  float64(args.tuples), Pages: float64(args.pages), CanSample: args.can_sample != 0, Target: int(args.target),
	}
}

func namedOptions(cols *C.pgwire_named_options, n C.int32_t) []handler.NamedOptions {
	var out []handler.NamedOptions
	for _, c := range unsafe.Slice(cols, int(n)) {
		out = append(out, handler.NamedOptions{Name: strings.Clone(viewString(c.name)), Options: in(c.options)})
	}
	return out
}

// outAll copies strings into reply memory, all of them whole.
func outAll(texts map[*C.pgwire_bytes]string) *handler.Error {
	for dst, s := range texts {
		if e := outBytes(dst, []byte(s)); e != nil {
			return e
		}
	}
	return nil
}
