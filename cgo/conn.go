package main

/*
#include "bridge.h"
*/
import "C"

import (
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_conn_open
func pgwire_go_conn_open(args *C.pgwire_conn_args, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return connOpen(args, wait, err) })
}

func connOpen(args *C.pgwire_conn_args, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	st, w, e := handler.OpenConn(connArgs(args))
	if e != nil {
		return fail(err, e)
	}
	args.major = C.int32_t(handler.RemoteMajor(uint32(args.umid)))
	return status(wait, w, st)
}

func connArgs(args *C.pgwire_conn_args) handler.ConnArgs {
	return handler.ConnArgs{
		Umid: uint32(args.umid), ServerID: uint32(args.serverid), Superuser: args.superuser != 0,
		ServerHash: uint32(args.server_hash), MappingHash: uint32(args.mapping_hash),
		UserID: uint32(args.userid), Server: inString(args.server), Options: in(args.options),
		OSUser: inString(args.os_user), SocketDir: inString(args.socket_dir),
		AppNameSetting: inString(args.appname_guc), LocalAppName: inString(args.local_appname),
		ClusterName: inString(args.local_cluster), Database: inString(args.local_database),
		SessionUser: inString(args.local_user), SessionID: inString(args.session_id),
	}
}

//export pgwire_go_conn_invalidate
func pgwire_go_conn_invalidate(which C.int32_t, hash C.uint32_t) C.int32_t {
	return guard(nil, func() C.int32_t { handler.InvalidateConns(which == 1, uint32(hash)); return C.PGWIRE_OK })
}

//export pgwire_go_conn_list
func pgwire_go_conn_list(check C.int32_t, list **C.pgwire_conn_info, count *C.int32_t, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return connList(check, list, count, err) })
}

func connList(check C.int32_t, list **C.pgwire_conn_info, count *C.int32_t, err *C.pgwire_error) C.int32_t {
	infos := handler.ConnList(check != 0)
	bit := map[bool]C.int32_t{true: 1}
	size := len(infos) * C.sizeof_pgwire_conn_info
	if *list = (*C.pgwire_conn_info)(room(size)); *list == nil {
		return fail(err, handler.NoMemory(size))
	}
	*count = C.int32_t(len(infos))
	rows := unsafe.Slice(*list, len(infos))
	for i, c := range infos {
		rows[i] = C.pgwire_conn_info{serverid: C.uint32_t(c.ServerID), userid: C.uint32_t(c.UserID),
			valid: bit[c.Valid], in_xact: bit[c.InXact], closed: bit[c.Closed], pid: C.uint32_t(c.PID)}
	}
	return C.PGWIRE_OK
}

//export pgwire_go_conn_close
func pgwire_go_conn_close(serverid C.uint32_t, closed, inUse *C.int32_t) C.int32_t {
	return guard(nil, func() C.int32_t {
		c, u := handler.CloseConns(uint32(serverid))
		*closed, *inUse = C.int32_t(c), C.int32_t(u)
		return C.PGWIRE_OK
	})
}
