/*
 * status.c - what the view pgwire_fdw_feeds cannot read from tables.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"

#include "ask.h"
#include "job.h"
#include "pgwire_fdw.h"
#include "position.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_feed_status);
PG_FUNCTION_INFO_V1(pgwire_fdw_feed_worker_runs);

/* A remote that is silent must not hold up the view for longer. */
#define STATUS_MS 2000

/* $1 the slot, $2 the system identifier, $3 the publications. */
static const char status_sql[] =
"SELECT CASE WHEN (SELECT system_identifier::text FROM pg_control_system()) <> $2::text THEN 'of another cluster'"
" WHEN s.slot_name IS NULL THEN 'missing'"
" WHEN s.plugin <> 'pgoutput' THEN 'of plugin ' || s.plugin"
" WHEN s.wal_status = 'lost' THEN 'lost'"
" WHEN EXISTS (SELECT FROM unnest($3::text[]) p WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = p)) THEN 'without publication'"
" WHEN s.active THEN 'active' ELSE 'idle' END,"
" s.confirmed_flush_lsn,"
" CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END"
" FROM (SELECT) one LEFT JOIN pg_replication_slots s ON s.slot_name = $1::text";

/*
 * pgwire_fdw_feed_status(server name, feed name): state of the slot, its confirmed
 * position and the end of the remote's WAL. Whoever may not use the feed, or has no
 * way to ask, gets NULLs; a remote that does not answer is "unreachable", and why.
 */
Datum
pgwire_fdw_feed_status(PG_FUNCTION_ARGS)
{
	pgwire_feed *feed = pgwire_feed_find(NameStr(*PG_GETARG_NAME(0)), NameStr(*PG_GETARG_NAME(1)), false);
	ForeignServer *server = GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)), true);
	TupleDesc	tupdesc;
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};
	const pgwire_failure *failure;
	pgwire_ask *ask;
	char	  **row;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED, "the result is a row", NULL, NULL);
	if (feed != NULL && server != NULL && has_privs_of_role(GetUserId(), feed->owner))
	{
		ask = pgwire_ask_open(GetUserId(), server->serverid, status_sql, 3, PGWIRE_ASK_ALONE | PGWIRE_ASK_TRY);
		pgwire_ask_limit(ask, STATUS_MS);
		pgwire_ask_param(ask, feed->slot);
		pgwire_ask_param(ask, feed->system_id);
		pgwire_ask_param(ask, feed->publications);
		row = pgwire_ask_row(ask);
		for (int i = 0; row != NULL && i < 3; i++)
		{
			nulls[i] = row[i] == NULL;
			if (!nulls[i])
				values[i] = i == 0 ? CStringGetTextDatum(row[i]) :
					DirectFunctionCall1(pg_lsn_in, CStringGetDatum(row[i]));
		}
		if ((failure = pgwire_ask_failure(ask)) != NULL)
		{
			nulls[0] = nulls[3] = false;
			values[0] = CStringGetTextDatum("unreachable");
			values[3] = CStringGetTextDatum(failure->message);
		}
		pgwire_ask_close(ask);
	}
	else if (feed != NULL && server == NULL)
	{
		nulls[0] = false;
		values[0] = CStringGetTextDatum("without server");
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* pgwire_fdw_feed_worker_runs(role oid) returns boolean: a worker of this database has its lock. */
Datum
pgwire_fdw_feed_worker_runs(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag = pgwire_worker_lock(MyDatabaseId, PG_GETARG_OID(0));

	if (LockAcquire(&tag, ShareLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		PG_RETURN_BOOL(true);
	LockRelease(&tag, ShareLock, true);
	PG_RETURN_BOOL(false);
}
