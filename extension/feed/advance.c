/*
 * advance.c - what has been read of a feed becomes consumed:
 * pgwire_fdw_feed_advance.
 *
 * The position is stored by the transaction that has made something of the
 * changes, so the two are committed together or not at all. The slot of the
 * remote is told afterwards, with the next reading: until then it only
 * keeps what is not needed any more.
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

#include "advance.h"
#include "pgwire_fdw.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_feed_advance);

static pgwire_feed_reading
reading_of(Oid serverid, const pgwire_feed *feed)
{
	pgwire_feed_reading reading = {0};
	pgwire_bytes slot = pgwire_cstring(feed->slot);
	pgwire_error err;

	/* who has not started Go has read nothing */
	if (pgwire_loaded != NULL)
		PGWIRE_CALL(err, pgwire_go_feed_read, serverid, &slot, &reading);
	return reading;
}

XLogRecPtr
pgwire_feed_read_to(Oid serverid, const pgwire_feed *feed)
{
	return reading_of(serverid, feed).upto;
}

/* The end of the remote transaction that this position belongs to, among those read; 0: of none. */
static XLogRecPtr
boundary_of(Oid serverid, const pgwire_feed *feed, XLogRecPtr lsn)
{
	pgwire_bytes slot = pgwire_cstring(feed->slot);
	pgwire_error err;
	uint64_t	end = 0;

	if (pgwire_loaded != NULL)
		PGWIRE_CALL(err, pgwire_go_feed_boundary, serverid, &slot, lsn, &end);
	return end;
}

void
pgwire_feed_store(Oid serverid, pgwire_feed *feed, XLogRecPtr position)
{
	pgwire_feed_reading reading = reading_of(serverid, feed);
	pgwire_bytes slot = pgwire_cstring(feed->slot);
	pgwire_error err;

	feed->position = position;
	feed->rows += reading.rows;
	feed->bytes += reading.bytes;
	pgwire_feed_update(feed);
	if (pgwire_loaded != NULL)
		PGWIRE_CALL(err, pgwire_go_feed_advanced, serverid, &slot, position);
}

static char *
lsn_text(XLogRecPtr lsn)
{
	return psprintf("%X/%X", LSN_FORMAT_ARGS(lsn));
}

/* To where the position moves when a place is asked for; raises where it may not. */
static XLogRecPtr
target_of(Oid serverid, const pgwire_feed *feed, XLogRecPtr upto, bool force)
{
	XLogRecPtr	read_to = pgwire_feed_read_to(serverid, feed);
	XLogRecPtr	end;
	const char *detail = psprintf("Feed \"%s\" of server \"%s\" is consumed up to %s, and read by this transaction up to %s.",
								  feed->name, feed->server, lsn_text(feed->position),
								  read_to == 0 ? "nowhere" : lsn_text(read_to));
	const char *hint = "With force => true the position is stored as it is: changes are then left out, or come again.";

	if (force || upto == feed->position)
		return upto;
	if (upto < feed->position)
		pgwire_raise_local(ERRCODE_INVALID_PARAMETER_VALUE,
						   psprintf("cannot advance a feed backwards to %s", lsn_text(upto)), detail, hint);
	end = boundary_of(serverid, feed, upto);
	if (upto > read_to || end > read_to)
		pgwire_raise_local(ERRCODE_INVALID_PARAMETER_VALUE,
						   psprintf("cannot advance a feed to %s, which has not been read", lsn_text(upto)), detail, hint);
	if (upto != read_to && end == 0)
		pgwire_raise_local(ERRCODE_INVALID_PARAMETER_VALUE,
						   psprintf("cannot advance a feed to %s, which is not the place of a commit", lsn_text(upto)), detail, hint);
	return upto == read_to ? upto : end;
}

/*
 * pgwire_fdw_feed_advance(server text, feed text, upto pg_lsn, force boolean)
 * returns pg_lsn: the position that is stored now. upto NULL: what this
 * transaction has read.
 */
Datum
pgwire_fdw_feed_advance(PG_FUNCTION_ARGS)
{
	ForeignServer *server;
	pgwire_feed *feed;
	XLogRecPtr	target;
	bool		force = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		pgwire_raise_local(ERRCODE_NULL_VALUE_NOT_ALLOWED, "server and feed must not be null", NULL, NULL);
	PreventCommandIfReadOnly("pgwire_fdw_feed_advance()");
	PreventCommandIfParallelMode("pgwire_fdw_feed_advance()");
	server = GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	feed = pgwire_feed_begin_read(server->serverid, text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	if (PG_ARGISNULL(2))
		target = Max(pgwire_feed_read_to(server->serverid, feed), feed->position);
	else
		target = target_of(server->serverid, feed, PG_GETARG_LSN(2), force);
	if (target != feed->position)
		pgwire_feed_store(server->serverid, feed, target);
	PG_RETURN_LSN(target);
}
