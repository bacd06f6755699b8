package main

/*
#include "bridge.h"
*/
import "C"

import (
	"unsafe"

	"pgwire_fdw/handler"
)

//export pgwire_go_feed_open
func pgwire_go_feed_open(args *C.pgwire_feed_args, feed *C.uint64_t, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return feedOpen(args, feed, err) })
}

func feedOpen(args *C.pgwire_feed_args, feed *C.uint64_t, err *C.pgwire_error) C.int32_t {
	a := handler.FeedArgs{ServerID: uint32(args.serverid), RelID: uint32(args.relid),
		OfTable: args.of_table != 0, Schema: viewString(args.schema), Table: viewString(args.table),
		ServerOptions: in(args.server_options), TableOptions: in(args.table_options)}
	for _, c := range unsafe.Slice(args.cols, int(args.ncols)) {
		a.Columns = append(a.Columns, handler.FeedColumn{Column: toColumn(c.column), Options: in(c.options)})
	}
	id, e := handler.OpenFeed(a)
	*feed = C.uint64_t(id)
	return fail(err, e)
}

func feedSource(s *C.pgwire_feed_source) handler.FeedSource {
	return handler.FeedSource{Conn: connArgs(s.conn), Slot: inString(s.slot), Publications: inString(s.publications),
		SystemID: inString(s.system_id), Position: uint64(s.position), Confirmed: uint64(s.confirmed)}
}

//export pgwire_go_feed_start
func pgwire_go_feed_start(feed C.uint64_t, args *C.pgwire_feed_start_args, batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		var conditions []handler.FeedCondition
		for _, c := range unsafe.Slice(args.conditions, int(args.nconditions)) {
			if k, ok := handler.MakeFeedCondition(int(c.what), int(c.compare), in(c.value)); ok {
				conditions = append(conditions, k)
			}
		}
		if e := handler.StartFeed(uint64(feed), feedSource(&args.source), conditions); e != nil {
			return fail(err, e)
		}
		return feedNext(feed, args.nest_level, batch, wait, err)
	})
}

//export pgwire_go_feed_next
func pgwire_go_feed_next(feed C.uint64_t, level C.int32_t, batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t { return feedNext(feed, level, batch, wait, err) })
}

func feedNext(feed C.uint64_t, level C.int32_t, batch *C.pgwire_batch, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	b, st, w, e := handler.NextFeedBatch(uint64(feed), int(level))
	if e != nil {
		return fail(err, e)
	}
	if st != handler.StatusOK {
		return status(wait, w, st)
	}
	return fail(err, fillBatch(batch, b))
}

//export pgwire_go_feed_close
func pgwire_go_feed_close(feed C.uint64_t) C.int32_t {
	return guard(nil, func() C.int32_t { handler.CloseFeed(uint64(feed)); return C.PGWIRE_OK })
}

//export pgwire_go_feed_stats
func pgwire_go_feed_stats(feed C.uint64_t, stats *C.pgwire_feed_stats) C.int32_t {
	return guard(nil, func() C.int32_t {
		s := handler.FeedStatsOf(uint64(feed))
		*stats = C.pgwire_feed_stats{rows: C.int64_t(s.Rows), changes: C.int64_t(s.Changes), transactions: C.int64_t(s.Transactions),
			bytes: C.int64_t(s.Bytes), passes: C.int64_t(s.Passes), spooled: C.int64_t(s.Spooled), spool_file: C.int64_t(s.SpoolFile),
			lsn: C.uint64_t(s.LSN), text: flag(s.Text)}
		return C.PGWIRE_OK
	})
}

//export pgwire_go_feed_read
func pgwire_go_feed_read(serverid C.uint32_t, slot *C.pgwire_bytes, reading *C.pgwire_feed_reading, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		r := handler.FeedRead(uint32(serverid), viewString(*slot))
		*reading = C.pgwire_feed_reading{upto: C.uint64_t(r.UpTo), rows: C.int64_t(r.Rows), bytes: C.int64_t(r.Bytes)}
		return C.PGWIRE_OK
	})
}

//export pgwire_go_feed_boundary
func pgwire_go_feed_boundary(serverid C.uint32_t, slot *C.pgwire_bytes, lsn C.uint64_t, end *C.uint64_t, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		*end = C.uint64_t(handler.FeedBoundary(uint32(serverid), viewString(*slot), uint64(lsn)))
		return C.PGWIRE_OK
	})
}

//export pgwire_go_feed_advanced
func pgwire_go_feed_advanced(serverid C.uint32_t, slot *C.pgwire_bytes, position C.uint64_t, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		handler.FeedAdvanced(uint32(serverid), viewString(*slot), uint64(position))
		return C.PGWIRE_OK
	})
}

//export pgwire_go_feed_command
func pgwire_go_feed_command(conn *C.pgwire_conn_args, command, reply *C.pgwire_bytes, wait *C.pgwire_wait, err *C.pgwire_error) C.int32_t {
	return guard(err, func() C.int32_t {
		row, st, w, e := handler.FeedCommand(connArgs(conn), inString(*command))
		if e != nil {
			return fail(err, e)
		}
		if st != handler.StatusOK {
			return status(wait, w, st)
		}
		return fail(err, outBytes(reply, row))
	})
}

//export pgwire_go_feed_last_command
func pgwire_go_feed_last_command(umid C.uint32_t, command *C.pgwire_bytes) C.int32_t {
	return guard(nil, func() C.int32_t {
		if !handler.FeedLastCommand(uint32(umid), inString(*command)) {
			return C.PGWIRE_EOF
		}
		return C.PGWIRE_OK
	})
}
