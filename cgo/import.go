package main

/*
#include "bridge.h"
*/
import "C"

import (
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_import
func pgwire_go_import(options *C.pgwire_bytes, reply *C.pgwire_import_reply, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		r, e := handler.Import(in(*options))
		if e != nil {
			return fail(err, e)
		}
		*reply = C.pgwire_import_reply{collate: flag(r.Collate), defaults: flag(r.Default), generated: flag(r.Generated),
			not_null: flag(r.NotNull), comments: flag(r.Comments)}
		return fail(err, outBytes(&reply.sql, []byte(r.SQL)))
	})
}

//export pgwire_go_import_table
func pgwire_go_import_table(args *C.pgwire_import_table_args, command *C.pgwire_bytes, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		return fail(err, outBytes(command, []byte(handler.ImportTable(foreignTable(args)))))
	})
}

// foreignTable is made of views: it is printed at once.
func foreignTable(args *C.pgwire_import_table_args) *handler.ForeignTable {
	t := &handler.ForeignTable{Name: viewString(args.name), Schema: viewString(args.schema), Server: viewString(args.server)}
	for _, c := range unsafe.Slice(args.cols, int(args.ncols)) {
		t.Columns = append(t.Columns, handler.ForeignColumn{Name: viewString(c.name), Type: viewString(c._type),
			CollationSchema: viewString(c.collation_schema), Collation: viewString(c.collation), Expression: viewString(c.expression),
			Generated: byte(c.generated), NotNull: c.not_null != 0})
	}
	return t
}
